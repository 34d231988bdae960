"""The shell without a browser: several pages over one workspace, each made and asked only when it is open."""

import asyncio
import time
from collections.abc import Callable

import panel as pn
import param
import pytest

from explorer.dashboard import app, pages
from explorer.dashboard.app import Shell
from explorer.dashboard.library import Library
from explorer.dashboard.page import Page
from explorer.dashboard.pages import PAGES, offered, page_class
from explorer.dashboard.state import SHORT, State, from_query
from explorer.dashboard.subject import Subject
from explorer.dashboard.workspace import Workspace


class Compare(Page):
    """A small page: it counts what it asks."""

    keys = {"x": "double"}
    address = {"zoom": "z"}
    zoom = param.Number(1.0, bounds=(0.1, 10))

    def __init__(self, workspace: Workspace, **params: object):
        super().__init__(workspace, **params)
        self.asked: list[tuple[str, int]] = []
        self.follow(workspace.state, lambda *events: self.look(), "resolution")

    def middle(self) -> pn.pane.HTML:
        return pn.pane.HTML("middle")

    def side(self) -> pn.pane.HTML:
        return pn.pane.HTML("side")

    def look(self) -> None:
        subject, stop = self.workspace.subject, self.workspace.stop
        assert subject is not None
        self.ask("n", "counting", lambda: len(subject.signals), lambda n: self.asked.append((stop.label, n)))

    def missing(self) -> str:
        return super().missing() or ("Choose any space but raw." if self.workspace.state.space == "raw" else "")

    def pressed(self, key: str) -> None:
        self.zoom *= 2


@pytest.fixture(autouse=True)
def two_pages(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app, "offered", lambda: ("Explore", "Compare"))
    monkeypatch.setattr(app, "page_class", lambda name: Compare if name == "Compare" else page_class(name))


def visited(library: Library, play: Callable[[Shell], object], query: str) -> Shell:
    """A visit that has come to rest before and after ``play``."""

    async def rest(shell: Shell) -> None:
        end = time.monotonic() + 60
        while shell.workspace.calls.running:
            assert time.monotonic() < end, shell.workspace.calls.running
            await asyncio.sleep(0.02)

    async def live() -> Shell:
        shell = Shell(Workspace(library.engine, State(**from_query(query)), library), query)
        shell.start()
        await rest(shell)
        play(shell)
        await rest(shell)
        assert shell.workspace.calls.errors == {}
        return shell

    return asyncio.run(live())


def press(shell: Shell, *keys: str) -> None:
    for key in keys:
        assert key in shell.browser.keys
        shell.browser._handle_msg(key)


def test_a_page_is_made_when_it_is_opened_and_finds_the_selection(library: Library, digits: Subject):
    query = f"s={digits.signals.id}&map=pca&i=5.9"
    shell = visited(library, lambda shell: press(shell, "4"), query)
    assert list(shell.pages) == ["Explore", "Compare"]
    assert shell.state.selection == [5, 9]
    assert shell.pages["Compare"].asked == [("8×8", 120)]
    assert [part.visible for part in shell._middle] == [False, True]
    assert "p=Compare" in shell.browser.query and "i=5.9" in shell.browser.query


def test_a_page_that_is_not_shown_asks_nothing_and_makes_up_for_it(library: Library, digits: Subject):
    def away(shell: Shell) -> None:
        press(shell, "4", "[", "[")

    query = f"s={digits.signals.id}&map=pca"
    shell = visited(library, away, query)
    explore = shell.pages["Explore"]
    assert shell.workspace.stop.label == "4×4" and explore.sample.forms.observed.shape == (8, 8, 1)
    assert ("4×4", 120) in shell.pages["Compare"].asked
    back = visited(library, lambda shell: (away(shell), press(shell, "1")), query)
    assert back.pages["Explore"].sample.forms.observed.shape == (4, 4, 1)


def test_a_page_has_its_own_keys_and_its_own_place_in_the_address(library: Library, digits: Subject):
    query = f"s={digits.signals.id}&map=pca&p=Compare&z=1.5"
    shell = visited(library, lambda shell: press(shell, "x"), query)
    assert list(shell.pages) == ["Compare"]
    assert shell.page.zoom == 3
    assert "z=3.0" in shell.browser.query
    assert "double" in shell._keys.object
    press(shell, "1")
    assert "z=" not in shell.browser.query and "double" not in shell._keys.object


def test_what_a_page_lacks_is_said_in_its_place(library: Library, digits: Subject):
    shell = visited(library, lambda shell: press(shell, "4"), f"s={digits.signals.id}&map=pca&sp=raw")
    assert "any space but raw" in shell._missing.object and shell._missing.visible
    assert not any(part.visible for part in shell._middle)


def test_an_unknown_page_in_the_address_opens_the_first(library: Library, digits: Subject):
    shell = visited(library, lambda shell: None, f"s={digits.signals.id}&map=pca&p=Nowhere")
    assert list(shell.pages) == ["Explore"]


@pytest.mark.parametrize("name", offered())
def test_each_page_has_a_class_of_its_name_and_short_names_of_its_own(name: str):
    made = page_class(name)
    assert issubclass(made, Page) and made.__name__ == name
    assert not set(made.address.values()) & set(SHORT.values())
    assert set(made.address) <= set(made.param)
    assert not set(made.keys) & {*app.KEYS, *map(str, range(1, len(PAGES) + 1))}


def test_a_page_without_a_file_is_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(pages.PAGES, "Nowhere", "")
    assert "Nowhere" not in offered() and "Explore" in offered()
