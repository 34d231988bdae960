"""What every representation promises, checked on all that are registered."""

import json
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from explorer import fitting
from explorer.artifacts import Artifact, canonical_json, sha256
from explorer.codes import Checkpoint, take
from explorer.errors import Cancelled, InvalidInput
from explorer.grids import grid_coords
from explorer.messages import Train
from explorer.observations import Observations, Sampling
from explorer.representations.base import (
    FUNCTION,
    Differentiable,
    Fitted,
    Networks,
    Representation,
    get,
    plain,
    quadrature,
    registered,
)
from explorer.signals import SignalSet

# A training of a second or so; a method that is not named here is tested as its default preset has it.
SMALL = {
    "arc": {"latent": 6, "steps": 30, "train_steps": 60, "train_points": 16, "chunk": 4},
    "functa": {"latent": 8, "width": 16, "layers": 3, "steps": 20},
    "oinr": {"steps": 20, "widths": [6], "chunk": 4},
    "siren": {"widths": [12, 12], "chunk": 4},
    "hypernetwork": {"width": 6, "point_width": 24, "features": 16, "min_steps": 20, "max_steps": 20},
}

SETS = {"images": (2, 1, (6, 7)), "series": (1, 3, (20,)), "volumes": (3, 4, (4, 5, 6))}
ROWS = np.array([7, 0, 3])


@lru_cache
def signals(kind: str) -> SignalSet:
    d, m, shape = SETS[kind]
    waves = np.random.default_rng(d).normal(size=(10, d, m))
    phase = (grid_coords(shape)[:, :, None] * waves[:, None]).sum(2)
    return SignalSet.from_grids(np.sin(3 * phase).reshape(10, *shape, m).astype(np.float32), axes="zyx"[-d:])


@lru_cache
def trained(name: str, kind: str) -> Checkpoint:
    method = get(name)
    return method.train(method.config(overrides=SMALL.get(name)), signals(kind), seed=0)


@lru_cache
def encoded(name: str, kind: str) -> dict[str, np.ndarray]:
    return get(name).encode(trained(name, kind), Observations(signals(kind)), seed=0)


@pytest.fixture(params=sorted(registered()))
def method(request) -> Representation:
    return get(request.param)


@pytest.fixture(params=SETS)
def kind(request) -> str:
    return request.param


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


# ---------------------------------------------------------------------------------------------------------------------
# What it says of itself


def test_it_names_itself_and_its_spaces(method: Representation):
    assert get(method.name) is method
    assert method.spaces and set(method.spaces) <= {"code", "pooled", FUNCTION}
    assert "default" in method.presets and isinstance(method.amortised, bool)


def test_every_field_of_its_configuration_is_explained(method: Representation):
    fields = method.fields()
    assert fields and all(field["help"] for field in fields)


def test_presets_are_sound_and_survive_json(method: Representation):
    for name, preset in method.presets.items():
        fields = {f["name"]: getattr(preset, f["name"]) for f in method.fields()}
        assert method.config(name, json.loads(json.dumps(fields))) == preset == method.config(name)


# Train.version, and what the presets were when it was last looked at.
VERSION = 3
PRESETS = {
    "arc": "302131c41343",
    "functa": "c8602c8a302e",
    "hypernetwork": "87996ee6783f",
    "oinr": "96b3f7209c5f",
    "siren": "bb4e5ff0a066",
}


@pytest.mark.parametrize("name", PRESETS)
def test_other_numbers_in_a_preset_are_another_version_of_trainings(name: str):
    """A training's recipe names its preset, so a checkpoint of the old numbers would be found for the new ones.

    Note the hash that there is now; and unless only a preset came, or a field that changes nothing by default, raise
    ``Train.version`` and rename the trainings in ``assets/refs`` that still are what their commands make.
    """
    presets = {preset: plain(config) for preset, config in get(name).presets.items()}
    assert (Train.version, sha256(canonical_json(presets).encode())[:12]) == (VERSION, PRESETS[name])


def test_unknown_configuration_is_refused(method: Representation):
    with pytest.raises(InvalidInput):
        method.config("no-such-preset")
    with pytest.raises(InvalidInput):
        method.config(overrides={"no_such_field": 1})


# ---------------------------------------------------------------------------------------------------------------------
# Checkpoints


def test_a_checkpoint_survives_its_bytes(method: Representation, kind: str):
    checkpoint = trained(method.name, kind)
    again = Checkpoint.from_artifact(Artifact.from_bytes(checkpoint.artifact.to_bytes()))
    assert again.id == checkpoint.id and again.domain == checkpoint.domain
    assert again.representation == method.name and again.config == checkpoint.config
    assert canonical_json(again.training) == canonical_json(checkpoint.training)
    codes = method.encode(again, Observations(signals(kind)), seed=0)
    assert same(codes, encoded(method.name, kind))


def test_one_seed_gives_one_checkpoint(method: Representation):
    config = method.config(overrides=SMALL.get(method.name))
    again = method.train(config, signals("images"), seed=0)
    assert again.id == trained(method.name, "images").id
    assert again.id != method.train(config, signals("images"), seed=1).id


# Where what SMALL names learns nothing step by step, or too simply.
LEARNED = {
    "functa": {"weight_decay": 0.01},
    "oinr": {"sequence": True},
    "siren": {"start": "meta", "meta_rounds": 4},
}


def test_a_training_goes_on_from_every_state_that_it_kept(method: Representation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fitting, "REPORT_INTERVAL_S", 0.0)
    config = method.config(overrides=SMALL.get(method.name, {}) | LEARNED.get(method.name, {}))
    states: list[Artifact] = []

    def keep(progress, state=None):
        if state is not None:
            states.append(Artifact.from_bytes(state().to_bytes()))

    unbroken = method.train(config, signals("images"), seed=0, report=keep)
    for state in states[:1] + states[len(states) // 2 :][:1] + states[-1:]:
        assert method.train(config, signals("images"), seed=0, resume=state).id == unbroken.id


ODD = {
    "constant": SignalSet.from_grids(np.full((3, 5, 5), 7.0, np.float32), axes="yx"),
    "one": SignalSet.from_grids(np.random.default_rng(0).random((1, 5, 5)).astype(np.float32), axes="yx"),
    "unequal lengths": SignalSet.from_grids([np.arange(9.0) / 9, np.arange(4.0), np.zeros(1)], axes="t"),
    "missing": SignalSet.from_grids(
        np.where(np.eye(6) > 0, np.nan, 0.5)[None].repeat(2, 0).astype(np.float32), axes="yx"
    ),
}
VARIANTS = {"siren, corrected": {"corrections": 2}, "oinr, two scales": {"scales": (0.5, 1.0)}}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("variant", [*sorted(registered()), *VARIANTS])
def test_odd_signals_have_an_answer(variant: str, odd: str):
    method = get(variant.partition(",")[0])
    config = method.config(overrides=SMALL.get(method.name, {}) | VARIANTS.get(variant, {}))
    checkpoint = method.train(config, ODD[odd], seed=0)
    codes = method.encode(checkpoint, Observations(ODD[odd]))
    assert all(np.isfinite(array).all() for array in codes.values())
    for space in method.spaces:
        assert np.isfinite(method.vectors(checkpoint, codes, space)).all()


def test_a_cancel_ends_it(method: Representation):
    def cancel(progress, state=None):
        raise Cancelled("Stopped by the test.")

    checkpoint, observations = trained(method.name, "images"), Observations(signals("images"))
    with pytest.raises(Cancelled):
        method.encode(checkpoint, observations, report=cancel)


# ---------------------------------------------------------------------------------------------------------------------
# Codes


def test_encoding_is_the_same_each_time(method: Representation, kind: str):
    again = method.encode(trained(method.name, kind), Observations(signals(kind)), seed=0)
    assert same(again, encoded(method.name, kind))


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(kind="grid", size=(9,)),
        Sampling(kind="points", size=(33,), seed=1),
        Sampling(kind="grid", size=(6,), jitter=0.5),
        Sampling(drop=0.4),
    ],
    ids=["grid", "points", "jitter", "drop"],
)
def test_any_sampling_is_taken(method: Representation, kind: str, sampling: Sampling):
    codes = method.encode(trained(method.name, kind), Observations(signals(kind), sampling), seed=0)
    assert codes.keys() == encoded(method.name, kind).keys()
    renders = method.render(trained(method.name, kind), codes, signals(kind).shape)
    assert np.isfinite(renders).all()


def test_some_of_the_codes_are_the_codes_of_some(method: Representation, kind: str):
    checkpoint, some = trained(method.name, kind), take(encoded(method.name, kind), ROWS)
    codes = method.encode(checkpoint, Observations(signals(kind)[ROWS]), seed=0)
    assert codes.keys() == some.keys()
    for name in codes:
        np.testing.assert_allclose(codes[name], some[name], rtol=1e-3, atol=1e-3)


def test_every_space_has_a_row_for_each_signal(method: Representation, kind: str):
    checkpoint, codes = trained(method.name, kind), encoded(method.name, kind)
    for space in method.spaces:
        vectors = method.vectors(checkpoint, codes, space)
        assert vectors.dtype == np.float32 and vectors.ndim == 2 and len(vectors) == 10
        assert np.isfinite(vectors).all() and vectors.std(0).max() > 0
        np.testing.assert_allclose(method.vectors(checkpoint, take(codes, ROWS), space), vectors[ROWS], atol=1e-5)
    np.testing.assert_array_equal(
        method.vectors(checkpoint, codes), method.vectors(checkpoint, codes, method.spaces[0])
    )
    with pytest.raises(InvalidInput):
        method.vectors(checkpoint, codes, "no-such-space")


def test_distance_between_functions_is_that_of_l2(method: Representation, kind: str):
    if FUNCTION not in method.spaces:
        pytest.skip("it does not offer the space")
    checkpoint, codes = trained(method.name, kind), encoded(method.name, kind)
    vectors = method.vectors(checkpoint, codes, FUNCTION)
    values = method.decode(checkpoint, codes, quadrature(checkpoint.domain))
    l2 = np.sqrt(np.square(values[0] - values[1]).sum(-1).mean())
    np.testing.assert_allclose(np.linalg.norm(vectors[0] - vectors[1]), l2, rtol=1e-4)


# ---------------------------------------------------------------------------------------------------------------------
# Fits


@pytest.fixture(params=[name for name, load in sorted(registered().items()) if issubclass(load(), Fitted)])
def fitted(request) -> Representation:
    return get(request.param)


def test_codes_that_were_being_fitted_are_fitted_on(fitted: Fitted, kind: str):
    checkpoint, observations, states = trained(fitted.name, kind), Observations(signals(kind)), []

    def stop(progress, state=None):
        if state is not None:
            states.append(Artifact.from_bytes(state().to_bytes()))
            if len(states) == 2:
                raise Cancelled("Stopped by the test.")

    with pytest.raises(Cancelled):
        fitted.encode(checkpoint, observations, report=stop)
    steps: list[int] = []
    resumed = fitted.encode(
        checkpoint,
        observations,
        resume=states[-1],
        report=lambda progress, state=None: steps.append(progress.step),
    )
    assert min(steps) >= 8  # two chunks of four were done
    assert same(resumed, encoded(fitted.name, kind))
    with pytest.raises(InvalidInput, match="another fit"):
        fitted.encode(checkpoint, Observations(signals(kind)[ROWS]), resume=states[-1])


def test_fits_go_on_from_codes_at_another_resolution(fitted: Fitted, kind: str):
    checkpoint, size = trained(fitted.name, kind), tuple(round(1.2 * size) for size in SETS[kind][2])
    finer = Observations(signals(kind), size)
    few = replace(checkpoint, config={**checkpoint.config, "steps": 5, "warm_steps": 5})
    warm = fitted.encode(few, finer, start=encoded(fitted.name, kind))
    afresh = fitted.encode(few, finer)
    assert warm.keys() == afresh.keys() and warm["steps"].max() <= 5
    assert warm["psnr_db"].mean() > afresh["psnr_db"].mean() + 1


# ---------------------------------------------------------------------------------------------------------------------
# Functions


def test_decoding_in_parts_is_decoding_the_whole(method: Representation, kind: str):
    checkpoint, codes = trained(method.name, kind), encoded(method.name, kind)
    d, m, _ = SETS[kind]
    coords = np.random.default_rng(0).uniform(-1, 1, (41, d)).astype(np.float32)
    whole = method.decode(checkpoint, codes, coords)
    assert whole.shape == (10, 41, m) and whole.dtype == np.float32
    parts = [method.decode(checkpoint, codes, part) for part in np.array_split(coords, 3)]
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, atol=1e-4)
    own = np.broadcast_to(coords, (10, 41, d))
    np.testing.assert_allclose(method.decode(checkpoint, codes, own), whole, atol=1e-4)
    np.testing.assert_allclose(method.decode(checkpoint, take(codes, ROWS), coords), whole[ROWS], atol=1e-4)


def test_a_window_is_a_part_of_the_render(method: Representation, kind: str):
    checkpoint, codes = trained(method.name, kind), encoded(method.name, kind)
    d, m, _ = SETS[kind]
    whole = method.render(checkpoint, codes, (8,) * d)
    assert whole.shape == (10, *(8,) * d, m)
    part = method.render(checkpoint, codes, (4,) * d, [(-1.0, 0.0)] * d)
    np.testing.assert_allclose(part, whole[(slice(None), *(slice(4),) * d)], atol=1e-4)
    with pytest.raises(InvalidInput):
        method.render(checkpoint, codes, (8,) * (d + 1))


def test_derivatives_are_what_differences_come_to(method: Representation, kind: str):
    if not isinstance(method, Differentiable):
        pytest.skip("its functions have no derivatives in closed form")
    checkpoint, codes = trained(method.name, kind), take(encoded(method.name, kind), ROWS)
    d, m, shape = SETS[kind]
    inner = tuple(slice(3, -3) if size > 8 else slice(1, -1) for size in shape)
    for axis in range(d):
        size, step = shape[axis], 1e-3
        windows = [[(-1.0, 1.0)] * d for _ in range(2)]
        windows[0][axis], windows[1][axis] = (-1 - step, 1 - step), (-1 + step, 1 + step)
        below, above = (method.render(checkpoint, codes, shape, window) for window in windows)
        orders = tuple(int(a == axis) for a in range(d))
        slopes = method.derivative(checkpoint, codes, orders, shape)
        assert slopes.shape == (3, *shape, m) and slopes.dtype == np.float32
        some = (slice(None), *inner)
        expected = (above - below)[some] / (2 * step)
        np.testing.assert_allclose(slopes[some], expected, atol=0.02 * max(1, np.abs(expected).max()))
        twice = method.derivative(checkpoint, codes, tuple(2 * order for order in orders), shape)
        assert twice.shape == slopes.shape and np.isfinite(twice).all() and size


# ---------------------------------------------------------------------------------------------------------------------
# Between codes


def test_paths_end_at_their_codes(method: Representation, kind: str):
    checkpoint, codes = trained(method.name, kind), encoded(method.name, kind)
    shape = signals(kind).shape
    start, end = (method.render(checkpoint, take(codes, [row]), shape) for row in (0, 3))
    for path in method.paths:
        if path == "aligned" and isinstance(method, Networks):
            continue  # linear, once the units are matched
        way = method.interpolate(checkpoint, take(codes, [0]), take(codes, [3]), np.array([0, 0.5, 1]), path)
        renders = method.render(checkpoint, way, shape)
        assert renders.shape == (3, *start.shape[1:]) and np.isfinite(renders).all()
        np.testing.assert_allclose(renders[[0, 2]], np.concatenate([start, end]), atol=1e-3)
        for space in method.spaces:
            assert np.isfinite(method.vectors(checkpoint, way, space)).all()


def test_a_mean_of_one_code_is_that_code(method: Representation, kind: str):
    checkpoint, codes = trained(method.name, kind), encoded(method.name, kind)
    mean = method.blend(checkpoint, take(codes, ROWS), np.array([0.0, 1.0, 0.0]))
    shape = signals(kind).shape
    np.testing.assert_allclose(
        method.render(checkpoint, mean, shape), method.render(checkpoint, take(codes, [0]), shape), atol=1e-3
    )


def test_exchanging_units_changes_no_function(method: Representation, kind: str):
    if not isinstance(method, Networks):
        pytest.skip("its codes are not networks")
    checkpoint, codes = trained(method.name, kind), encoded(method.name, kind)
    parameters = method.parameters(checkpoint, codes)
    back = method.networks(checkpoint, parameters)
    assert all(np.array_equal(back[name], codes[name]) for name in back)
    assert {name.rpartition(".")[0] for name in parameters} == set(method.layers(checkpoint))
    rng = np.random.default_rng(0)
    for units in method.symmetry(checkpoint):
        width = parameters[units.written_by[0]].shape[1]
        order, signs = rng.permutation(width), rng.choice([-1, 1], width) if units.odd else np.ones(width)
        for names, axis in ((units.written_by, 1), (units.read_by, 2)):
            for name in names:
                signed = signs.reshape(-1, *(1,) * (parameters[name].ndim - axis - 1)).astype(np.float32)
                parameters[name] = np.take(parameters[name], order, axis) * signed
    shape = signals(kind).shape
    shuffled = {**codes, **method.networks(checkpoint, parameters)}
    np.testing.assert_allclose(
        method.render(checkpoint, shuffled, shape), method.render(checkpoint, codes, shape), atol=1e-3
    )
