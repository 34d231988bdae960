"""An engine in this process with a few digits, some curves, some volumes, and small checkpoints of each."""

import numpy as np
import pytest

from explorer.dashboard.library import Library
from explorer.dashboard.subject import Subject
from explorer.engine import Engine
from explorer.local import LocalEngine
from explorer.observations import Sampling
from explorer.readers import load
from explorer.signals import Axis, SignalSet

QUICK = {"min_steps": 1, "max_steps": 100, "width": 8, "point_width": 32}


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory):
    with LocalEngine(tmp_path_factory.mktemp("dashboard"), device="cpu") as engine:
        yield engine


@pytest.fixture(scope="session")
def library(engine: Engine) -> Library:
    return Library(engine)


@pytest.fixture(scope="session")
def digits(library: Library) -> Subject:
    signals = load("digits")[:120]
    return trained(library, signals, "few digits")


@pytest.fixture(scope="session")
def curves(library: Library) -> Subject:
    t = np.linspace(0, 1, 40, dtype=np.float32)
    waves = np.stack([np.sin(2 * np.pi * (1 + i % 3) * t + i) for i in range(24)])
    signals = SignalSet.from_grids(waves, axes=[Axis("t", "s", 0, 2)], name="waves", labels=np.arange(24) % 3)
    return trained(library, signals, "waves")


@pytest.fixture(scope="session")
def volumes(library: Library) -> Subject:
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in (5, 6, 7)], indexing="ij")
    balls = np.stack([np.exp(-(x**2 + y**2 + z**2) * (1 + i)) for i in range(8)]).astype(np.float32)
    signals = SignalSet.from_grids(balls, axes=["z", "y", "x"], name="balls")
    return trained(library, signals, "balls")


@pytest.fixture(scope="session")
def pictures(library: Library) -> Subject:
    """Of two sizes, and too few for a map."""
    grids = [np.linspace(0, 1, h * w, dtype=np.float32).reshape(h, w, 1) for h, w in ((8, 12), (10, 10), (8, 12))]
    return trained(library, SignalSet.from_grids(grids, axes=["y", "x"], name="pictures"), "pictures")


def trained(library: Library, signals: SignalSet, name: str) -> Subject:
    """Signals that the engine keeps, with a checkpoint trained on them for a moment."""
    library.engine.put(signals.artifact, name)
    checkpoint = library.engine.train("hypernetwork", signals, split="all", **QUICK)
    return Subject(library, signals, checkpoint, Sampling().on(signals))
