"""The network between page and dashboard is cut, and comes back: the page says so, and goes on where it was."""

import re
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from driving import opened, served, wait_for_map
from playwright.sync_api import Browser, expect


class Cable:
    """Carries connections to a port, unless it is cut: then those that are there break, and no new one is let in."""

    def __init__(self) -> None:
        self.far = 0
        self._listener = socket.create_server(("localhost", 0))
        self.port = self._listener.getsockname()[1]
        self._ends: set[socket.socket] = set()
        self._whole = True
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self._whole:
                    near.close()
                    continue
                far = socket.create_connection(("localhost", self.far))
                self._ends |= {near, far}
                threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError, ValueError), near, far:
            while True:
                for end in select.select([near, far], [], [])[0]:
                    if not (data := end.recv(2**16)):
                        return
                    (far if end is near else near).sendall(data)

    def cut(self) -> None:
        self._whole = False
        for end in list(self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._whole = True

    def close(self) -> None:
        self.cut()
        self._listener.close()


@pytest.fixture(scope="module")
def cable(home: Path) -> Iterator[Cable]:
    """To a dashboard that takes pages which come through it."""
    cable = Cable()
    with served(home, f"--allow-websocket-origin=localhost:{cable.port}") as dashboard:
        cable.far = urlsplit(dashboard.url).port or 0
        yield cable
        cable.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seconds", [1, 10])
def test_a_cut_of_the_network_loses_nothing(browser: Browser, cable: Cable, seconds: int):
    page = opened(browser, f"http://localhost:{cable.port}/explorer?map=pca")
    wait_for_map(page, timeout_s=200)
    page.get_by_role("slider", name="resolution").press("Home")
    page.get_by_role("button", name="the signal after").click()
    expect(page.get_by_text("observed at 4×4")).to_be_visible()
    chosen = page.get_by_role("slider", name="resolution").get_attribute("aria-valuetext")
    page.wait_for_function("/[?&]i=\\d/.test(location.search)")

    cable.cut()
    expect(page.get_by_text(re.compile("connection is lost"))).to_be_visible()
    page.wait_for_timeout(1000 * seconds)
    cable.mend()
    expect(page.get_by_text(re.compile("connection is lost"))).to_have_count(0)

    wait_for_map(page, timeout_s=200)
    expect(page.get_by_text("observed at 4×4")).to_be_visible()
    assert page.get_by_role("slider", name="resolution").get_attribute("aria-valuetext") == chosen
    page.get_by_role("slider", name="resolution").press("End")
    expect(page.get_by_text("observed at 48×48")).to_be_visible()
    page.context.close()
