import numpy as np
import pytest

from explorer.nets.anchors import draw_anchors, gradient_norms, grids_of, standing
from explorer.observations import Observations, Sampling
from explorer.signals import SignalSet


def drawn(signals: SignalSet, resolution=None, **options):
    observations = Observations(signals, resolution)
    options = {"share": 0.05, "least": 4} | options
    batch = observations.batch(slice(None))
    grids = grids_of(signals, observations.sampling, batch)
    return draw_anchors(signals, batch, grids, gradient_norms(batch, grids), **options)


def squares(n: int = 3, size: int = 32) -> SignalSet:
    images = np.zeros((n, size, size), np.float32)
    for i, image in enumerate(images):
        image[8 + i : 20, 8:20] = 1
    return SignalSet.from_grids(images, axes="yx")


def test_anchors_go_where_a_signal_changes():
    positions, offsets = drawn(squares())
    assert offsets.tolist() == [0, 51, 102, 153]
    size, edge = 32, 2.5
    y, x = ((positions.T + 1) * size / 2) - 0.5
    near = np.minimum(abs(x - 7.5), abs(x - 19.5)) < edge
    near |= np.minimum(abs(y - 7.5 - np.repeat([0, 1, 2], 51)), abs(y - 19.5)) < edge
    assert near.all()
    assert len(np.unique(positions[:51], axis=0)) == 51  # without replacement


def test_a_blank_signal_has_the_least_of_anchors_anywhere():
    blank = SignalSet.from_grids(np.zeros((2, 16, 16), np.float32), axes="yx")
    positions, offsets = drawn(blank)
    assert offsets.tolist() == [0, 4, 8] and np.abs(positions).max() < 1


def test_empty_space_costs_nothing():
    small = np.random.default_rng(0).random((1, 28, 28)).astype(np.float32)
    padded = np.zeros((1, 256, 256), np.float32)
    padded[:, 100:128, 100:128] = small
    _, offsets = drawn(SignalSet.from_grids(padded, axes="yx"))
    assert offsets[1] <= 30 * 30 < 0.05 * 256**2


def test_there_are_never_more_than_samples():
    positions, offsets = drawn(SignalSet.from_grids(np.ones((3, 1, 1), np.float32), axes="yx"))
    assert offsets.tolist() == [0, 1, 2, 3] and not positions.any()


def test_a_number_can_be_asked_for():
    assert np.diff(drawn(squares(), most=7)[1]).tolist() == [7, 7, 7]


@pytest.mark.parametrize(
    "sampling", [None, Sampling(drop=0.5, seed=1), Sampling(kind="points", size=(400,))], ids=["grid", "drop", "points"]
)
def test_a_signal_draws_its_own(sampling):
    signals = squares()
    positions, offsets = drawn(signals, sampling, seed=3)
    alone, _ = drawn(signals[[2]], sampling, seed=3)
    np.testing.assert_array_equal(alone, positions[offsets[2] :])
    other, _ = drawn(signals, sampling, seed=4)
    assert (other != positions).any()


def test_uneven_points_follow_the_change_too():
    rng = np.random.default_rng(0)
    coords = rng.uniform(-1, 1, (500, 2)).astype(np.float32)
    values = (coords[:, :1] > 0).astype(np.float32)
    signals = SignalSet.from_points([(coords, values)], axes="yx")
    positions, _ = drawn(signals)
    assert np.median(abs(positions[:, 0])) < 0.15


def test_jitter_stays_in_the_cell():
    still, _ = drawn(squares())
    moved, _ = drawn(squares(), jitter=1.0)
    assert 0 < np.abs(moved - still).max() <= 1 / 32


def test_what_is_flat_is_stood_for_by_a_part_of_it():
    signals = squares(2, 128)
    observations = Observations(signals)
    batch = observations.batch(slice(None))
    grids = grids_of(signals, observations.sampling, batch)
    norms = gradient_norms(batch, grids)
    counted = standing(signals, batch, grids, norms, seed=1)
    np.testing.assert_allclose(counted.sum(1), 128**2, rtol=1e-5)
    assert (counted[norms > 0] == 1).all() and ((counted > 0).sum(1) < 1200).all()
    far = np.abs(observations.batch(slice(0, 1)).coords).max(1) > 0.9
    assert counted[0, far].sum() == pytest.approx(far.sum(), rel=0.2)
    small = squares(2, 20)
    batch = Observations(small).batch(slice(None))
    assert (standing(small, batch, None, np.zeros((2, 400))) == 1).all()
