"""Nothing of a visit is left when it has ended."""

import gc
import socket
import time
import weakref
from collections.abc import Callable, Iterator

import panel as pn
import pytest
from bokeh.client import pull_session

from explorer.dashboard import app
from explorer.dashboard.app import build
from explorer.dashboard.subject import Subject
from explorer.dashboard.workspace import Workspace
from explorer.engine import Engine

VISITS = 3
QUICKLY = {"unused_session_lifetime_milliseconds": 300, "check_unused_sessions_milliseconds": 200}


@pytest.fixture
def shells() -> list[weakref.ref]:
    """The shells of all visits."""
    return []


@pytest.fixture
def url(engine: Engine, shells: list[weakref.ref], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    class Noted(app.Shell):
        def __init__(self, *arguments: object):
            super().__init__(*arguments)
            shells.append(weakref.ref(self))

    monkeypatch.setattr(app, "Shell", Noted)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = pn.serve(lambda: build(engine), port=port, address="127.0.0.1", show=False, threaded=True, **QUICKLY)
    until(lambda: answers(port), "the server's start")
    yield f"http://127.0.0.1:{port}"
    server.stop()


def until(true: Callable[[], object], what: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not happen in time"
        time.sleep(0.1)


def answers(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def arrive(workspace: Workspace) -> None:
    """As a browser says that it shows the page."""
    loop = next(iter(workspace.calls._tasks)).get_loop()
    loop.call_soon_threadsafe(workspace.calls.arrive)


def is_filled(workspace: Workspace) -> bool:
    return workspace.opened is not None and not workspace.calls.running


def test_no_object_of_a_visit_outlives_it(url: str, shells: list[weakref.ref], digits: Subject):
    parts: list[weakref.ref] = []
    for visit in range(VISITS):
        session = pull_session(url=url, arguments={"s": digits.signals.id, "map": "pca"})
        shell = shells[visit]()
        parts += map(weakref.ref, (shell, shell.workspace, shell.state, shell.template, shell.page, shell.page.map))
        until(lambda shell=shell: shell.page.filled, "the page's filling")
        if visit:  # the first leaves before his browser shows anything
            arrive(shell.workspace)
            until(lambda shell=shell: is_filled(shell.workspace), "the rest of the page")
        assert len(shell.page.map.layout) == len(digits.signals)
        session.close()
        del shell, session

    def is_gone() -> bool:
        gc.collect()
        return all(part() is None for part in parts)

    until(is_gone, "the end of all that visits had", 30)
