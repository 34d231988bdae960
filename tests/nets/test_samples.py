"""Training samples show what observations show."""

import numpy as np
import pytest
import torch

from explorer.grids import grid_coords
from explorer.nets.samples import GridSource, PointSource, moments, source_of
from explorer.observations import Observations
from explorer.signals import SignalSet

ROWS = np.array([4, 1, 4])


def images(dtype=np.float32) -> SignalSet:
    values = np.random.default_rng(0).integers(0, 256, (6, 6, 8, 2))
    grids = values.astype(np.uint8) if dtype == np.uint8 else (values / 51 - 1).astype(np.float32)
    return SignalSet.from_grids(grids, axes="yx")


def gappy() -> SignalSet:
    values = np.random.default_rng(0).random((5, 40, 1), np.float32)
    values[:, 3:9] = np.nan
    return SignalSet.from_grids(values, axes="t")


def scattered() -> SignalSet:
    rng = np.random.default_rng(2)
    return SignalSet.from_points([(rng.random((k, 2)), rng.random((k, 1))) for k in (30, 41, 25, 38, 33)], axes="yx")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(6, 8), (3, 4), (12, 5)])
def test_grids_are_those_of_an_observation(dtype, shape):
    signals = images(dtype)
    batch = Observations(signals, shape).batch(ROWS)
    drawn = source_of(signals, "cpu").draw(ROWS, shape, 0, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.coords, batch.coords)
    np.testing.assert_allclose(drawn.values, batch.values, atol=1e-5)


@pytest.mark.parametrize("evenly", [False, True])
@pytest.mark.parametrize("shape", [(6, 8), (12, 5)])
def test_a_subset_holds_points_of_the_grid(shape, evenly: bool):
    source = source_of(images(), "cpu")
    whole = source.draw(ROWS, shape, 0, np.random.default_rng(0))
    part = source.draw(ROWS, shape, 7, np.random.default_rng(0), evenly)
    match = (part.coords[:, None] == whole.coords[None]).all(-1)
    index = match.int().argmax(1)
    assert match.any(1).all() and len(index.unique()) == 7
    torch.testing.assert_close(part.values, whole.values[:, index])


@pytest.mark.parametrize("shape", [(30,), (9, 14), (5, 6, 7)])
def test_even_points_are_all_as_likely_and_their_means_stray_less(shape):
    waves = np.random.default_rng(1).normal(size=(8, len(shape)))
    grids = np.sin(2 * (grid_coords(shape)[:, None] * waves).sum(2)).T.reshape(8, *shape)
    source, rng = source_of(SignalSet.from_grids(grids, axes="zyx"[-len(shape) :]), "cpu"), np.random.default_rng(0)
    rows, count = np.arange(8), np.prod(shape)
    whole = source.draw(rows, shape, 0, rng).values.mean(1)
    strays, seen = {}, np.zeros(count)
    for evenly in (False, True):
        drawn = [source.draw(rows, shape, 15, rng, evenly) for _ in range(400)]
        strays[evenly] = torch.stack([d.values.mean(1) - whole for d in drawn]).square().mean()
    for part in drawn:
        places = np.round((part.coords.numpy() + 1) / 2 * shape - 0.5).astype(int)
        np.add.at(seen, np.ravel_multi_index(tuple(places.T), shape), 1)
    assert strays[True] < strays[False] / 2
    expected = 400 * 15 / count
    assert np.abs(seen - expected).max() < 6 * np.sqrt(expected)


@pytest.mark.parametrize("signals", [gappy(), scattered()], ids=["gaps", "scattered"])
@pytest.mark.parametrize("points", [0, 10])
def test_points_have_weights_that_sum_to_one_and_samples_only(signals, points):
    source = source_of(signals, "cpu")
    assert isinstance(source, PointSource)
    drawn = source.draw(ROWS, (1,), points, np.random.default_rng(0))
    torch.testing.assert_close(drawn.weights.sum(1), torch.ones(3))
    assert points == 0 or (drawn.values.shape[1] == points and (drawn.weights > 0).all())
    assert torch.isfinite(drawn.values).all()


def test_grids_of_many_shapes_come_to_one():
    grids = [np.random.default_rng(i).random((4 + i, 6, 1)) for i in range(3)]
    source = source_of(SignalSet.from_grids(grids, axes="yx"), "cpu")
    assert isinstance(source, GridSource)
    assert source.draw(np.arange(3), (5, 6), 0, np.random.default_rng(0)).values.shape == (3, 30, 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_moments_are_those_of_the_values(dtype):
    signals = images(dtype)
    values = signals.decoded(signals.values)
    assert moments(signals) == pytest.approx((values.mean(), values.std()), rel=1e-5)


def test_a_constant_set_has_deviation_one():
    assert moments(SignalSet.from_grids(np.zeros((2, 4), np.float32), axes="t")) == (0.0, 1.0)
