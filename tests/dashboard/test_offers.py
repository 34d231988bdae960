"""Those who have just brought signals are led to codes, by what suits them."""

import asyncio
import time
from dataclasses import replace

import numpy as np
import pytest

from explorer.dashboard.library import Library
from explorer.dashboard.state import State
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.offers import Offers, gone
from explorer.dashboard.views.sidebar import source
from explorer.dashboard.ways import ENOUGH, Way, ways
from explorer.dashboard.workspace import Opened, Workspace
from explorer.engine import Engine, Job
from explorer.errors import NotFound
from explorer.messages import Fit, JobState, Progress, Train
from explorer.observations import Sampling
from explorer.readers import load
from explorer.representations import base
from explorer.signals import SignalSet


def pictures(n: int, side: int = 8) -> SignalSet:
    return SignalSet.from_grids(np.zeros((n, side, side), np.uint8), axes="yx", name="some")


def test_one_network_learns_from_many_and_few_get_their_own():
    assert [way.title for way in ways(pictures(ENOUGH))] == ["train a hypernetwork", "fit 12 networks", "fit 12 clouds"]
    assert [way.title for way in ways(pictures(1))] == ["fit a network", "fit a cloud"]
    assert [way.preset for way in ways(pictures(1, 300))] == ["pictures", "pictures"]
    series = SignalSet.from_points([(np.arange(5.0), np.ones(5)), (np.arange(3.0), np.ones(3))], axes="t")
    assert [way.title for way in ways(series)] == ["fit 2 networks"]


@pytest.mark.parametrize("signals", [pictures(1), pictures(1, 300), pictures(ENOUGH)])
def test_every_way_is_a_configuration_that_there_is(signals: SignalSet):
    for way in ways(signals):
        assert base.get(way.representation).config(way.preset, way.changes)
        assert way.fits != base.get(way.representation).amortised


def test_a_way_leads_to_codes(engine: Engine, library: Library):
    signals = load("digits")[300:304]
    engine.put(signals.artifact, "four more digits")
    way = Way("fit 4 networks", "", "siren", changes={"widths": (8, 8), "steps": 5, "standards": 4})
    checkpoint = gone(engine, way, signals)
    assert library.there(checkpoint, signals, Sampling()) is not None


def test_a_way_is_gone_to_its_end_when_nobody_waits_any_more(
    engine: Engine, library: Library, monkeypatch: pytest.MonkeyPatch
):
    signals = load("digits")[310:314]
    engine.put(signals.artifact, "four others")
    monkeypatch.setattr(Job, "until_done", lambda job: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        gone(engine, Way("", "", "siren", changes={"widths": (8, 8), "steps": 5, "standards": 4}), signals)
    trained, fitted = engine.jobs()[-2:]
    assert (trained.recipe["op"], fitted.recipe["op"]) == ("train", "fit")
    assert [state.state for state in engine.job_events(fitted.id)][-1] == "done"
    assert library.there(engine.result_id(trained.key), signals, Sampling()) is not None


def test_codes_without_their_training_are_refused(engine: Engine):
    signals = load("digits")[320:324]
    train = Train(representation="siren", signals=engine.put_signals(signals), split="all", seed=77)
    with pytest.raises(NotFound, match="Train first"):
        engine.submit(Fit(train=train, sampling=Sampling().on(signals))).until_done()


def test_progress_stands_in_the_place_of_the_buttons(engine: Engine):
    signals = pictures(3)
    engine.put(signals.artifact, "three black pictures")
    recipe = {"op": "train", "representation": "siren", "signals": signals.id}
    running = JobState(
        id="1", state="running", key="k", recipe=recipe, progress=Progress(step=3, total=10, message="fitting")
    )
    seen = []

    def look(offers: Offers) -> None:
        seen.append((offers._ways.visible, offers._progress.visible, offers._bar.value))

    async def live() -> None:
        workspace = Workspace(engine, State(signals=signals.id))
        offers = Offers(workspace)
        workspace.load()
        end = time.monotonic() + 60
        while workspace.calls.running and time.monotonic() < end:
            await asyncio.sleep(0.02)
        look(offers)
        offers.jobs = [running]
        look(offers)
        offers.jobs = []
        look(offers)

    asyncio.run(live())
    assert seen == [(True, False, 0), (False, True, 30), (True, False, 30)]


def test_a_checkpoint_that_never_saw_the_signals_says_so(library: Library, digits: Subject):
    others = SignalSet.from_grids(np.zeros((2, 8, 8), np.uint8), axes="yx", name="others")
    entry = next(e for e in library.engine.entries("checkpoint") if e.id == digits.checkpoint.id)
    opened = Opened(signals=others, subject=None, menu=library.menu(others), entry=entry)
    assert source(opened) == "learned from digits, not these"
    assert source(replace(opened, signals=digits.signals)) == source(replace(opened, entry=None)) == ""
