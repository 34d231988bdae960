"""Sentences that quote strangers are shown as they stand."""

import html

import pytest

from explorer.dashboard.views.notices import notice, tell

HOSTILE = (
    "Got '<img src=x onerror=alert(1)>'; expected another.",
    "<script>alert(1)</script> &lt;b&gt; \\<b>",
    "[here](javascript:alert(1)) ![](http://evil.example/x.png) <http://evil.example> www.evil.example http://evil.example",
    "# heading\n\n- list\n1. one `code` **bold** ~~gone~~ | a | b |",
    "    indented, *é* and 5 > 3",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_a_sentence_is_markup(text: str):
    frame = notice()
    tell(frame, text)
    sent = html.unescape(frame._process_param_change({"object": frame.object})["object"])
    assert sent.strip() == f"<p>{html.escape(' '.join(text.split()), quote=True).replace('&#x27;', chr(39))}</p>"


def test_a_closed_frame_opens_again_for_what_comes_next():
    frame = notice(closeable=True)
    tell(frame, "one")
    assert frame.visible
    frame.closed = True
    tell(frame, "two")
    assert frame.visible and not frame.closed
    tell(frame, "")
    assert not frame.visible
