"""Sentences in a frame: what went wrong, or is not as it was asked for.

They quote what strangers wrote, names of files and what stands in an address, and the toolkit takes what it frames for
Markdown with HTML in it: so every mark is escaped.
"""

import re
from typing import Any, Literal

import panel_material_ui as pmui

_TIGHT = {"& .MuiAlertTitle-root": {"display": "none"}, "& p": {"margin": 0}}
_MARK = re.compile(r"([!-/:-@\[-`{-~])")


def notice(severity: Literal["error", "warning"] = "error", **options: Any) -> pmui.Alert:
    """A frame, which is not seen before it is told something."""
    return pmui.Alert(severity=severity, object="", visible=False, sx=_TIGHT, **options)


def tell(frame: pmui.Alert, sentence: str) -> None:
    """Show a sentence as it stands, also where an earlier one was closed; none where it is empty."""
    frame.param.update(object=plain(sentence), visible=bool(sentence), closed=False)


def plain(text: str) -> str:
    """The Markdown that shows a text as it stands (CommonMark 2.4: any mark of ASCII can be escaped)."""
    return _MARK.sub(r"\\\1", " ".join(text.split()))
