"""MedFuncta: its released numbers, its meta-learning, and fits to what is there of a signal."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from sklearn.datasets import load_digits

from explorer.codes import Checkpoint, Domain
from explorer.errors import InvalidInput
from explorer.observations import Observations, Sampling
from explorer.representations.functa import Functa
from explorer.signals import SignalSet

METHOD = Functa()
TINY = {"latent": 32, "width": 32, "layers": 4, "fit_steps": 10, "batch": 16, "learning_rate": 1e-3}


@lru_cache
def digits(n: int = 100) -> SignalSet:
    images = load_digits().images[:n] / 16
    return SignalSet.from_grids(images.astype(np.float32), axes="yx", name="digits", value_range=(0.0, 1.0))


@lru_cache
def trained_with(**overrides) -> Checkpoint:
    return METHOD.train(METHOD.config(overrides=TINY | {"steps": 12} | overrides), digits(), seed=0)


def trained() -> Checkpoint:
    return trained_with(steps=220)


def truth(signals: SignalSet) -> np.ndarray:
    return signals.decoded(signals.values).reshape(len(signals), *signals.shape, signals.m)


def psnr_db(checkpoint: Checkpoint, signals: SignalSet, sampling=None) -> float:
    """Of renders at the signals' own size, from codes fitted to another sampling."""
    renders = METHOD.render(checkpoint, METHOD.encode(checkpoint, Observations(signals, sampling)), signals.shape)
    return float(-10 * np.log10(np.square(renders - truth(signals)).mean((1, 2, 3))).mean())


# ---------------------------------------------------------------------------------------------------------------------
# Configurations


@pytest.mark.parametrize(
    ("preset", "latent", "size", "batch", "ratio"),
    [
        ("medfuncta-1d", 64, 187, 64, 1.0),
        ("medfuncta-2d-64", 2048, 64, 24, 0.25),
        ("medfuncta-2d-128", 8192, 128, 8, 0.25),
        ("medfuncta-2d-224", 16384, 224, 4, 0.1),
        ("medfuncta-3d", 8192, 32, 4, 0.25),
    ],
)
def test_presets_have_the_released_numbers(preset: str, latent: int, size: int, batch: int, ratio: float):
    config = METHOD.config(preset)
    assert (config.latent, config.resolutions, config.batch) == (latent, (size,), batch)
    assert config.context_ratio == ratio
    assert (config.inner_steps, config.inner_rate, config.fit_steps) == (10, 1e-2, 20)
    assert (config.learning_rate, config.clip, config.skip, config.offset) == (3e-6, 1.0, True, 0.5)
    one_dimensional = preset == "medfuncta-1d"
    assert (config.layers, config.width) == ((8, 64) if one_dimensional else (15, 256))
    step = 10 if one_dimensional else 5
    assert config.omega_1 == 10 and config.omega_k == 10 + step * (config.layers - 2)


@pytest.mark.parametrize(
    "fields",
    [{"width": 0}, {"layers": 1}, {"context_ratio": 0}, {"inner_rate": 0}, {"resolutions": [0]}, {"context": "best"}],
)
def test_what_cannot_be_trained_is_said(fields):
    with pytest.raises(InvalidInput, match=next(iter(fields))):
        METHOD.config(overrides=fields)


def test_a_training_on_long_series_makes_no_huge_grids():
    domain = Domain(axes=("t",), channels=("0",), value_range=(0.0, 1.0), shape=(8000,))
    assert METHOD.config().grids(domain) == [(8000,)]


# ---------------------------------------------------------------------------------------------------------------------
# Training


def test_a_short_training_reconstructs_digits_it_never_saw():
    unseen = SignalSet.from_grids(
        (load_digits().images[1000:1100] / 16).astype(np.float32), axes="yx", value_range=(0.0, 1.0)
    )
    assert psnr_db(trained_with(steps=1), unseen) < 12
    assert psnr_db(trained(), unseen) > 16


@pytest.mark.parametrize(
    "fields",
    [
        {"first_order": True},
        {"context": "gradient"},
        {"context_ratio": 1.0},
        {"across": False},
        {"omega_k": 10.0},
        {"skip": False},
        {"offset": 0.0},
    ],
)
def test_every_option_makes_a_difference_and_trains(fields):
    other, plain = trained_with(**fields), trained_with()
    assert not np.array_equal(other.arrays["modulation"], plain.arrays["modulation"])
    assert np.isfinite(psnr_db(other, digits()))


def test_asked_across_grids_it_sees_more_in_a_coarse_one():
    within = trained_with(steps=60, across=False)
    coarse = Sampling(kind="grid", size=(4,))
    assert psnr_db(trained_with(steps=60), digits(), coarse) > psnr_db(within, digits(), coarse) + 1


def test_values_come_back_in_their_own_unit():
    celsius = replace(digits(), values=digits().values * 40 - 10, value_range=(-10.0, 30.0))
    other = METHOD.train(METHOD.config(overrides=TINY | {"steps": 12}), celsius, seed=0)
    codes, same = (METHOD.encode(c, Observations(s)) for c, s in ((other, celsius), (trained_with(), digits())))
    renders, expected = METHOD.render(other, codes, (8, 8)), METHOD.render(trained_with(), same, (8, 8))
    assert np.abs(renders - (expected * 40 - 10)).mean() < 0.5  # of a range of 40


# ---------------------------------------------------------------------------------------------------------------------
# Fitting


def test_more_steps_fit_better_and_the_report_shows_it():
    heard = []
    METHOD.encode(trained(), Observations(digits()), report=lambda p, state=None: heard.append(p))
    errors = [progress.metrics["psnr_db"] for progress in heard]
    assert len(errors) == TINY["fit_steps"] and heard[-1].step == heard[-1].total == len(digits())
    assert (np.diff(errors) > 0).all() and errors[-1] > errors[0] + 5


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(kind="grid", size=(12,)),
        Sampling(kind="grid", size=(40,)),
        Sampling(kind="points", size=(200,), seed=1),
        Sampling(kind="grid", size=(16,), drop=0.4),
        Sampling(kind="grid", size=(16,), jitter=0.7),
    ],
    ids=["finer", "much finer", "points", "missing", "uneven"],
)
def test_a_latent_fitted_at_one_sampling_renders_at_another(sampling: Sampling):
    assert psnr_db(trained(), digits(), sampling) > psnr_db(trained(), digits()) - 3.5


def test_of_a_very_fine_grid_only_some_samples_count():
    """The middle of each three by three, as the finest grid in training had 12 by 12."""
    values = np.random.default_rng(0).random((5, 36, 36), np.float32)
    other = np.random.default_rng(1).random((5, 36, 36), np.float32)
    other[:, 1::3, 1::3] = values[:, 1::3, 1::3]
    codes = [
        METHOD.encode(trained(), Observations(SignalSet.from_grids(v, axes="yx", value_range=(0.0, 1.0))))["latents"]
        for v in (values, other)
    ]
    np.testing.assert_array_equal(*codes)


def test_a_signal_with_missing_samples_is_fitted_to_those_that_are_there():
    values = truth(digits()).copy()
    values[:, 2:5, 3:6] = np.nan
    holed = SignalSet.from_grids(values, axes="yx", value_range=(0.0, 1.0))
    codes = METHOD.encode(trained(), Observations(holed))
    errors = (METHOD.render(trained(), codes, (8, 8)) - truth(digits())) ** 2
    seen = ~np.isnan(values)
    assert -10 * np.log10(errors[seen].mean()) > 16
