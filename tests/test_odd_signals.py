"""Signal sets that make no sense to a classifier are answered, or refused in a sentence."""

from pathlib import Path

import numpy as np
import pytest

from explorer.errors import InvalidInput
from explorer.local import LocalEngine
from explorer.signals import SignalSet

RNG = np.random.default_rng(0)
GRIDS = RNG.random((12, 5, 5)).astype(np.float32)
TWO = np.arange(12) % 2
ODD = {
    "constant": (np.full((12, 5, 5), 0.3, np.float32), TWO, ""),
    "missing samples": (np.where(RNG.random((12, 5, 5)) < 0.2, np.nan, GRIDS).astype(np.float32), TWO, ""),
    "unequal lengths": ([np.arange(3.0 + i) for i in range(12)], TWO, ""),
    "one sample each": (GRIDS[:, :1, :1], TWO, ""),
    "one class": (GRIDS, np.zeros(12, int), "1 classes; expected two or more"),
    "no labels": (GRIDS, None, "no labels"),
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory):
    with LocalEngine(Path(tmp_path_factory.mktemp("odd")), device="cpu") as engine:
        yield engine


@pytest.mark.parametrize("kind", ODD)
def test_odd_signals_are_classified_or_refused_in_words(engine: LocalEngine, kind: str):
    values, labels, said = ODD[kind]
    signals = SignalSet.from_grids(values, axes="t" if isinstance(values, list) else "yx", labels=labels)
    checkpoint = engine.train("siren", signals, widths=(6,), steps=5, standards=6, start_samples=1)
    codes = engine.encode(checkpoint, signals)
    assert np.isfinite(codes.vectors).all()
    with pytest.raises(InvalidInput, match="k = 20 for 12 signals"):
        engine.cluster(codes, k=20)
    parts = codes[np.arange(8)], codes[np.arange(8, 12)]
    if said:
        with pytest.raises(InvalidInput, match=said):
            engine.classify(*parts, "knn")
    else:
        assert 0 <= engine.classify(*parts, "knn")["accuracy"] <= 1


def test_a_single_signal_has_codes(engine: LocalEngine):
    signals = SignalSet.from_grids(GRIDS[:1], axes="yx", labels=[0])
    codes = engine.encode(engine.train("siren", signals, widths=(6,), steps=5), signals)
    assert codes.vectors.shape[0] == 1 and np.isfinite(codes.vectors).all()
