"""The shell without a browser: several pages over one workspace, each made and asked only when it is open."""

import asyncio
import threading
import time
from collections.abc import Callable

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
import pytest

from explorer.dashboard import app, pages
from explorer.dashboard.app import Shell
from explorer.dashboard.library import Library, encodings
from explorer.dashboard.page import Page
from explorer.dashboard.pages import PAGES, offered, page_class
from explorer.dashboard.state import SHORT, State, from_query
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.sidebar import offer
from explorer.dashboard.workspace import Workspace
from explorer.observations import Sampling
from explorer.readers import load
from explorer.signals import SignalSet


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


def visited(library: Library, query: str, *plays: Callable[[Shell], object]) -> Shell:
    """A visit that has come to rest before and after each of ``plays``."""

    async def rest(shell: Shell) -> None:
        end = time.monotonic() + 60
        while shell.workspace.calls.running:
            assert time.monotonic() < end, shell.workspace.calls.running
            await asyncio.sleep(0.02)

    async def live() -> Shell:
        shell = Shell(Workspace(library.engine, State(**from_query(query)), library), query)
        shell.workspace.load()
        await rest(shell)
        for play in plays:
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
    shell = visited(library, query, lambda shell: press(shell, "4"))
    assert list(shell.pages) == ["Explore", "Compare"]
    assert shell.state.selection == [5, 9]
    assert shell.pages["Compare"].asked == [("8×8", 120)]
    assert [part.visible for part in shell._middle] == [False, True]
    assert "p=Compare" in shell.browser.query and "i=5.9" in shell.browser.query


def test_a_page_that_is_not_shown_asks_nothing_and_makes_up_for_it(library: Library, digits: Subject):
    def away(shell: Shell) -> None:
        press(shell, "4", "[", "[")

    query = f"s={digits.signals.id}&map=pca"
    shell = visited(library, query, away)
    explore = shell.pages["Explore"]
    assert shell.workspace.stop.label == "4×4" and explore.sample.forms.observed.shape == (8, 8, 1)
    assert ("4×4", 120) in shell.pages["Compare"].asked
    back = visited(library, query, away, lambda shell: press(shell, "1"))
    assert back.pages["Explore"].sample.forms.observed.shape == (4, 4, 1)


def test_a_page_has_its_own_keys_and_its_own_place_in_the_address(library: Library, digits: Subject):
    query = f"s={digits.signals.id}&map=pca&p=Compare&z=1.5"
    seen = []

    def note(shell: Shell) -> None:
        seen.append((list(shell.pages), "z=3.0" in shell.browser.query, "double" in shell._keys.object))

    visited(library, query, lambda shell: (press(shell, "x"), note(shell), press(shell, "1"), note(shell)))
    assert seen == [(["Compare"], True, True), (["Compare", "Explore"], False, False)]


def test_what_a_page_lacks_is_said_in_its_place(library: Library, digits: Subject):
    shell = visited(library, f"s={digits.signals.id}&map=pca&sp=raw", lambda shell: press(shell, "4"))
    assert "any space but raw" in shell.lacking.text.object and shell.lacking.visible
    assert not any(part.visible for part in shell._middle if part is not shell.lacking)


def test_a_checkpoint_that_is_not_there_is_not_replaced_in_silence(library: Library, digits: Subject, curves: Subject):
    def said(checkpoint: str) -> str:
        return visited(library, f"s={digits.signals.id}&c={checkpoint}&map=pca").workspace.opened.instead

    shown = library.menu(digits.signals).checkpoints[0].name
    assert said("") == said(digits.checkpoint.id) == said(digits.checkpoint.id[:12]) == ""
    gone = said("0123456789abcdef" * 4)
    assert "0123456789ab … is not kept here" in gone and f"in its place you see {shown}" in gone and "Choose" in gone
    assert "waves" in said(curves.checkpoint.id) and "another kind" in said(curves.checkpoint.id)


def test_what_replaces_a_checkpoint_is_said_until_another_is_chosen(library: Library, digits: Subject):
    seen = []

    def look(shell: Shell) -> None:
        (frame,) = shell.template.main[0].select(lambda part: getattr(part, "severity", "") == "warning")
        seen.append(frame.visible)

    def choose(shell: Shell) -> None:
        look(shell)
        shell.state.checkpoint = digits.checkpoint.id

    visited(library, f"s={digits.signals.id}&c={'0' * 64}&map=pca", choose, look)
    assert seen == [True, False]


def test_a_control_is_told_once_of_other_signals(library: Library, digits: Subject, curves: Subject):
    """Twice within a moment, and the browser may write the former value back as if it were a choice."""
    told: list[int] = []

    def switch(shell: Shell) -> None:
        assert shell.sidebar._k.value == 5 and not shell.workspace.loading
        shell.sidebar._k.param.watch(lambda event: told.append(event.new), "value")
        shell.state.param.update(signals=curves.signals.id, checkpoint="", resolution=0, space="", k=None, selection=[])
        assert shell.workspace.loading

    shell = visited(library, f"s={digits.signals.id}&k=5&map=pca", switch)
    assert told == [3] and not shell.workspace.loading


def test_signals_without_a_checkpoint_lead_to_the_page_that_trains(
    library: Library, digits: Subject, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app, "offered", lambda: ("Explore", "Train"))
    signals = SignalSet.from_grids(np.zeros((3, 4, 4, 5), np.uint8), axes=["y", "x"], name="five channels")
    library.engine.put(signals.artifact, "five channels")
    seen = []

    def look(shell: Shell) -> None:
        seen.append(
            (
                shell.lacking.visible,
                shell._offered.visible,
                any(part.visible for part in shell._middle if part is not shell.lacking),
            )
        )

    def click(shell: Shell) -> None:
        look(shell)
        shell._train.clicks += 1

    def back(shell: Shell) -> None:
        look(shell)
        shell.state.param.update(page="Explore", signals=digits.signals.id)

    shell = visited(library, f"s={signals.id}&map=pca", click, back)
    look(shell)
    assert list(shell.pages) == ["Explore", "Train"]
    assert seen == [(True, True, False), (False, False, True), (False, False, True)]


def test_where_there_is_no_cloud_to_edit_the_page_opens_one_that_ships(
    library: Library, digits: Subject, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app, "offered", lambda: ("Explore", "Edit"))
    monkeypatch.setattr(app, "page_class", page_class)
    seen = []

    def click(shell: Shell) -> None:
        seen.append((shell.lacking.button.visible, shell.lacking.button.label))
        shell.lacking.button.clicks += 1

    shell = visited(library, f"s={digits.signals.id}&p=Edit", click)
    assert seen == [(True, "open the clouds of photographs")]
    assert shell.state.signals == "photographs" and shell.page.missing() == ""


def test_a_signal_alone_is_edited_but_leads_nowhere(library: Library, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app, "offered", lambda: ("Explore", "Interpolate", "Edit"))
    monkeypatch.setattr(app, "page_class", page_class)
    engine, alone = library.engine, load("digits")[7:8]
    engine.put(alone.artifact, "one digit")
    quick = {"latent": 4, "train_signals": 1, "train_steps": 20, "train_points": 8, "steps": 2}
    checkpoint = engine.train("arc", alone, split="all", **quick)
    assert engine.encode(checkpoint, alone).arrays  # fitted now
    seen = []

    def walk(shell: Shell) -> None:
        seen.append((shell.page.missing(), shell.page._moved.object))
        press(shell, "2")

    shell = visited(library, f"s={alone.id}&c={checkpoint.id}&map=pca&p=Edit", walk)
    ((missing, moved),) = seen
    assert missing == "" and "nothing to compare" in moved
    assert "this one is alone" in shell.page.missing() and shell.lacking.visible


def test_side_by_side_stand_checkpoints_for_signals_of_the_same_size(library: Library, digits: Subject):
    menu = library.menu(digits.signals)
    names = {entry.name for entry in menu.checkpoints}
    assert {"digits functa 0", "faces hypernetwork 0"} <= names
    faces = next(entry.id for entry in menu.checkpoints if entry.name == "faces hypernetwork 0")
    alike = {entry.name for entry in menu.alike(digits.signals, digits.checkpoint.id)}
    assert "digits functa 0" in alike and "faces hypernetwork 0" not in alike
    assert "faces hypernetwork 0" in {entry.name for entry in menu.alike(digits.signals, faces)}


def test_codes_that_a_job_has_made_are_looked_at_by_all_who_miss_them(library: Library):
    engine, signals = library.engine, load("digits")[60:72]
    engine.put(signals.artifact, "some digits")
    checkpoint = engine.train("siren", signals, split="all", widths=(8, 8), steps=10, standards=12)
    seen, polled = [], threading.Event()

    def fit(shell: Shell) -> None:
        seen.append((shell.lacking.button.visible, shell.lacking.button.label))
        engine.submit(encodings(checkpoint.id, signals, Sampling())[0]).until_done()
        task = asyncio.ensure_future(shell._poll())
        task.add_done_callback(lambda done: (seen.append(done.exception()), polled.set()))
        shell.workspace.ask("wait", "waiting", polled.wait, lambda _: None)

    shell = visited(library, f"s={signals.id}&c={checkpoint.id}&map=pca", fit)
    assert seen == [(True, "fit 12 signals"), None]
    assert shell.page.missing() == "" and not shell.lacking.button.visible
    assert len(shell.pages["Explore"].map.layout) == 12


def test_signals_that_the_address_gives_by_their_id_are_called_by_their_name(library: Library):
    signals = SignalSet.from_grids(np.zeros((3, 4, 4, 6), np.uint8), axes=["y", "x"], name="six channels")
    library.engine.put(signals.artifact, "by a hash")
    shell = visited(library, f"s={signals.id}")
    choice = shell.sidebar._signals
    assert choice.value == signals.id and choice.options["by a hash"] == signals.id
    assert signals.id not in choice.options
    assert choice.get_root().data.value == "by a hash"


def test_a_choice_that_is_renamed_is_shown_by_its_new_name():
    select = pmui.Select(options={"an id": "an id"}, value="an id")
    shown = select.get_root()
    offer(select, {"other": "b", "name": "an id"}, "an id")
    assert shown.data.value == "name" and shown.data.options == ["other", "name"]


def test_an_unknown_page_in_the_address_opens_the_first(library: Library, digits: Subject):
    shell = visited(library, f"s={digits.signals.id}&map=pca&p=Nowhere")
    assert list(shell.pages) == ["Explore"]


@pytest.mark.parametrize("name", offered())
def test_each_page_has_a_class_of_its_name_and_short_names_of_its_own(name: str):
    made = page_class(name)
    assert issubclass(made, Page) and made.__name__ == name
    assert not set(made.address.values()) & set(SHORT.values())
    assert set(made.address) <= set(made.param)
    assert not set(made.keys) & {"[", "]", "?", *map(str, range(1, len(PAGES) + 1))}


def test_a_page_without_a_file_is_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(pages.PAGES, "Nowhere", "")
    assert "Nowhere" not in offered() and "Explore" in offered()


def test_choices_are_undone_and_done_again(library: Library, digits: Subject):
    seen = []

    def play(shell: Shell) -> None:
        shell.state.selection = [3]
        shell.state.k = 4
        shell.state.selection = [3, 5]
        for key in "uuuuUUUU":
            press(shell, key)
            seen.append((shell.state.selection, shell.state.k))

    visited(library, f"s={digits.signals.id}&map=pca", play)
    assert seen[:4] == [([3], 4), ([3], None), ([], None), ([], None)]
    assert seen[4:] == [([3], None), ([3], 4), ([3, 5], 4), ([3, 5], 4)]


def test_a_drag_over_many_stops_is_one_step_and_a_new_choice_ends_redo(library: Library, digits: Subject):
    seen = []

    def play(shell: Shell) -> None:
        press(shell, "[", "[", "u")
        seen.append(shell.state.resolution)
        shell.state.selection = [1]
        press(shell, "U")
        seen.append(shell.state.resolution)

    shell = visited(library, f"s={digits.signals.id}&map=pca", play)
    assert seen == [0, 0] and shell.state.selection == [1]


def test_a_large_selection_stands_in_the_address_by_name(library: Library, digits: Subject):
    rows, query = list(range(0, 100, 2)), f"s={digits.signals.id}&map=pca"
    address = visited(library, query, lambda shell: shell.state.param.update(selection=rows)).browser.query
    assert "view=" in address and "&i=" not in address and len(address) < 250
    elsewhere = visited(library, address)
    assert elsewhere.state.selection == rows and elsewhere.browser.query == address
    shorter = visited(library, address, lambda shell: shell.state.param.update(selection=[1]))
    assert "view=" not in shorter.browser.query


def test_a_search_selects_by_id_or_label(library: Library, digits: Subject):
    seen = []

    def play(shell: Shell) -> None:
        for text in ("17", "nothing of the kind", "4"):
            shell.workspace.search(text)
            seen.append(shell.state.selection)

    visited(library, f"s={digits.signals.id}&map=pca", play)
    assert seen[:2] == [[17], []] and seen[2][0] == 4
    assert set(seen[2]) == {4, *np.flatnonzero(digits.signals.labels == 4)}


def test_space_plays_the_resolutions(library: Library, digits: Subject, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app, "PLAY_EVERY_S", 0.01)
    seen: list[int] = []

    async def live() -> Shell:
        query = f"s={digits.signals.id}&map=pca&r=48"
        shell = Shell(Workspace(library.engine, State(**from_query(query)), library), query)
        shell.workspace.load()
        while shell.workspace.opened is None:
            await asyncio.sleep(0.02)
        shell.state.param.watch(lambda event: seen.append(event.new), "resolution")
        press(shell, " ")
        await shell._playing
        shell.workspace.calls.close()
        return shell

    shell = asyncio.run(live())
    assert seen == [4, 6, 0, 12, 16, 24, 32, 48] and shell.workspace.stop.size == 48
