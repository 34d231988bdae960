"""Nothing of a visit is left when it has ended."""

import gc
import socket
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import panel as pn
import pytest
from driving import opened, wait_for_map
from playwright.sync_api import Browser

from explorer.dashboard import app
from explorer.dashboard.app import build
from explorer.local import LocalEngine

VISITS = 5
QUICKLY = {"unused_session_lifetime_milliseconds": 300, "check_unused_sessions_milliseconds": 200}


@pytest.fixture(scope="module")
def shells() -> list[weakref.ref]:
    """Of each visit what the page of it hangs on."""
    return []


@pytest.fixture(scope="module")
def url(home: Path, shells: list[weakref.ref]) -> Iterator[str]:
    made = app.Shell

    class Noted(made):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            shells.extend(map(weakref.ref, (self, self.workspace, self.workspace.state, self.template)))

    engine = LocalEngine(home, device="cpu")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app.Shell = Noted
    server = pn.serve(lambda: build(engine), port=port, address="127.0.0.1", show=False, threaded=True, **QUICKLY)
    yield f"http://127.0.0.1:{port}"
    server.stop()
    app.Shell = made
    engine.close()


def alive(shells: list[weakref.ref]) -> list[object]:
    gc.collect()
    return [found for ref in shells if (found := ref()) is not None]


def test_no_object_of_a_visit_outlives_it(browser: Browser, url: str, shells: list[weakref.ref]):
    for _ in range(VISITS):
        page = opened(browser, f"{url}/?map=pca")
        wait_for_map(page)
        page.get_by_alt_text("render").wait_for()
        page.get_by_role("button", name="Compare").click()
        page.wait_for_timeout(500)
        page.context.close()
    assert len(shells) == 4 * VISITS
    deadline = time.monotonic() + 30
    while left := alive(shells):
        assert time.monotonic() < deadline, left
        time.sleep(0.5)
