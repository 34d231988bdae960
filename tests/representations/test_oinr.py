"""O-INR codes: fits, what a render is, sequences, derivatives, interpolation, and what cannot be fitted."""

from functools import lru_cache

import numpy as np
import pytest

import explorer
from explorer.analysis.alignment import align
from explorer.codes import Checkpoint, take
from explorer.errors import InvalidInput
from explorer.nets.lattice import Lattice
from explorer.observations import Observations, Sampling
from explorer.representations.base import get
from explorer.signals import SignalSet

SMALL = {"widths": (6,), "steps": 60, "standards": 20, "start_samples": 4, "chunk": 8}
METHOD = get("oinr")


@lru_cache
def digits() -> SignalSet:
    return explorer.load("digits200")[:20]


@lru_cache
def frames() -> SignalSet:
    """A blob that travels: float32 [9, 12, 10, 1]."""
    y, x = np.meshgrid(np.linspace(-1, 1, 12), np.linspace(-1, 1, 10), indexing="ij")
    places = np.linspace(-0.4, 0.4, 9)
    blobs = [np.exp(-6 * ((y - place) ** 2 + (x + place) ** 2)) for place in places]
    return SignalSet.from_grids(np.stack(blobs)[..., None].astype(np.float32), axes="yx", name="blob")


@lru_cache
def trained(name: str = "digits", **changes) -> Checkpoint:
    signals = {"digits": digits, "frames": frames}[name]()
    return METHOD.train(METHOD.config(overrides=SMALL | changes), signals, seed=0)


@lru_cache
def encoded(**changes) -> dict[str, np.ndarray]:
    return METHOD.encode(trained(**changes), Observations(digits()))


def psnr_db(checkpoint: Checkpoint, codes, signals: SignalSet) -> np.ndarray:
    """As anybody would compute it, from the renders."""
    renders = METHOD.render(checkpoint, codes, signals.shape)
    truth = np.stack([signals.grid(row) for row in range(len(signals))])
    low, high = signals.value_range
    return -10 * np.log10(np.square(renders - truth).mean((1, 2, 3)) / (high - low) ** 2)


@pytest.mark.parametrize("kernel", ["continuous", "discrete", "released"])
@pytest.mark.parametrize("changes", [{}, {"bias": True}, {"noise": True}], ids=["plain", "bias", "noise"])
def test_renders_are_as_good_as_the_fit_says(kernel: str, changes: dict):
    changes = changes | {"kernel": kernel, "widths": (6, 5)}
    codes = encoded(**changes)
    np.testing.assert_allclose(codes["psnr_db"], psnr_db(trained(**changes), codes, digits()), atol=0.1)
    assert codes["psnr_db"].mean() > (15 if kernel == "released" else 30)


def test_the_paper_has_its_presets():
    colour = SignalSet.from_grids(np.random.default_rng(0).random((1, 9, 7, 3)).astype(np.float32), axes="yx")
    volume = SignalSet.from_grids(np.random.default_rng(0).random((1, 4, 5, 6)).astype(np.float32), axes="zyx")
    for preset, signals, size in (
        ("paper-172k", colour, 172_224),
        ("paper-130k", colour, 135_360),
        ("paper-1m-3d", volume, 969_408),
    ):
        checkpoint = METHOD.train(METHOD.config(preset, {"steps": 1}), signals, seed=0)
        codes = METHOD.encode(checkpoint, Observations(signals))
        assert codes["weights"].shape == (1, size) and checkpoint.config["levels"] == (8 if signals is volume else 10)


def test_continuous_kernels_render_at_their_own_grid_and_others_at_any():
    """Renders finer than the signals, and their means: the operator's own functions, not interpolated ones."""
    checkpoint, codes = trained(kernel="continuous"), encoded(kernel="continuous")
    coarse, fine = (METHOD.render(checkpoint, codes, (size, size)) for size in (8, 32))
    means = fine.reshape(20, 8, 4, 8, 4, 1).mean((2, 4))
    assert np.corrcoef(means.ravel(), coarse.ravel())[0, 1] > 0.8
    below = METHOD.render(checkpoint, codes, (4, 4))
    np.testing.assert_allclose(below, coarse.reshape(20, 4, 2, 4, 2, 1).mean((2, 4)), atol=1e-5)
    far = METHOD.render(checkpoint, codes, (100, 100))  # finer than is evaluated: linear between
    window = METHOD.render(checkpoint, codes, (25, 50), [(-1, -0.5), (0, 1)])
    np.testing.assert_allclose(window, far[:, :25, 50:], atol=1e-4)


def test_a_wide_lattice_is_rendered_in_parts(monkeypatch):
    checkpoint, codes = trained(), encoded()
    whole = METHOD.render(checkpoint, codes, (40, 40))
    monkeypatch.setattr("explorer.representations.oinr._RENDERED", 2**15)
    np.testing.assert_allclose(METHOD.render(checkpoint, codes, (40, 40)), whole, atol=1e-5)


def test_several_scales_are_fitted_at_once():
    signals = SignalSet.from_grids(np.stack([frames().grid(row) for row in range(9)]), axes="yx")
    changes = {"kernel": "continuous", "widths": (8,), "steps": 200}
    one, both = (
        METHOD.train(
            METHOD.config(overrides=SMALL | changes | {"scales": scales, "capped": False, "levels": 2}), signals, seed=0
        )
        for scales in ((1.0,), (0.5, 1.0))
    )
    truth = Observations(signals, (6, 5)).batch(slice(None)).values.reshape(9, 6, 5, 1)

    def error(checkpoint: Checkpoint) -> float:
        codes = METHOD.encode(checkpoint, Observations(signals))
        grids = METHOD._fitting(checkpoint).values(codes["weights"], None, Lattice.over((6, 5)))
        return float(np.square(grids - truth).mean())

    assert error(both) < error(one) / 2


def test_samples_held_out_decide_where_a_fit_ends():
    y, x = np.meshgrid(*[np.linspace(-1, 1, 40)] * 2, indexing="ij")
    clean = np.exp(-3 * (x**2 + y**2))[None, ..., None]
    noisy = clean + np.random.default_rng(0).normal(0, 0.2, clean.shape)
    signals = SignalSet.from_grids(noisy.astype(np.float32), axes="yx")
    changes = {"widths": (24,), "steps": 200, "check_every": 5, "start": "random", "standards": 1}
    errors = {}
    for share in (0.0, 0.1):
        checkpoint = METHOD.train(METHOD.config(overrides=SMALL | changes | {"holdout": share}), signals, seed=0)
        codes = METHOD.encode(checkpoint, Observations(signals))
        errors[share] = np.square(METHOD.render(checkpoint, codes, (40, 40)) - clean).mean()
    assert codes["steps"][0] < 200  # it had been better before
    assert errors[0.1] < errors[0.0] / 1.5 and errors[0.1] < 0.2**2 / 2


# ---------------------------------------------------------------------------------------------------------------------
# Sequences

SEQUENCE = {"sequence": True, "bias": True, "widths": (16, 16), "steps": 600, "learning_rate": 1e-2, "batch": 0}


def test_one_operator_holds_a_sequence_and_finds_its_frames():
    checkpoint = trained("frames", **SEQUENCE)
    codes = METHOD.encode(checkpoint, Observations(frames()))
    np.testing.assert_allclose(checkpoint.arrays["gammas"][:, 0], np.arange(9) / 9, atol=1e-6)
    np.testing.assert_allclose(codes["gamma"], checkpoint.arrays["gammas"], atol=0.02)
    assert psnr_db(checkpoint, codes, frames()).min() > 25
    shuffled = METHOD.encode(checkpoint, Observations(frames()[np.array([5, 2])]))
    np.testing.assert_allclose(shuffled["gamma"], codes["gamma"][[5, 2]], atol=1e-5)


def test_the_paper_has_its_operator_for_sequences():
    signals = SignalSet.from_grids(np.random.default_rng(0).random((3, 6, 5, 3)).astype(np.float32), axes="yx")
    few, more = (
        METHOD.train(METHOD.config("paper-sequence", {"steps": steps, "batch": 0}), signals, seed=0)
        for steps in (1, 12)
    )
    assert more.arrays["start"].shape == (1_352_771,) and more.config["levels"] == 10
    codes = {"gamma": more.arrays["gammas"]}
    assert psnr_db(more, codes, signals).mean() > psnr_db(few, codes, signals).mean() + 1


def test_frames_in_between_lie_in_between():
    odd = frames()[np.arange(0, 9, 2)]
    checkpoint = METHOD.train(METHOD.config(overrides=SMALL | SEQUENCE), odd, seed=0)
    codes = METHOD.encode(checkpoint, Observations(odd))
    ends = take(codes, [1]), take(codes, [2])
    between = METHOD.interpolate(checkpoint, *ends, np.array([0.5]))
    assert between.keys() == {"gamma"} and ends[0]["gamma"] < between["gamma"] < ends[1]["gamma"]
    found, truth = METHOD.render(checkpoint, between, (12, 10)), frames().grid(3)
    beside = [frames().grid(row) for row in (2, 4)]
    assert np.square(found[0] - truth).mean() < min(np.square(b - truth).mean() for b in beside)


# ---------------------------------------------------------------------------------------------------------------------
# Between networks


def barrier(checkpoint: Checkpoint, start, end, signals) -> float:
    """How far the worst point of a straight line lies above the line between the ends' errors."""
    at = np.linspace(0, 1, 7)
    renders = METHOD.render(checkpoint, METHOD.interpolate(checkpoint, start, end, at), signals[0].shape[:2])
    truth = np.stack([(1 - t) * signals[0] + t * signals[1] for t in at])
    return float(np.square(renders - truth).mean((1, 2, 3)).max())


def test_aligned_networks_are_joined_by_a_lower_way():
    """Independent fits, as in the paper: nothing but the alignment makes their channels agree."""
    changes = {"start": "own", "widths": (8, 8), "steps": 150}
    checkpoint, codes = trained(**changes), encoded(**changes)
    assert np.ptp(codes["weights"], 0).min() > 0
    parameters, symmetry = METHOD.parameters(checkpoint, codes), METHOD.symmetry(checkpoint)
    plain, aligned = [], []
    for a, b in ((0, 1), (2, 3), (4, 5), (6, 7)):
        start, end = take(codes, [a]), take(codes, [b])
        matched = METHOD.networks(checkpoint, align(take(parameters, [a]), take(parameters, [b]), symmetry))
        pair = digits().grid(a), digits().grid(b)
        plain.append(barrier(checkpoint, start, end, pair))
        aligned.append(barrier(checkpoint, start, matched, pair))
    assert np.mean(aligned) < np.mean(plain)


def test_large_pictures_begin_at_scattered_samples():
    photograph = explorer.load("pictures")[4]
    assert photograph.shape == (400, 600)

    def fitted(**changes) -> dict[str, np.ndarray]:
        config = METHOD.config("pictures", {"steps": 80, "check_every": 80, **changes})
        return METHOD.encode(METHOD.train(config, photograph, seed=0), Observations(photograph))

    found, boxes = fitted(), fitted(early_cells=400 * 600)
    assert found["psnr_db"] > boxes["psnr_db"] + 3 and found["steps"] >= 60
    assert found["weights"].shape == boxes["weights"].shape and (boxes["weights"] != 0).all()


def test_what_cannot_be_is_said_in_words():
    for changes, said in (
        ({"widths": ()}, "widths"),
        ({"steps": 0}, "steps"),
        ({"nodes": 4}, "nodes"),
        ({"holdout": 1.0}, "holdout"),
        ({"holdout": 0.1, "scales": (0.5, 1.0)}, "holdout with scales"),
        ({"kernel": "discrete", "scales": (0.5, 1.0)}, "scales for a discrete kernel"),
        ({"kernel": "round"}, "kernel"),
        ({"kernel": "released", "early": 0.5}, "early"),
        ({"schedule": "plateau"}, "plateau_db"),
        ({"schedule": "plateau", "plateau_db": 0.1, "sequence": True}, "sequence"),
    ):
        with pytest.raises(InvalidInput, match=said):
            METHOD.train(METHOD.config(overrides=SMALL | changes), digits(), seed=0)
    with pytest.raises(InvalidInput, match="no grids of one shape"):
        uneven = SignalSet.from_grids([np.arange(9.0), np.arange(4.0)], axes="t")
        METHOD.train(METHOD.config(overrides=SMALL | SEQUENCE), uneven, seed=0)
    with pytest.raises(InvalidInput, match="over 1 axes"):
        METHOD.encode(trained(), Observations(SignalSet.from_grids(np.zeros((1, 5), np.float32), axes="t")))


def test_missing_samples_are_not_fitted():
    signals = digits()[:3]
    codes = METHOD.encode(trained(), Observations(signals, Sampling(drop=0.3)))
    assert np.isfinite(METHOD.render(trained(), codes, (8, 8))).all()
