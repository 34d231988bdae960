"""What is sent before a visitor's own page is made."""

import re
import socket
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest
from driving import Served
from panel.io.server import DocHandler

from explorer.dashboard import head


def page(url: str) -> tuple[str, str]:
    """What is sent without what is the visitor's own, and his token."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        text = answer.read().decode()
        assert answer.headers["Cache-Control"] == "no-store" and answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    (token,) = re.findall(r'"token":"([^"]+)"', text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", text.replace(token, ""))
    return re.sub(r"\bp\d+\b", "", text), token


def pieces(url: str) -> list[str]:
    """An answer, as it was sent piece by piece."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=60) as line:
        line.sendall(f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n".encode())
        answer = line.makefile("rb")
        while answer.readline().strip():
            pass
        sent = []
        while size := int(answer.readline(), 16):
            sent.append(answer.read(size).decode())
            answer.readline()
    return sent


def test_each_visitor_has_a_page_of_his_own_that_begins_alike(dashboard: Served):
    first, *others = (page(dashboard.url) for _ in range(3))
    assert {text for text, _ in others} == {first[0]}
    assert len({token for _, token in (first, *others)}) == 3


def test_the_scripts_are_sent_before_anything_of_the_visitor(dashboard: Served):
    page(dashboard.url)
    begin, *rest = pieces(dashboard.url)
    assert "bokeh.min.js" in begin and "importShim(" in begin and "token" not in begin and "data-root-id" not in begin
    assert "token" in "".join(rest) and "<script src" not in "".join(rest)


def test_dark_pages_are_kept_apart(dashboard: Served):
    page(dashboard.url + "?theme=dark")  # Panel's own, which is no reason to show others a dark page
    light, _ = page(dashboard.url)
    dark, _ = page(dashboard.url + "?d=1")
    assert page(dashboard.url + "?p=Edit&i=3")[0] == light
    assert page(dashboard.url + "?d=1&p=Edit")[0] == dark


def test_a_page_that_begins_otherwise_than_was_said_is_asked_for_again(monkeypatch: pytest.MonkeyPatch):
    written: list[Any] = []
    monkeypatch.setattr(DocHandler, "write", lambda handler, chunk: written.append(chunk), raising=False)
    monkeypatch.setattr(head.HeadFirst, "_key", "here")
    monkeypatch.setattr(head.HeadFirst, "_ordinary", True)
    monkeypatch.setattr(head, "_kept", {})

    def send(page: str, sent: str = "") -> str:
        handler = object.__new__(head.HeadFirst)
        handler._sent = sent
        handler.write(page)
        return written.pop()

    old, new = (f"<head>{name}</head><body><p></p><div data-root-id='1'>mine</div>" for name in ("old", "new"))
    assert "mine" in send(old)
    kept = head._kept["here"]
    assert kept.endswith("<body><p></p>") and kept.startswith("<head>old<script")
    assert send(old, sent=kept) == "<div data-root-id='1'>mine</div>"
    assert send(new, sent=kept) == "<script>location.reload()</script>" and head._kept == {}
    assert send("an error page") == "an error page" and head._kept == {}
