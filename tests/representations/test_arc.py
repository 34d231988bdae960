from functools import lru_cache

import numpy as np
import pytest

from explorer.analysis.metrics import psnr_db
from explorer.clouds import Cloud
from explorer.codes import Checkpoint, take
from explorer.edits import Flip, Mask, Mix, Move, Noise, Push, Rotate, Scale, Shift, Thin
from explorer.errors import InvalidInput
from explorer.grids import grid_coords
from explorer.observations import Observations
from explorer.readers import load
from explorer.representations.base import get
from explorer.shapes import Disc
from explorer.signals import SignalSet

ARC = get("arc")
QUICK = {"latent": 8, "train_steps": 400, "train_points": 32, "train_signals": 40, "steps": 60}
BEFORE = [Push(center=(0.1, 0.2), vector=(0.2, -0.1), radius=0.5)]


@lru_cache
def digits() -> SignalSet:
    return load("digits")[:60]


@lru_cache
def model() -> Checkpoint:
    return ARC.train(ARC.config(overrides=QUICK), digits(), seed=0)


@lru_cache
def codes() -> dict[str, np.ndarray]:
    return ARC.encode(model(), Observations(digits()))


def decibels(values: np.ndarray, truth: np.ndarray) -> float:
    return float(psnr_db(truth.reshape(values.shape), values, peak=1).mean())


def test_fits_come_close_and_say_how_close():
    renders = ARC.render(model(), codes(), (8, 8))
    reached = decibels(renders, digits().values)
    assert reached > 20
    np.testing.assert_allclose(codes()["psnr_db"].mean(), reached, atol=0.05)
    assert (codes()["steps"] <= 60).all()


def test_more_steps_come_closer():
    config = {**model().config, "steps": 5}
    short = Checkpoint(representation="arc", config=config, domain=model().domain, arrays=model().arrays)
    assert ARC.encode(short, Observations(digits()))["psnr_db"].mean() < codes()["psnr_db"].mean() - 3


def test_a_fit_stops_at_its_psnr():
    config = {**model().config, "psnr_db": 18.0}
    checkpoint = Checkpoint(representation="arc", config=config, domain=model().domain, arrays=model().arrays)
    fitted = ARC.encode(checkpoint, Observations(digits()))
    assert (fitted["psnr_db"] >= 18).all() and fitted["steps"].mean() < codes()["steps"].mean()


def test_a_decoder_of_finer_grids_knows_more_between_samples():
    fine = Observations(digits(), 24).batch(slice(None)).values.reshape(60, 24, 24, 1)
    reached = []
    for times in (1, 3):
        checkpoint = ARC.train(ARC.config(overrides={**QUICK, "train_finer": times}), digits(), seed=0)
        fitted = ARC.encode(checkpoint, Observations(digits()))
        reached.append(decibels(ARC.render(checkpoint, fitted, (24, 24)), fine))
    assert reached[1] > reached[0] + 1


def test_clouds_have_sizes_of_their_own():
    rng = np.random.default_rng(0)
    mixed = SignalSet.from_grids([rng.random(s) for s in ((8, 8), (20, 12), (8, 8), (32, 8))], axes="yx")
    fitted = ARC.encode(model(), Observations(mixed))
    assert np.diff(fitted["cloud/offsets"]).tolist() == [16, 16, 16, 16]
    small = {**model().config, "least": 4}
    checkpoint = Checkpoint(representation="arc", config=small, domain=model().domain, arrays=model().arrays)
    fitted = ARC.encode(checkpoint, Observations(mixed))
    assert np.diff(fitted["cloud/offsets"]).tolist() == [4, 12, 4, 13]
    alone = ARC.encode(checkpoint, Observations(mixed[[1]]))
    np.testing.assert_allclose(alone["cloud/latents"], take(fitted, [1])["cloud/latents"], atol=2e-3)


@pytest.mark.parametrize("shape", [(8, 8), (1, 1), (1, 9), (2, 1)])
def test_blank_and_tiny_pictures_have_codes(shape):
    blank = SignalSet.from_grids(np.full((2, *shape), 0.5), axes="yx", value_range=(0, 1))
    fitted = ARC.encode(model(), Observations(blank))
    assert (np.diff(fitted["cloud/offsets"]) == min(16, np.prod(shape))).all()
    renders = ARC.render(model(), fitted, (8, 8))
    assert np.isfinite(renders).all()
    assert np.abs(ARC.render(model(), fitted, shape) - 0.5).mean() < 0.05


def test_a_picture_in_a_large_empty_one_is_seen_as_well_as_alone():
    small = digits()[:20].values.reshape(20, 8, 8)
    large = np.zeros((20, 96, 96), np.float32)
    part = slice(36, 60)
    large[:, part, part] = small.repeat(3, 1).repeat(3, 2)
    reached = []
    for pictures in (large[:, part, part], large):
        signals = SignalSet.from_grids(pictures, axes="yx", value_range=(0, 16))
        checkpoint = ARC.train(ARC.config(overrides={**QUICK, "train_steps": 200, "anchors": 30}), signals, seed=0)
        fitted = ARC.encode(checkpoint, Observations(signals))
        renders = ARC.render(checkpoint, fitted, pictures.shape[1:])[..., 0]
        middle = renders[:, part, part] if len(pictures[0]) == 96 else renders
        reached.append(decibels(middle / 16, large[:, part, part] / 16))
        whole = decibels(renders / 16, pictures / 16)
        assert fitted["psnr_db"].mean() == pytest.approx(whole, abs=2)  # it speaks of all that is empty too
    assert reached[1] > reached[0] - 4 and whole > reached[1] + 3


def test_a_decoder_from_before_places_had_a_bound_reads_without_one():
    bounded = model()
    older = {name: value for name, value in bounded.config.items() if name != "sight"}
    before = Checkpoint(representation="arc", config=older, domain=bounded.domain, arrays=bounded.arrays)
    free = Checkpoint(
        representation="arc", config={**older, "sight": 0.0}, domain=bounded.domain, arrays=bounded.arrays
    )
    values, without, said = (ARC.render(c, code(), (16, 16)) for c in (bounded, before, free))
    np.testing.assert_array_equal(without, said)
    assert np.abs(values - without).max() > 1e-3


# ---------------------------------------------------------------------------------------------------------------------
# Edits


def code(row: int = 3) -> dict[str, np.ndarray]:
    return take(codes(), [row])


def edited(*edits, of: dict | None = None) -> dict[str, np.ndarray]:
    return ARC.edit(model(), of or code(), edits, lambda row: take(codes(), [row]))


@pytest.mark.parametrize("edit", [Rotate(angle_deg=90), Flip(axis=1), Rotate(angle_deg=270)], ids=str)
def test_what_is_turned_with_its_frames_looks_turned(edit):
    turned = ARC.render(model(), edited(edit), (32, 32))[0]
    plain = ARC.render(model(), code(), (32, 32))[0]
    expected = np.rot90(plain, edit.angle_deg // 90) if edit.op == "rotate" else plain[:, ::-1]
    np.testing.assert_allclose(turned, expected, atol=1e-3)
    alone = edited(type(edit)(**{**edit.__dict__, "frames": False}))
    assert np.abs(ARC.render(model(), alone, (32, 32))[0] - expected).max() > 0.05


def test_what_is_shifted_or_scaled_looks_so():
    plain = ARC.render(model(), code(), (32, 32))[0]
    shifted = ARC.render(model(), edited(Shift(vector=(0.25, 0))), (32, 32))[0]
    np.testing.assert_allclose(shifted[4:], plain[:-4], atol=1e-3)
    scaled = ARC.render(model(), edited(Scale(factors=(0.5,))), (16, 16), [(-0.5, 0.5)] * 2)
    np.testing.assert_allclose(scaled[0], ARC.render(model(), code(), (16, 16))[0], atol=1e-3)


def test_each_half_of_a_mix_is_its_own_where_anchors_beyond_the_seam_are_not_seen():
    """A point sees no farther than to the last of its neighbours; where the seam is farther, nothing has changed."""
    mixed = ARC.render(model(), edited(Mix(other=9, by="side", axis=1)), (64, 64))[0]
    to_seam = np.abs(grid_coords((64,))[:, 0])
    for row, half in ((3, slice(0, 32)), (9, slice(32, 64))):
        own = ARC.draw(model(), code(row), (64, 64))
        safe = (own.reach < to_seam - 1e-4)[:, half]
        assert 0.05 < safe.mean() < 1
        np.testing.assert_allclose(mixed[:, half][safe], own.values[:, half][safe], atol=1e-5)


def test_clouds_of_fewer_anchors_than_neighbours_can_be_edited():
    tiny = SignalSet.from_grids(np.array([[[0.2, 0.9]]]), axes="yx", value_range=(0, 1))
    fitted = ARC.encode(model(), Observations(tiny))
    assert len(ARC.anchors(fitted)) == 2
    drawing = ARC.draw(model(), fitted, (8, 8))
    for edit in (
        Move(anchors=(1,), vector=(0.5, 0.0)),
        Push(center=(0, 0), vector=(0, 0.4), radius=2),
        Thin(share=0.5),
    ):
        moved = ARC.edit(model(), fitted, [edit], lambda row: fitted)
        box, values, _ = ARC.redraw(model(), fitted, moved, drawing)
        shown = drawing.values.copy()
        shown[tuple(slice(*side) for side in box)] = values
        np.testing.assert_allclose(shown, ARC.render(model(), moved, (8, 8))[0], atol=1e-5)


@pytest.mark.parametrize("window", [None, [(-0.5, 0.3), (0.0, 1.0)]], ids=["whole", "window"])
@pytest.mark.parametrize(
    "edit",
    [
        Move(anchors=(2,), vector=(0.1, 0.2)),
        Move(anchors=(2,), vector=(3.0, 3.0)),
        Push(center=(0.0, 0.0), vector=(0.1, 0.0), radius=0.3),
        Push(center=(0.0, 0.0), vector=(0.0, 0.0), radius=0.3),
        Rotate(angle_deg=20),
        Mask(shape=Disc(center=(0.0, 0.0), radius=0.8)),
        Mask(shape=Disc(center=(0.0, 0.0), radius=0.3)),
        Mix(other=9, by="stack"),
        Mix(other=9, by="side"),
        Noise(amount=0.2),
    ],
    ids=lambda e: e.op,
)
def test_what_is_drawn_again_is_all_that_changed(edit, window):
    before = edited(*BEFORE)
    after = edited(edit, of=before)
    drawing = ARC.draw(model(), before, (40, 40), window)
    old, new = (ARC.render(model(), arrays, (40, 40), window)[0] for arrays in (before, after))
    np.testing.assert_array_equal(drawing.values, old)
    box, values, changed = ARC.redraw(model(), before, after, drawing, window)
    patched, mask = drawing.values.copy(), np.zeros((40, 40), bool)
    part = tuple(slice(*side) for side in box)
    patched[part], mask[part] = values, changed
    np.testing.assert_allclose(patched, new, atol=1e-5)
    assert not np.abs(new - old)[~mask].any()


def test_a_small_push_touches_little():
    fine = ARC.encode(model(), Observations(digits()[:1], 64))
    drawing = ARC.draw(model(), fine, (128, 128))
    moved = ARC.edit(model(), fine, [Move(anchors=(5,), vector=(0.02, 0.0))], lambda row: fine)
    _, _, changed = ARC.redraw(model(), fine, moved, drawing)
    assert 0 < changed.sum() < 0.2 * 128**2


def test_anchors_are_where_the_cloud_says():
    np.testing.assert_array_equal(ARC.anchors(code()), Cloud.of(code()).positions)


def test_half_way_between_two_codes_lie_their_matched_anchors():
    half = Cloud.of(ARC.interpolate(model(), code(3), code(9), np.array([0.5])))
    one, other = Cloud.of(code(3)), Cloud.of(code(9))
    assert len(half.positions) == len(one.positions) == 16
    np.testing.assert_allclose(half.positions.mean(0), (one.positions.mean(0) + other.positions.mean(0)) / 2, atol=1e-5)
    more = Cloud.of(ARC.interpolate(model(), edited(Mix(other=5, by="stack")), code(9), np.array([0.5])))
    assert len(more.positions) == 32  # nobody is left out


def test_codes_of_a_checkpoint_that_makes_no_sense_are_refused():
    with pytest.raises(InvalidInput, match="neighbors 0; expected"):
        ARC.train(ARC.config(overrides={"neighbors": 0}), digits(), seed=0)
    with pytest.raises(InvalidInput, match="over 1 axes"):
        ARC.encode(model(), Observations(load("curves")))
