"""A dashboard with digits and a small checkpoint, and a browser to look at it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for driving.py, which scripts here use as well

import driving  # noqa: E402
from playwright.sync_api import Browser, Playwright, expect, sync_playwright  # noqa: E402

expect.set_options(timeout=90_000)  # a busy machine is no failure


# Not for the session: while Playwright runs, no other test can start an event loop.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    if not driving.CHROMIUM.exists():
        pytest.skip(f"needs {driving.CHROMIUM}")
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = driving.launched(playwright)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a checkpoint for digits, trained for a moment."""
    from explorer.local import LocalEngine
    from explorer.readers import load

    home = tmp_path_factory.mktemp("home")
    with LocalEngine(home, device="cpu") as engine:
        small = {"width": 8, "point_width": 32, "min_steps": 1, "max_steps": 200}
        engine.train("hypernetwork", load("digits"), split="all", **small)
    return home


@pytest.fixture(scope="session")
def dashboard(home: Path) -> Iterator[driving.Served]:
    with driving.served(home) as served:
        yield served
