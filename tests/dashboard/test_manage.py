"""Sets that people made: renamed, deleted, parted, and everything undone."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from explorer.dashboard.library import Library
from explorer.dashboard.state import State
from explorer.dashboard.views.manage import Manager
from explorer.dashboard.views.upload import Taken, Upload, own_sets
from explorer.dashboard.workspace import Workspace
from explorer.local import LocalEngine
from explorer.readings import Options
from explorer.signals import SignalSet


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalEngine]:
    with LocalEngine(tmp_path, device="cpu") as engine:
        engine.upload(
            b"id,t,a\n" + b"".join(b"s%d,%d,%d\n" % (s, t, s * t) for s in range(4) for t in range(5)), name="mine"
        )
        yield engine


def managed(engine: LocalEngine, *plays: Callable[[Manager], object]) -> Manager:
    """A visit to the set "mine" that has come to rest before and after each of ``plays``."""

    async def rest(workspace: Workspace) -> None:
        end = time.monotonic() + 60
        while workspace.calls.running:
            assert time.monotonic() < end, workspace.calls.running
            await asyncio.sleep(0.02)

    async def live() -> Manager:
        workspace = Workspace(engine, State(signals="mine"), Library(engine))
        manager = Manager(workspace, Upload(workspace))
        workspace.load()
        await rest(workspace)
        for play in plays:
            play(manager)
            await rest(workspace)
        return manager

    return asyncio.run(live())


def names(engine: LocalEngine) -> list[str]:
    return [entry.name for entry in own_sets(engine)]


def undo(manager: Manager) -> None:
    manager._undo.clicks += 1


def test_a_set_is_renamed_and_called_as_before(own: LocalEngine):
    seen = []

    def rename(manager: Manager) -> None:
        manager._rename.clicks += 1
        manager._name.value = "ours"

    def look(manager: Manager) -> None:
        seen.append((names(own), manager.workspace.state.signals, manager._undo.label))

    managed(own, rename, look, undo, look)
    assert seen[0] == (["ours"], "ours", "undo: call it mine again") and seen[1][:2] == (["mine"], "mine")


def test_a_set_is_deleted_and_brought_back(own: LocalEngine):
    seen = []

    def look(manager: Manager) -> None:
        seen.append((names(own), manager.workspace.state.signals, manager._delete.visible))

    managed(own, look, lambda m: m._delete.param.trigger("clicks"), look, undo, look)
    assert seen == [(["mine"], "mine", True), ([], "digits", False), (["mine"], "mine", True)]


def test_a_selection_becomes_a_set(own: LocalEngine):
    seen = []

    def make(manager: Manager) -> None:
        manager.workspace.state.selection = [2, 0]
        assert manager._part.visible
        manager._part.clicks += 1
        manager._name.value = "two of mine"

    def look(manager: Manager) -> None:
        opened = manager.workspace.signals
        seen.append((names(own), opened.ids, manager._fetch.visible))

    managed(own, look, make, look, undo, look)
    assert seen[1] == (["two of mine", "mine"], ("s0", "s2"), False)
    assert seen[0] == seen[2] == (["mine"], ("s0", "s1", "s2", "s3"), True)


def test_a_name_that_is_taken_is_said(own: LocalEngine):
    def rename(manager: Manager) -> None:
        manager._rename.clicks += 1
        manager._name.value = "digits"

    manager = managed(own, rename)
    assert "another set has" in manager._wrong.object and manager._wrong.visible and names(own) == ["mine"]


def test_what_was_added_is_taken_out_again(own: LocalEngine):
    seen = []

    def add(manager: Manager) -> None:
        data = b"id,t,a\ns9,0,1\ns9,1,5\ns9,2,5\ns9,3,5\ns9,4,5\n"
        upload = own.start_upload("more.csv", len(data))
        own.send(upload.id, 0, [data])
        before = own_sets(own)[0]
        own.take(upload.id, Options(), before.id)
        manager._note_taken(type("Event", (), {"new": Taken(own_sets(own)[0], before)}))
        manager.workspace.library.renew("mine")
        manager.workspace.load()

    def look(manager: Manager) -> None:
        seen.append((names(own), len(manager.workspace.signals), "original" in manager._fetch.object))

    managed(own, add, look, undo, look)
    assert seen == [(["mine"], 5, True), (["mine"], 4, True)]


def test_what_comes_with_the_engine_is_nobodys(own: LocalEngine):
    own.put_signals(SignalSet.from_grids(np.zeros((2, 8, 8), np.float32), axes="yx", name="digits"))
    assert names(own) == ["mine"]
