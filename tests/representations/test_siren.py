"""SIREN codes: starts, vectors, warm starts, resuming, and what cannot be fitted."""

from functools import lru_cache

import numpy as np
import pytest

import explorer
from explorer.artifacts import Artifact
from explorer.codes import Checkpoint, take
from explorer.errors import InvalidInput
from explorer.observations import Observations
from explorer.representations.base import get
from explorer.signals import SignalSet

SMALL = {"widths": (12, 12), "omega_0": 10.0, "hidden_omega": 10.0, "steps": 30, "standards": 20, "chunk": 8}


@lru_cache
def digits() -> SignalSet:
    return explorer.load("digits")[:40]


@lru_cache
def trained(**changes) -> Checkpoint:
    method = get("siren")
    return method.train(method.config(overrides=SMALL | changes), digits(), seed=0)


@lru_cache
def encoded(**changes) -> dict[str, np.ndarray]:
    return get("siren").encode(trained(**changes), Observations(digits()))


def psnr_db(checkpoint: Checkpoint, codes: dict[str, np.ndarray], signals: SignalSet) -> np.ndarray:
    """As anybody would compute it, from the renders."""
    renders = get("siren").render(checkpoint, codes, signals.shape)
    truth = np.stack([signals.grid(row) for row in range(len(signals))])
    low, high = signals.value_range
    return -10 * np.log10(np.square(renders - truth).mean((1, 2, 3)) / (high - low) ** 2)


@pytest.mark.parametrize("start", ["random", "mean", "meta"])
def test_renders_are_as_good_as_the_fit_says(start: str):
    changes = {"start": start, "meta_rounds": 5}
    codes = encoded(**changes)
    np.testing.assert_allclose(codes["psnr_db"], psnr_db(trained(**changes), codes, digits()), atol=0.05)
    assert codes["psnr_db"].mean() > 13


@pytest.mark.parametrize("changes", [{"sigmoid": True}, {"standardise": True}], ids=["sigmoid", "standardise"])
def test_values_come_back_in_their_own_unit(changes: dict):
    signals = SignalSet.from_grids(100 + 50 * np.random.default_rng(0).random((6, 9, 2)).astype(np.float32), axes="t")
    method = get("siren")
    checkpoint = method.train(
        method.config(overrides=SMALL | changes | {"psnr_db": 30.0, "steps": 200}), signals, seed=0
    )
    codes = method.encode(checkpoint, Observations(signals))
    low, high = signals.value_range
    assert (codes["psnr_db"] > 20).all()
    error = method.render(checkpoint, codes, (9,)) - signals.values.reshape(6, 9, 2)
    np.testing.assert_allclose(codes["psnr_db"], -10 * np.log10((error**2).mean((1, 2)) / (high - low) ** 2), atol=0.05)


def test_the_mean_start_is_that_of_a_few_networks_of_each_class():
    method, signals = get("siren"), digits()
    random = trained(start="random")
    mean = trained(start="mean", start_samples=1)
    networks = method.encode(random, Observations(signals))["weights"]
    distances = np.linalg.norm(networks - mean.arrays["start"], axis=1)
    assert distances.mean() < np.linalg.norm(networks - random.arrays["start"], axis=1).mean()
    assert not np.array_equal(mean.arrays["start"], trained(start="mean", start_samples=2).arrays["start"])


def test_a_learned_start_leads_further_in_few_steps():
    few = {"steps": 8}
    assert (
        encoded(start="meta", meta_rounds=60, **few)["psnr_db"].mean()
        > encoded(start="random", **few)["psnr_db"].mean() + 2
    )


def test_vectors_leave_out_what_never_varies_and_bring_the_rest_to_one_scale():
    method, checkpoint = get("siren"), trained(standards=40)
    vectors = method.vectors(checkpoint, encoded(standards=40), "code")
    np.testing.assert_allclose(vectors.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(vectors.std(0), 1, atol=1e-3)
    constant = dict(encoded(standards=40))
    constant["weights"] = np.repeat(constant["weights"][:1], 40, 0)
    assert np.ptp(method.vectors(checkpoint, constant, "code"), 0).max() == 0
    kept = checkpoint.arrays["code.kept"]
    assert vectors.shape == (40, len(kept)) and len(kept) <= constant["weights"].shape[1]


def test_a_weight_that_no_training_moves_is_no_column():
    """With all values at the coordinate 0 the first layer's weights have no gradient."""
    samples = [(np.zeros((2, 1)), np.full((2, 1), v)) for v in (0.1, 0.5, 0.9)]
    signals = SignalSet.from_points(samples, axes=[explorer.Axis("t", start=-1.0, stop=1.0)], value_range=(0.0, 1.0))
    method = get("siren")
    checkpoint = method.train(method.config(overrides=SMALL), signals, seed=0)
    assert set(range(12)).isdisjoint(checkpoint.arrays["code.kept"])
    assert np.isfinite(method.vectors(checkpoint, method.encode(checkpoint, Observations(signals)))).all()


def test_a_near_start_leads_as_far_in_a_fifth_of_the_steps():
    method, checkpoint = get("siren"), trained(steps=30, warm_steps=6)
    codes = method.encode(checkpoint, Observations(digits(), 16))
    scratch = method.encode(checkpoint, Observations(digits(), 20))
    warm = method.encode(checkpoint, Observations(digits(), 20), start=codes)
    assert warm["psnr_db"].mean() > scratch["psnr_db"].mean() - 0.2
    assert warm["steps"].max() <= 6


def test_a_signal_that_is_good_enough_is_done():
    codes = encoded(psnr_db=16.0, steps=200)
    assert (codes["steps"] < 200).any() and (codes["psnr_db"][codes["steps"] < 200] >= 16).all()


def test_snapshots_go_from_rough_to_fine():
    changes = {"snapshots": 4}
    codes, checkpoint = encoded(**changes), trained(**changes)
    assert codes["snapshots"].shape == (40, 4, codes["weights"].shape[1])
    seen = [psnr_db(checkpoint, {"weights": codes["snapshots"][:, s]}, digits()).mean() for s in range(4)]
    assert seen == sorted(seen)
    np.testing.assert_array_equal(take(codes, np.array([3]))["snapshots"], codes["snapshots"][3:4])


def test_corrections_lift_what_adam_leaves():
    plain, corrected = encoded(), encoded(corrections=4)
    assert corrected["psnr_db"].mean() > plain["psnr_db"].mean() + 10


def test_what_cannot_be_is_said_in_words():
    method, observations = get("siren"), Observations(digits())
    for changes, said in (
        ({"widths": ()}, "widths"),
        ({"steps": 0}, "steps"),
        ({"sigmoid": True, "standardise": True}, "standardise with sigmoid"),
        ({"start": "zero"}, "start"),
    ):
        with pytest.raises(InvalidInput, match=said):
            method.train(method.config(overrides=SMALL | changes), digits(), seed=0)
    with pytest.raises(InvalidInput, match="corrections for networks of 8577 weights"):
        large = SignalSet.from_grids(np.zeros((1, 64, 64), np.float32), axes="yx")
        method.train(method.config("exact"), large, seed=0)
    other = Checkpoint.from_artifact(trained().artifact)
    strange = Artifact("checkpoint", other.arrays, {**other.artifact.meta, "training": {"convention": "omega 1"}})
    with pytest.raises(InvalidInput, match="convention 'omega 1'"):
        method.encode(Checkpoint.from_artifact(strange), observations)
    with pytest.raises(InvalidInput, match="over 1 axes"):
        method.encode(trained(), Observations(SignalSet.from_grids(np.zeros((1, 5), np.float32), axes="t")))


def test_the_paper_has_its_presets():
    method = get("siren")
    assert method.presets["paper-best"].widths == (128, 64) and method.presets["paper-best"].sigmoid
    assert method.presets["paper-siren"].widths == (64,) * 5 and method.presets["paper-siren"].hidden_omega == 1
