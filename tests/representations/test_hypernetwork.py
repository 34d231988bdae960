"""The paper's method: its sizes, its training, and what must not change its codes."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from explorer import fitting
from explorer.artifacts import Artifact
from explorer.codes import Checkpoint, Domain
from explorer.errors import InvalidInput
from explorer.messages import Progress
from explorer.nets.siren import Siren
from explorer.observations import Observations, Sampling
from explorer.representations.hypernetwork import Hypernetwork, _whitening
from explorer.signals import SignalSet

METHOD = Hypernetwork()
TINY = {"width": 6, "point_width": 24, "features": 16, "points": 32, "min_steps": 40, "max_steps": 40}


@lru_cache
def digits(n: int = 60) -> SignalSet:
    images = load_digits().images[:n] / 16
    return SignalSet.from_grids(images.astype(np.float32), axes="yx", name="digits", value_range=(0.0, 1.0))


def domain(d: int, m: int, shape: tuple[int, ...] = ()) -> Domain:
    return Domain(axes=tuple("tyx"[:d]), channels=tuple(map(str, range(m))), value_range=(0.0, 1.0), shape=shape)


@lru_cache
def trained() -> Checkpoint:
    return METHOD.train(METHOD.config(overrides=TINY), digits(), seed=0)


# ---------------------------------------------------------------------------------------------------------------------
# Configurations


@pytest.mark.parametrize(
    ("preset", "d", "m", "dz"), [("paper-mnist", 2, 1, 81), ("paper-kvasir", 2, 3, 2307), ("paper-ering", 1, 4, 94)]
)
def test_the_papers_presets_have_its_code_sizes(preset: str, d: int, m: int, dz: int):
    values = np.random.default_rng(0).random((4, *(8,) * d, m), np.float32)
    signals = SignalSet.from_grids(values, axes="yx"[:d])
    config = replace(METHOD.config(preset), resolutions=(6, 8), epochs=1)
    codes = METHOD.encode(METHOD.train(config, signals, seed=0), Observations(signals))
    assert codes["weights"].shape == (4, dz)


@pytest.mark.parametrize(
    ("preset", "n", "steps"), [("paper-mnist", 60_000, 234_500), ("paper-ering", 30, 200), ("default", 30, 3000)]
)
def test_the_number_of_steps(preset: str, n: int, steps: int):
    assert METHOD.config(preset).steps(n) == steps


@pytest.mark.parametrize("preset", ["default", "paper-mnist"])
def test_the_learning_rate_goes_from_the_first_to_the_last(preset: str):
    config = METHOD.config(preset)
    rates = [config.learning_rate_at(step, 1000) for step in range(1000)]
    assert rates[0] == config.learning_rate and (np.diff(rates) < 0).all()
    assert rates[-1] == pytest.approx(config.final_learning_rate, rel=0.02)


def test_training_grids_follow_the_signals_shape():
    config = METHOD.config()
    assert config.grids(domain(2, 1, (28, 20))) == [(28, 20), (14, 10), (42, 30), (56, 40)]
    assert config.grids(domain(1, 1, (8000,))) == [(8000,)]  # no matrix of 8000 x 16000
    assert METHOD.config(overrides={"resolutions": [5, 9]}).grids(domain(2, 1, (8, 8))) == [(5, 5), (9, 9)]


@pytest.mark.parametrize(
    "fields", [{"width": 0}, {"layers": 1}, {"features": 31}, {"resolutions": [0]}, {"omega_0": 0}, {"decay": "steps"}]
)
def test_what_cannot_be_trained_is_said(fields):
    with pytest.raises(InvalidInput, match=next(iter(fields))):
        METHOD.config(overrides=fields)


# ---------------------------------------------------------------------------------------------------------------------
# Training


def psnr_db(checkpoint: Checkpoint, signals: SignalSet, resolution: int | None = None) -> float:
    """Of renders at the signals' own size, from codes of another."""
    renders = METHOD.render(checkpoint, METHOD.encode(checkpoint, Observations(signals, resolution)), signals.shape)
    truth = signals.decoded(signals.values).reshape(renders.shape)
    return float(-10 * np.log10(np.square(renders - truth).mean((1, 2, 3))).mean())


def test_a_short_training_reconstructs_digits_at_any_resolution():
    config = METHOD.config(overrides={"min_steps": 400, "max_steps": 400, "point_width": 64})
    checkpoint = METHOD.train(config, digits(200), seed=0)
    assert psnr_db(trained(), digits(200)) < 12  # a training of 40 steps
    assert psnr_db(checkpoint, digits(200)) > 13.5
    assert psnr_db(checkpoint, digits(200), 24) > 13.5


def test_values_come_back_in_their_own_unit():
    celsius = replace(digits(), values=digits().values * 40 - 10, value_range=(-10.0, 30.0))
    other = METHOD.train(METHOD.config(overrides=TINY), celsius, seed=0)
    codes, same = (METHOD.encode(c, Observations(s)) for c, s in ((other, celsius), (trained(), digits())))
    renders, expected = METHOD.render(other, codes, (8, 8)), METHOD.render(trained(), same, (8, 8))
    assert np.abs(renders - (expected * 40 - 10)).mean() < 1  # of a range of 40


def test_a_training_on_points_that_lie_evenly_is_another_and_repeats():
    config = METHOD.config(overrides=TINY | {"evenly": True})
    even = METHOD.train(config, digits(), seed=0)
    assert even.id == METHOD.train(config, digits(), seed=0).id
    assert not np.array_equal(even.arrays["head.0.bias"], trained().arrays["head.0.bias"])


def test_a_state_of_another_training_is_refused():
    with pytest.raises(InvalidInput, match="state of another training"):
        METHOD.train(METHOD.config(overrides=TINY), digits(), seed=0, resume=Artifact("training", {}, {"step": 3}))


def test_progress_rises_to_the_total(monkeypatch):
    monkeypatch.setattr(fitting, "REPORT_INTERVAL_S", 0.0)
    heard = []
    METHOD.train(METHOD.config(overrides=TINY), digits(), seed=0, report=lambda p, state=None: heard.append(p))
    training = [p for p in heard if p.message == "training"]
    assert [p.step for p in training] == list(range(1, 41)) and {p.total for p in training} == {40}
    assert all({"loss", "psnr_db"} <= set(p.metrics) for p in training)
    assert training[-1].metrics["loss"] < training[0].metrics["loss"]


def test_a_training_that_leaves_the_numbers_says_so():
    wild = METHOD.config(overrides=TINY | {"learning_rate": 1e4, "final_learning_rate": 1e4, "max_steps": 200})
    huge = replace(digits(), values=np.full_like(digits().values, 3e38), value_range=(0.0, 3e38))
    with pytest.raises(InvalidInput, match="learning rate"):
        METHOD.train(replace(wild, standardise=False), huge, seed=0)


def test_signals_on_points_of_their_own_can_be_trained_on():
    rng = np.random.default_rng(0)
    places = [np.sort(rng.random((40 + i % 3, 2)), 0) for i in range(12)]
    signals = SignalSet.from_points([(p, np.sin(6 * p.sum(1)) * (i % 2)) for i, p in enumerate(places)], axes="yx")
    checkpoint = METHOD.train(METHOD.config(overrides=TINY), signals, seed=0)
    vectors = METHOD.vectors(checkpoint, METHOD.encode(checkpoint, Observations(signals)))
    assert len(vectors) == 12 and np.isfinite(vectors).all()


# ---------------------------------------------------------------------------------------------------------------------
# Codes


def test_weights_are_those_of_the_siren():
    codes = METHOD.encode(trained(), Observations(digits()))
    siren = Siren(d=2, m=1, widths=(6,) * 3, omega_0=10.0, hidden_omega=10.0)
    coords = np.random.default_rng(0).uniform(-1, 1, (30, 2)).astype(np.float32)
    mean, deviation = trained().arrays["values"]
    expected = siren(torch.tensor(codes["weights"]), torch.tensor((coords + 1) / 2)).numpy() * deviation + mean
    np.testing.assert_allclose(METHOD.decode(trained(), codes, coords), expected, atol=1e-5)


def test_large_observations_are_summed_in_blocks(monkeypatch):
    whole = METHOD.encode(trained(), Observations(digits(), 24))
    scattered = Observations(digits(), Sampling(kind="points", size=(200,)))
    uneven = METHOD.encode(trained(), scattered)
    monkeypatch.setattr("explorer.representations.hypernetwork._ENCODE_POINTS", 150)
    for expected, observations in ((whole, Observations(digits(), 24)), (uneven, scattered)):
        pooled = METHOD.encode(trained(), observations)["pooled"]
        np.testing.assert_allclose(pooled, expected["pooled"], rtol=2e-2, atol=2e-3)  # bfloat16 adds up otherwise


@pytest.mark.parametrize("whiten", [0, 5])
def test_the_code_space_has_variance_one_over_the_training_set(whiten: int):
    checkpoint = METHOD.train(METHOD.config(overrides=TINY | {"whiten": whiten}), digits(), seed=0)
    codes = METHOD.encode(checkpoint, Observations(digits()))
    vectors = METHOD.vectors(checkpoint, codes, "code")
    assert vectors.shape == (60, whiten or codes["weights"].shape[1])
    np.testing.assert_allclose(vectors.mean(0), 0, atol=1e-2)
    if not whiten:
        np.testing.assert_allclose(vectors.std(0), 1, atol=1e-2)
    else:  # and less where grids differ
        correlation = np.corrcoef(vectors.T) - np.eye(whiten)
        assert np.abs(correlation).max() < 0.3 and 0.01 < vectors.std(0).min() and vectors.std(0).max() < 1.1


def test_signals_of_another_kind_are_refused():
    series = SignalSet.from_grids(np.zeros((2, 20, 3), np.float32), axes="t")
    with pytest.raises(InvalidInput, match="1 axes with 3 channels"):
        METHOD.encode(trained(), Observations(series))


def test_whitening_shrinks_what_depends_on_the_grid():
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(500, 3)) * (5, 1, 1)
    strays = rng.normal(size=(4, 500, 3)) * (0, 0, 1)
    still = _whitening(np.stack([signals] * 4), 3)
    np.testing.assert_allclose(np.cov((signals @ still).T, bias=True), np.eye(3), atol=1e-6)
    seen = signals + strays
    vectors = seen @ _whitening(seen, 3)
    spread = vectors.mean(0).std(0)
    assert sorted((spread > 0.9).tolist()) == [False, True, True] and 0.05 < spread.min() < 0.2
    drift = np.square(vectors - vectors.mean(0)).sum(2).mean()
    whitened = seen @ _whitening(seen.mean(0)[None], 3)
    assert drift < 0.25 * np.square(whitened - whitened.mean(0)).sum(2).mean()


def test_settling_brings_what_a_coarse_grid_gives_to_the_code_of_the_own_samples(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("explorer.representations.hypernetwork._SETTLING_STEPS", 400)
    monkeypatch.setattr("explorer.representations.hypernetwork._LEAST_SETTLED", 60)

    def told(settle: int) -> tuple[float, float]:
        """How far codes from 4 x 4 stray from those of the own samples, and the latter's functions from the samples."""
        checkpoint = METHOD.train(METHOD.config(overrides=TINY | {"whiten": 5, "settle": settle}), digits(), seed=0)
        own, coarse = (METHOD.encode(checkpoint, Observations(digits(), size)) for size in (8, 4))
        vectors, others = (METHOD.vectors(checkpoint, codes, "code") for codes in (own, coarse))
        strays = np.square(vectors - others).sum() / np.square(vectors - vectors.mean(0)).sum()
        errors = METHOD.render(checkpoint, own, (8, 8)) - Observations(digits()).batch(slice(None)).values.reshape(
            -1, 8, 8, 1
        )
        return float(strays), float(np.square(errors).mean())

    (strays, errors), (settled, errors_settled) = told(0), told(32)
    assert settled < 0.5 * strays
    assert errors_settled < 1.05 * errors


def test_a_training_that_was_stopped_settles_like_one_that_went_through(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("explorer.representations.hypernetwork._SETTLING_STEPS", 20)
    monkeypatch.setattr("explorer.representations.hypernetwork._LEAST_SETTLED", 60)
    config, states = METHOD.config(overrides=TINY | {"whiten": 5, "settle": 8}), []

    def keep(progress: Progress, state: Callable[[], Artifact] | None = None) -> None:
        if state and progress.step == progress.total:
            states.append(state())

    whole = METHOD.train(config, digits(), seed=0, report=keep)
    stopped = fitting.ended_here(states[-1])
    assert METHOD.train(config, digits(), seed=0, resume=stopped).id == whole.id
