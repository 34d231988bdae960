"""Laws of signals: coordinates, resampling, observing, and what a set is."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import grids as grids_module
from explorer.artifacts import Artifact
from explorer.errors import InvalidInput
from explorer.grids import grid_coords, interpolate_grid, quadrature_weights, resample, resample_matrix
from explorer.observations import Observations, Sampling
from explorer.signals import Axis, SignalSet

sizes = st.integers(1, 40)


def images(n: int = 6, shape: tuple[int, ...] = (8, 8), m: int = 1, **fields) -> SignalSet:
    values = np.random.default_rng(0).random((n, *shape, m), np.float32)
    return SignalSet.from_grids(values, axes="tyx"[-len(shape) :], value_range=(0.0, 1.0), **fields)


def ragged(n: int = 6) -> SignalSet:
    rng = np.random.default_rng(1)
    grids = [rng.random((4 + i % 3, 5 + i % 2, 2), np.float32) for i in range(n)]
    return SignalSet.from_grids(grids, axes="yx", labels=np.arange(n) % 2)


def uneven(n: int = 6) -> SignalSet:
    rng = np.random.default_rng(2)
    lengths = rng.integers(20, 30, n)
    return SignalSet.from_points([(np.sort(rng.random(k)), rng.random((k, 2))) for k in lengths], axes="t")


SETS = {"grids": images, "ragged": ragged, "uneven": uneven, "series": lambda: images(shape=(30,), m=3)}


@pytest.fixture(params=SETS)
def signals(request) -> SignalSet:
    return SETS[request.param]()


# ---------------------------------------------------------------------------------------------------------------------
# Grids


def test_samples_sit_at_cell_centres():
    assert grid_coords((4,))[:, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert grid_coords((1, 2)).tolist() == [[0, -0.5], [0, 0.5]]
    assert (
        grid_coords((2, 3)).shape == (6, 2) and (grid_coords((2, 3))[:3, 0] == -0.5).all()
    )  # the last axis runs first


@pytest.mark.parametrize("method", ["nearest", "linear", "cubic"])
def test_a_window_of_a_grid_is_a_part_of_the_whole(method):
    grids = np.random.default_rng(0).random((2, 9, 6, 1)).astype(np.float32)
    whole = resample(grids, (36, 24), method)
    part = resample(grids, (18, 6), method, window=((0, 1), (-1, -0.5)))
    np.testing.assert_allclose(part, whole[:, 18:, :6], atol=1e-5)


def test_cubic_interpolation_is_exact_on_parabolas_and_nearest_takes_samples():
    x = grid_coords((16,))[:, 0]
    fine = grid_coords((64,))[:, 0]
    cubic = resample((x**2)[None, :, None], (64,), "cubic")[0, :, 0]
    np.testing.assert_allclose(cubic[8:-8], fine[8:-8] ** 2, atol=1e-4)
    assert (resample(x[None, :, None], (64,), "nearest")[0, :, 0] == x.repeat(4)).all()


@given(n_in=sizes, n_out=sizes)
def test_resampling_keeps_constants(n_in, n_out):
    matrix = resample_matrix(n_in, n_out)
    assert matrix.shape == (n_out, n_in) and (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-5)


@given(n_in=sizes, n_out=sizes)
def test_resampling_is_the_same_from_both_ends(n_in, n_out):
    matrix = resample_matrix(n_in, n_out)
    np.testing.assert_allclose(matrix, matrix[::-1, ::-1], atol=1e-6)


@settings(deadline=None)
@given(height=sizes, width=sizes, rows=sizes, columns=sizes)
def test_resampling_equals_torch_with_antialiasing(height, width, rows, columns):
    grids = np.random.default_rng(0).random((2, height, width, 3), np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(grids).permute(0, 3, 1, 2), (rows, columns), mode="bilinear", antialias=True
    )
    np.testing.assert_allclose(resample(grids, (rows, columns)), expected.permute(0, 2, 3, 1), atol=2e-5)


@given(n=st.integers(2, 30), factor=st.integers(1, 5))
def test_resampling_up_keeps_linear_functions_inside(n, factor):
    line = grid_coords((n,))[None]
    fine = resample(line, (n * factor,))[0]
    inside = np.abs(grid_coords((n * factor,))) <= 1 - 1 / n
    np.testing.assert_allclose(fine[inside], grid_coords((n * factor,))[inside], atol=1e-5)


@given(shape=st.lists(st.integers(2, 7), min_size=1, max_size=3))
def test_interpolation_meets_samples_and_multilinear_functions(shape):
    d = len(shape)
    coords = grid_coords(shape)
    values = 1 + coords @ np.arange(1, d + 1, dtype=np.float32)
    grids = values.reshape(1, *shape, 1)
    np.testing.assert_allclose(interpolate_grid(grids, coords[None])[0, :, 0], values, atol=1e-5)
    inner = np.random.default_rng(0).uniform(-1, 1, (1, 20, d)) * (1 - 1 / np.array(shape))
    expected = 1 + inner @ np.arange(1, d + 1)
    np.testing.assert_allclose(interpolate_grid(grids, inner)[..., 0], expected, atol=1e-5)


@pytest.mark.parametrize(("d", "points", "error"), [(1, 200, 0.005), (2, 400, 0.025)])
def test_quadrature_integrates_over_uneven_points(d, points, error):
    rng = np.random.default_rng(0)
    coords = 2 * rng.random((4, points, d)) ** 2 - 1  # crowded at one end
    weights = quadrature_weights(coords)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
    linear = 0.3 + coords @ np.arange(1.0, d + 1)  # its mean over [-1, 1]^d is 0.3
    assert np.abs((weights * linear).sum(1) - 0.3).max() < error
    assert np.abs(linear.mean(1) - 0.3).min() > 20 * error  # what counting points alike would give


def test_quadrature_of_a_whole_grid_is_even_and_leaves_padding_out():
    coords = np.broadcast_to(grid_coords((6, 6)), (3, 36, 2))
    np.testing.assert_allclose(quadrature_weights(coords), 1 / 36, rtol=1e-5)
    mask = np.arange(36) < np.array([[36], [20], [1]])
    weights = quadrature_weights(coords, mask)
    assert (weights[~mask] == 0).all() and (weights[mask] > 0).all() and weights[2, 0] == 1


# ---------------------------------------------------------------------------------------------------------------------
# Sampling


def test_what_people_write_as_a_resolution():
    assert Sampling.of(None) == Sampling()
    assert Sampling.of(8) == Sampling(kind="grid", size=8) == Sampling(kind="grid", size=(8,))
    assert Sampling.of([4, 6]).size == (4, 6)
    assert Sampling.of(8).on(images()) == Sampling.of((8, 8)).on(images()) == Sampling.of(None).on(images())


@pytest.mark.parametrize("resolution", [0, -3, 2**25, "8", 8.5, [8, "x"], [], (4, 4, 4), (5000, 5000)])
def test_resolutions_that_are_none(resolution):
    with pytest.raises(InvalidInput, match="expected"):
        Observations(images(), resolution)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "hexagons"},
        {"kind": "grid"},
        {"kind": "native", "size": (3,)},
        {"kind": "points", "size": (3, 3)},
        {"jitter": 1.5},
        {"jitter": float("nan")},
        {"drop": 1.0},
        {"seed": -1},
        {"seed": 2**63},
    ],
)
def test_samplings_that_are_none(fields):
    with pytest.raises(InvalidInput, match="expected"):
        Sampling(**fields)


SAMPLINGS = [
    Sampling(),
    Sampling(kind="grid", size=(7,)),
    Sampling(kind="grid", size=(7,), jitter=0.8, seed=3),
    Sampling(kind="grid", size=(9,), drop=0.4, seed=2**63 - 1),
    Sampling(kind="points", size=(25,), seed=5),
    Sampling(drop=0.3, seed=1),
]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_batches_are_whole(signals, sampling):
    batch = Observations(signals, sampling).batch(slice(None))
    n, p, m = batch.values.shape
    assert (n, m) == (len(signals), signals.m) and batch.coords.shape[-2:] == (p, signals.d)
    assert batch.values.dtype == batch.coords.dtype == np.float32
    assert np.isfinite(batch.values).all() and (np.abs(batch.coords) <= 1).all()
    if batch.mask is not None:
        assert (batch.values[~batch.mask] == 0).all() and (batch.weights[~batch.mask] == 0).all()
        assert batch.mask.any(1).all()
    if batch.weights is not None:
        np.testing.assert_allclose(batch.weights.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_what_one_signal_shows_does_not_depend_on_the_others(signals, sampling):
    rows = [4, 1]
    whole, part = Observations(signals, sampling).batch(rows), Observations(signals[rows], sampling).batch([0, 1])
    alone = Observations(signals[[1]], sampling).batch([0])
    np.testing.assert_array_equal(whole.values, part.values)
    np.testing.assert_array_equal(whole.coords, part.coords)
    last = whole.values[1] if whole.mask is None else whole.values[1][whole.mask[1]]
    np.testing.assert_allclose(alone.values[0][: len(last)], last, atol=1e-6)


def test_draws_differ_by_seed_and_by_signal():
    def coords(seed):
        return Observations(images(), Sampling(kind="points", size=(50,), seed=seed)).batch(slice(None)).coords

    assert (coords(0) == coords(0)).all()
    assert (coords(0) != coords(1)).mean() > 0.99
    assert (coords(0)[0] != coords(0)[1]).mean() > 0.99
    draws = coords(0).reshape(-1)
    assert abs(draws.mean()) < 0.1 and abs(draws.var() - 1 / 3) < 0.05


def test_all_batches_in_order(signals):
    observations = Observations(signals, 7)
    whole = observations.batch(slice(None)).values
    for budget in (1, 7 * 7 * 4, 2**22):
        chunks = list(observations.batches(budget))
        assert [r.start for r, _ in chunks] == [0, *(r.stop for r, _ in chunks[:-1])] and chunks[-1][0].stop == 6
        np.testing.assert_allclose(np.concatenate([b.values for _, b in chunks]), whole, atol=1e-6)


def test_ragged_signals_are_padded_and_masked():
    batch = Observations(ragged()).batch(slice(None))
    assert batch.mask.sum(1).tolist() == [20, 30, 30, 24, 25, 36]
    np.testing.assert_array_equal(batch.values[0][batch.mask[0]], ragged().grid(0).reshape(-1, 2))
    np.testing.assert_array_equal(batch.coords[0][batch.mask[0]], grid_coords((4, 5)))


def test_drop_keeps_a_share():
    batch = Observations(images(), Sampling(kind="grid", size=(8,), drop=0.25)).batch(slice(None))
    assert batch.values.shape[1] == 48 and batch.mask is None
    batch = Observations(ragged(), Sampling(drop=0.5)).batch(slice(None))
    assert batch.mask.sum(1).tolist() == [10, 15, 15, 12, 12, 18]


def test_missing_samples_are_masked_at_every_resolution():
    values = np.ones((2, 16), np.float32)
    values[0, 4:8] = np.nan
    series = SignalSet.from_grids(values, axes="t")
    for size, missing in ((16, 4), (32, 8), (8, 2), (4, 1)):
        batch = Observations(series, size).batch(slice(None))
        assert (~batch.mask).sum(1).tolist() == [missing, 0]
        np.testing.assert_allclose(batch.values[batch.mask], 1, rtol=1e-6)


def test_a_signal_of_nothing_but_gaps_is_named():
    points = np.linspace(0, 1, 5)
    values = np.full((5, 1), np.nan)
    grids = SignalSet.from_grids(np.stack([values[:, 0], points]), axes="t", ids=["gone", "there"])
    series = SignalSet.from_points([(points, values), (points, points)], axes="t", ids=["gone", "there"])
    for gaps in (grids, series):
        with pytest.raises(InvalidInput, match="'gone'"):
            Observations(gaps, 7).batch(slice(None))
        assert len(Observations(gaps, 7).batch([1]).values) == 1


def test_uneven_points_over_several_axes_keep_their_places():
    points = np.random.default_rng(0).random((9, 2))
    cloud = SignalSet.from_points([(points, np.ones(9))], axes="yx")
    assert Observations(cloud).batch([0]).values.shape == (1, 9, 1)
    with pytest.raises(InvalidInput, match="resolution=None"):
        Observations(cloud, 8)


# ---------------------------------------------------------------------------------------------------------------------
# Sets


def test_points_fill_the_domain():
    samples = [(np.array([2.0, 6.0]), np.zeros(2)), (np.array([4.0, 10.0]), np.zeros(2))]
    assert SignalSet.from_points(samples, axes="t").coords[:, 0].tolist() == [-1, 0, -0.5, 1]
    assert SignalSet.from_points(samples, axes="t", extent="each").coords[:, 0].tolist() == [-1, 1, -1, 1]
    wide = SignalSet.from_points(samples, axes=[Axis("t", "s", 0.0, 20.0)])
    np.testing.assert_allclose(wide.coords[:, 0], [-0.8, -0.4, -0.6, 0])


def test_bytes_stand_for_the_value_range():
    signals = SignalSet.from_grids(np.array([[[0, 51], [255, 102]]], np.uint8), axes="yx")
    assert signals.values.dtype == np.uint8
    np.testing.assert_allclose(signals.grid(0)[..., 0], [[0, 0.2], [1, 0.4]], atol=1e-6)


def same(a: SignalSet, b: SignalSet) -> bool:
    return a.artifact.to_bytes() == b.artifact.to_bytes()


@given(rows=st.lists(st.integers(-6, 5), min_size=1, max_size=8, unique_by=lambda r: r % 6), data=st.data())
@pytest.mark.parametrize("make", SETS.values(), ids=SETS)
def test_parts_of_a_set(make, rows, data):
    signals = make()
    part = signals[rows]
    assert part.ids == tuple(signals.ids[r] for r in rows)
    for (coords, values), row in zip(part.samples(), rows, strict=True):
        expected = list(signals.samples())[row]
        assert (coords == expected[0]).all() and (values == expected[1]).all()
    again = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=4, unique=True))
    assert same(part[again], signals[[rows[i] for i in again]])
    mask = np.isin(np.arange(6), np.array(rows) % 6)
    assert same(signals[mask], signals[np.flatnonzero(mask)])
    assert same(replace(part), part)  # a part meets every rule of a set
    with pytest.raises(InvalidInput):
        replace(part, offsets=part.offsets[1:])


def test_positions_of_every_kind(signals):
    assert same(signals[2], signals[[2]]) and same(signals[-1], signals[5])
    assert same(signals[1:4], signals[[1, 2, 3]]) and same(signals[::2], signals[np.array([0, 2, 4])])
    assert same(signals[:], signals) and len(signals[[]]) == 0
    for wrong in (6, -7, [0, 6], [0.5], "a", [[0]], np.ones(5, bool), None):
        with pytest.raises(InvalidInput, match="expected"):
            signals[wrong]


def test_splits():
    signals = images(split=np.array([0, 2, 0, 1, 2, 2], np.uint8), labels=np.arange(6))
    assert signals.train.ids == ("0", "2") and signals.validation.ids == ("3",) and signals.test.ids == ("1", "4", "5")
    assert signals.test.labels.tolist() == [1, 4, 5] and signals.part("all") is signals
    with pytest.raises(InvalidInput, match="train"):
        signals.part("holdout")
    assert images().train.ids == images().ids  # without a split, each is the whole set


def test_a_set_survives_its_bytes(signals):
    data = signals.artifact.to_bytes()
    again = SignalSet.from_artifact(Artifact.from_bytes(data))
    assert again.id == signals.id and same(again, signals) and again.artifact.to_bytes() == data
    assert (again.axes, again.ids, again.value_range) == (signals.axes, signals.ids, signals.value_range)
    assert SETS["grids"]().id != replace(SETS["grids"](), name="other").id


HOSTILE_ARRAYS = {
    "offsets of another type": {"offsets": np.arange(0, 7 * 64, 64, dtype=np.int32)},
    "offsets that fall": {"offsets": np.array([0, 64, 32, 192, 256, 320, 384])},
    "offsets that start late": {"offsets": np.array([1, 64, 128, 192, 256, 320, 384])},
    "too few offsets": {"offsets": np.array([0, 384])},
    "offsets beyond the values": {"offsets": np.arange(7) * 65},
    "offsets that wrap": {"offsets": np.array([0, 2**62, -(2**62), 192, 256, 320, 384])},
    "offsets of two dimensions": {"offsets": np.zeros((7, 1), np.int64)},
    "values of another type": {"values": np.zeros((384, 1), np.float64)},
    "values of one dimension": {"values": np.zeros(384, np.float32)},
    "infinite values": {"values": np.full((384, 1), np.inf, np.float32)},
    "shapes of other sizes": {"shapes": np.full((6, 2), 7)},
    "negative shapes": {"shapes": np.full((6, 2), -8)},
    "huge shapes": {"shapes": np.full((6, 2), 2**62)},
    "no places": {"shapes": None},
    "two kinds of places": {"coords": np.zeros((384, 2), np.float32)},
    "coords outside": {"shapes": None, "coords": np.full((384, 2), 1.5, np.float32)},
    "coords of NaN": {"shapes": None, "coords": np.full((384, 2), np.nan, np.float32)},
    "coords of one axis": {"shapes": None, "coords": np.zeros((384, 1), np.float32)},
    "labels beyond the names": {"labels": np.full(6, 2)},
    "labels below -1": {"labels": np.full(6, -2)},
    "too few labels": {"labels": np.zeros(5, np.int64)},
    "labels of another type": {"labels": np.zeros(6, np.float32)},
    "split of another type": {"split": np.zeros(6, np.int64)},
    "unknown split": {"split": np.full(6, 3, np.uint8)},
    "no values": {"values": None},
}
HOSTILE_META = {
    "no ids": {"ids": []},
    "ids that repeat": {"ids": ["a"] * 6},
    "ids of no list": {"ids": 7},
    "no axes": {"axes": []},
    "five axes": {"axes": [[str(i), "", 0, 1] for i in range(5)]},
    "axes of one name": {"axes": [["y", "", 0, 1], ["y", "", 0, 1]]},
    "axes of three fields": {"axes": [["y", "", 0], ["x", "", 0]]},
    "infinite axes": {"axes": [["y", "", 0, 1e999], ["x", "", 0, 1]]},
    "no channels": {"channels": []},
    "too many channels": {"channels": ["a", "b"]},
    "range that falls": {"value_range": [1, 0]},
    "range of NaN": {"value_range": [float("nan"), 1]},
    "range too large for a float": {"value_range": [0, 10**400]},
    "range of one": {"value_range": [1]},
    "range of text": {"value_range": ["a", "b"]},
    "rate of text": {"sample_rate_hz": "8000"},
    "negative rate": {"sample_rate_hz": -1},
    "no name": {"name": ...},
}


def hostile(arrays: dict, meta: dict) -> Artifact:
    good = images(labels=np.arange(6) % 2).artifact
    arrays = {name: array for name, array in (dict(good.arrays) | arrays).items() if array is not None}
    return Artifact("signals", arrays, {k: v for k, v in (dict(good.meta) | meta).items() if v is not ...})


@pytest.mark.parametrize("kind", HOSTILE_ARRAYS)
def test_hostile_arrays(kind):
    with pytest.raises(InvalidInput, match="Got|got"):
        SignalSet.from_artifact(hostile(HOSTILE_ARRAYS[kind], {}))


@pytest.mark.parametrize("kind", HOSTILE_META)
def test_hostile_descriptions(kind):
    with pytest.raises(InvalidInput, match="Got|got"):
        SignalSet.from_artifact(hostile({}, HOSTILE_META[kind]))


def test_what_is_no_set():
    with pytest.raises(InvalidInput, match="checkpoint"):
        SignalSet.from_artifact(Artifact("checkpoint"))
    SignalSet.from_artifact(hostile({}, {}))  # the frame of the tests above is sound


def test_ids_that_are_no_utf8_can_still_be_drawn_for():
    signals = SignalSet.from_artifact(hostile({}, {"ids": json.loads('["\\ud800", "b", "c", "d", "e", "f"]')}))
    assert len(np.unique(signals.keys)) == 6


@pytest.mark.parametrize("method", ["nearest", "linear", "cubic"])
@settings(deadline=None, max_examples=40)
@given(n_in=st.integers(1, 60), n_out=st.integers(1, 60), low=st.floats(-1, 0.9), width=st.floats(0.05, 2))
def test_a_long_axis_is_resampled_as_a_short_one(method, n_in, n_out, low, width):
    window = (low, min(low + width, 1.0))
    rows = np.random.default_rng(0).standard_normal((n_in, 3)).astype(np.float32)
    made = grids_module._resample_long(rows, n_out, method, window)
    np.testing.assert_allclose(made, resample_matrix(n_in, n_out, method, window) @ rows, atol=1e-5)


def test_a_recording_of_minutes_is_resampled_in_little_memory():
    line = np.sin(np.linspace(0, 200, 2_000_000, dtype=np.float32))[None, :, None]
    short = resample(line, (80_000,))
    assert np.abs(short[0, :, 0] - resample(line, (2_000_000,))[0, 12::25, 0]).max() < 1e-2
