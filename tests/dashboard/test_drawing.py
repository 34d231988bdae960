import numpy as np
import pytest

from explorer.dashboard.drawing import drawn, erased, find
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.draw import Draw
from explorer.errors import InvalidInput
from explorer.grids import resample


def test_a_drawing_is_a_signal_like_the_others(digits: Subject, curves: Subject):
    ink = resample(digits.signals.grid(3)[None], (32, 32))[0, ..., 0]
    signal = drawn(digits.signals, ink)
    assert (signal.shape, signal.m, signal.value_range) == ((8, 8), 1, digits.signals.value_range)
    assert np.abs(signal.grid(0) - digits.signals.grid(3)).mean() < 0.1
    line = drawn(curves.signals, np.linspace(0, 1, 128))
    low, high = curves.signals.value_range
    assert line.shape == (40,) and line.grid(0)[0] < low + 0.05 * (high - low)
    with pytest.raises(InvalidInput, match="axes"):
        drawn(digits.signals, np.zeros(128))


def test_a_signal_that_is_drawn_again_stands_where_it_stood(digits: Subject):
    low, high = digits.signals.value_range
    ink = (digits.signals.grid(3)[..., 0] - low) / (high - low)
    found = find(digits, drawn(digits.signals, ink), "pca")
    assert found.neighbors[0] == 3 and found.distances[0] < 1e-3
    np.testing.assert_allclose(found.place, digits.layout("pca")[3], atol=1e-3)
    assert found.cluster == digits.clusters()[3]
    assert all(entry.name != "drawn by hand" for entry in digits.library.engine.entries("signals"))


def test_rubbed_out_samples_are_gone_and_the_rest_is_encoded_as_points(digits: Subject):
    gone = np.zeros((8, 8), bool)
    gone[:2] = True
    signal = erased(digits.signals, 3, gone)
    assert len(signal.values) == 48
    np.testing.assert_allclose(signal.values, digits.signals.grid(3).reshape(-1, 1)[16:])
    assert find(digits, signal, "pca").codes.representation == "hypernetwork"
    with pytest.raises(InvalidInput, match="at least one"):
        erased(digits.signals, 3, np.ones((8, 8), bool))


def test_the_drawer_hears_its_canvas_and_shows_what_was_found(digits: Subject):
    draw = Draw()
    draw.prepare(digits, 3)
    draw.sketch._handle_msg({"ink": [0] * 600 + [255] * 424})
    assert draw.wish.shape == (32, 32)
    draw.show(*draw.seen(digits, 3, "pca", False))
    assert len(draw.neighbors.pictures) == 7 and [p["title"] for p in draw.found.pictures] == ["encoded", "its render"]
    draw._mode.value = "rub out"
    assert draw.wish is None and draw.found.pictures == []
    draw.sketch._handle_msg({"gone": [0, 1, 99, -1]})
    assert draw.wish.sum() == 2
    draw.show(*draw.seen(digits, 3, "pca", False))
    assert draw.found.pictures[0]["caption"] == "62 samples"
