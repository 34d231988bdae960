"""The fit of one signal is replayed: it goes from rough to fine, and ends where the fit among all signals ended."""

from typing import Any

import numpy as np
import pytest

from explorer.dashboard.library import Library
from explorer.dashboard.scrub import SNAPSHOTS, can_replay, replay
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.scrub import Scrub
from explorer.observations import Sampling
from explorer.readers import load

FITS: dict[str, dict[str, Any]] = {
    "siren": {"widths": (8, 8), "steps": 40, "warm_steps": 10, "standards": 8},
    "oinr": {"preset": "compact", "steps": 40, "standards": 8},
    "arc": {"train_steps": 40, "steps": 30},
}


@pytest.fixture(scope="module", params=FITS)
def fitted(request: pytest.FixtureRequest, library: Library) -> Subject:
    signals, engine = load("digits200")[::20], library.engine
    engine.put_signals(signals)
    checkpoint = engine.train(request.param, signals, split="all", **FITS[request.param])
    subject = Subject(library, signals, checkpoint, Sampling().on(signals))
    assert len(subject.codes) == 10
    return subject


def test_a_replayed_fit_ends_where_the_fit_among_all_ended(fitted: Subject):
    found = replay(fitted, 3)
    count = len(found.steps)
    assert 5 < count <= SNAPSHOTS and (np.diff(found.steps) > 0).all() and found.steps[0] == 1
    assert len(found.pictures) == count and found.places.shape == (count, 2) and len(found.layout) == 10
    assert found.psnr_db[-1] > found.psnr_db[0] + 1
    # A fit keeps the best that it saw, which the last snapshot is, or nearly.
    assert found.psnr_db[-1] == pytest.approx(fitted.quality(3)["psnr_db"], abs=1)
    gap = np.linalg.norm(found.places[-1] - found.layout[3]) / np.ptp(found.layout, axis=0).max()
    assert gap < 0.1
    names = {entry.name for entry in fitted.library.engine.entries("checkpoint")}
    assert "replayed" not in names, "what was made to look is not offered to anybody"


def test_the_slider_stands_at_the_end_and_shows_every_moment(fitted: Subject):
    found = replay(fitted, 3)
    scrub = Scrub()
    scrub.show(found, name="3")
    assert scrub.at == len(found.steps) - 1
    assert len(scrub.fit["pictures"]) == len(scrub.fit["places"]) == len(scrub.fit["codes"]) == len(found.steps)
    assert np.abs(scrub.fit["codes"]).max() == pytest.approx(1)
    scrub.show(None)
    assert scrub.fit == {} and scrub.at == 0


def test_only_fits_are_replayed(library: Library):
    described = library.engine.describe()["representations"]
    assert {name for name, about in described.items() if can_replay(about)} == {"siren", "oinr", "arc"}
    assert not can_replay(None)
