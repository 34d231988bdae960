import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from explorer.clouds import Cloud
from explorer.edits import (
    EDITS,
    AnyEdit,
    Copy,
    Flip,
    Mask,
    Mix,
    Move,
    Noise,
    Push,
    Rotate,
    Scale,
    Shift,
    Thin,
    apply,
)  # fmt: skip
from explorer.errors import InvalidInput
from explorer.shapes import Box, Disc, Polygon


def cloud(*sizes: int, d: int = 2, seed: int = 0) -> Cloud:
    rng, total = np.random.default_rng(seed), sum(sizes)
    return Cloud(
        positions=rng.uniform(-1, 1, (total, d)).astype(np.float32),
        latents=rng.normal(size=(total, 3)).astype(np.float32),
        frames=np.tile(np.eye(d, dtype=np.float32) * 4, (total, 1, 1)),
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
    )


def nobody(row: int) -> Cloud:
    raise AssertionError("no other row is needed")


def edited(*edits, of: Cloud | None = None, other=nobody) -> Cloud:
    return apply(edits, of or cloud(30), other)


def same(one: Cloud, other: Cloud) -> bool:
    return all(np.array_equal(one.arrays[name], other.arrays[name]) for name in one.arrays)


EXAMPLES = [
    Push(center=(0.2, 0.0), vector=(0.1, -0.3), radius=0.5),
    Move(anchors=(3, 1), vector=(0.1, 0.0)),
    Rotate(angle_deg=30, center=(0.1, 0.2)),
    Flip(axis=1),
    Shift(vector=(0.5, 0.0)),
    Scale(factors=(0.5,)),
    Mask(shape=Box(low=(-1, -1), high=(1, 0.5))),
    Thin(share=0.3, seed=1),
    Noise(amount=0.1, seed=2),
    Mix(other=1, by="side"),
    Copy(other=1, shape=Disc(center=(0, 0), radius=0.4), by=(0.2, 0.1)),
]


def test_every_edit_has_an_example():
    assert {edit.op for edit in EXAMPLES} == set(EDITS)


@pytest.mark.parametrize("edit", EXAMPLES, ids=lambda e: e.op)
def test_edits_survive_json(edit):
    again = TypeAdapter(AnyEdit).validate_python(json.loads(json.dumps(asdict(edit))))
    assert again == edit and hash(again) == hash(edit)


@pytest.mark.parametrize("edit", EXAMPLES, ids=lambda e: e.op)
def test_edits_change_a_copy_and_come_out_the_same_each_time(edit):
    before, other = cloud(30), cloud(25, seed=1)
    kept = {name: array.copy() for name, array in before.arrays.items()}
    after = edited(edit, of=before, other=lambda row: other)
    assert all(np.array_equal(kept[name], before.arrays[name]) for name in kept)
    assert not same(before, after) and same(after, edited(edit, of=before, other=lambda row: other))
    assert after.positions.dtype == after.latents.dtype == after.frames.dtype == np.float32


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(EXAMPLES), max_size=6))
def test_lists_compose_and_undo_is_exact(edits):
    before, other = cloud(60), cloud(50, seed=1)
    history = [before]
    for edit in edits:
        try:
            history.append(apply([edit], history[-1], lambda row: other))
        except InvalidInput:  # it would leave nothing, or asks for an anchor that went
            return
    for count, expected in enumerate(history):
        assert same(apply(edits[:count], before, lambda row: other), expected)


@pytest.mark.parametrize("edit", [e for e in EXAMPLES if e.op not in ("noise", "thin")], ids=lambda e: e.op)
def test_a_batch_is_edited_as_each_would_be(edit):
    batch, other = cloud(30, 12), cloud(25, seed=1)
    whole = edited(edit, of=batch, other=lambda row: other)
    for row in range(2):
        one = batch.offsets[row], batch.offsets[row + 1]
        alone = Cloud(
            **{name: getattr(batch, name)[slice(*one)] for name in ("positions", "latents", "frames")},
            offsets=np.array([0, one[1] - one[0]]),
        )
        part = slice(*whole.offsets[row : row + 2])
        alone = edited(edit, of=alone, other=lambda row: other)
        np.testing.assert_array_equal(whole.positions[part], alone.positions)
        np.testing.assert_array_equal(whole.latents[part], alone.latents)


def test_a_push_is_strongest_in_the_middle_and_ends_at_its_rim():
    line = cloud(5, d=1)
    object.__setattr__(line, "positions", np.array([[0.0], [0.2], [0.4], [0.5], [0.9]], np.float32))
    for falloff, expected in (
        ("smooth", [1, 0.7056, 0.1296, 0, 0]),
        ("linear", [1, 0.6, 0.2, 0, 0]),
        ("none", [1, 1, 1, 0, 0]),
    ):
        after = edited(Push(center=(0,), vector=(0.1,), radius=0.5, falloff=falloff), of=line)
        moved = after.positions - line.positions
        np.testing.assert_allclose(moved[:, 0], 0.1 * np.array(expected), atol=1e-6)


def test_four_quarter_turns_and_two_flips_are_nothing():
    before = cloud(30)
    np.testing.assert_array_equal(edited(*[Rotate(angle_deg=90)] * 4).positions, before.positions)
    np.testing.assert_array_equal(edited(*[Flip(axis=0)] * 2).positions, before.positions)
    np.testing.assert_allclose(edited(*[Rotate(angle_deg=90)] * 4).frames, before.frames, atol=1e-6)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("edit", [Rotate(angle_deg=33), Flip(axis=1), Scale(factors=(1.7,))], ids=lambda e: e.op)
def test_frames_turn_along(edit, d):
    """A point that goes with an anchor is seen by it as before."""
    before, away = cloud(30, d=d), np.random.default_rng(3).normal(size=(30, d))
    after = edited(edit, of=before)
    point = Cloud(
        positions=(before.positions + away).astype(np.float32),
        latents=before.latents, frames=before.frames, offsets=before.offsets,
    )  # fmt: skip
    went = edited(edit, of=point).positions
    seen = (before.frames @ away[:, :, None])[:, :, 0]
    np.testing.assert_allclose((after.frames @ (went - after.positions)[:, :, None])[:, :, 0], seen, atol=1e-4)
    still = apply([type(edit)(**{**asdict(edit), "frames": False})], before, nobody)
    np.testing.assert_array_equal(still.frames, before.frames)
    np.testing.assert_array_equal(still.positions, after.positions)


def test_positive_angles_turn_images_against_the_clock():
    bottom = cloud(1)
    object.__setattr__(bottom, "positions", np.array([[1.0, 0.0]], np.float32))  # y grows downwards
    np.testing.assert_allclose(edited(Rotate(angle_deg=90), of=bottom).positions, [[0, 1]], atol=1e-7)


def test_shapes_say_what_is_inside():
    points = np.array([[0, 0], [0.3, 0.3], [0.9, -0.9]], np.float32)
    assert Disc(center=(0, 0), radius=0.43).contains(points).tolist() == [True, True, False]
    assert Box(low=(0.2, -1), high=(1, 1)).contains(points).tolist() == [False, True, True]
    triangle = Polygon(corners=((-1, -1), (-1, 1), (0.1, 0.0)))
    assert triangle.contains(points).tolist() == [True, False, False]


def test_mixes_take_what_they_say():
    one, other = cloud(40), cloud(30, seed=1)

    def mixed(**options) -> Cloud:
        return edited(Mix(other=7, **options), of=one, other=lambda row: {7: other}[row])

    side = mixed(by="side", axis=1, at=0.1)
    own = one.positions[one.positions[:, 1] < 0.1]
    np.testing.assert_array_equal(side.positions[: len(own)], own)
    assert (side.positions[len(own) :, 1] >= 0.1).all()
    assert len(mixed(by="stack").positions) == 70
    assert len(mixed(by="share", share=0.25).positions) == 30 + 8
    disc = Disc(center=(0, 0), radius=0.5)
    shape = mixed(by="shape", shape=disc)
    assert len(shape.positions) == (~disc.contains(one.positions)).sum() + disc.contains(other.positions).sum()


def test_a_copied_region_replaces_what_was_there():
    one, other = cloud(40), cloud(30, seed=1)
    disc = Disc(center=(-0.2, 0), radius=0.4)
    after = edited(Copy(other=0, shape=disc, by=(0.5, 0.0)), of=one, other=lambda row: other)
    there = Disc(center=(0.3, 0), radius=0.4).contains(after.positions)
    came = np.sort(other.latents[disc.contains(other.positions)][:, 0])
    np.testing.assert_array_equal(np.sort(after.latents[there][:, 0]), came)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Push(center=(float("nan"), 0), vector=(0, 0), radius=1),
        lambda: Push(center=(0, 0), vector=(float("inf"), 0), radius=1),
        lambda: Push(center=(0, 0), vector=(0, 0), radius=0),
        lambda: Push(center=(0, 0), vector=(0, 99), radius=1),
        lambda: Rotate(angle_deg=float("nan")),
        lambda: Rotate(angle_deg=3, axes=(1, 1)),
        lambda: Scale(factors=(0.0,)),
        lambda: Shift(vector=(np.float32("nan"), 0)),
        lambda: Noise(amount=float("nan")),
        lambda: Noise(amount=-1),
        lambda: Thin(share=1.5),
        lambda: Mix(other=-1),
        lambda: Mix(other=0, by="shape"),
        lambda: Disc(center=(0, 0), radius=float("inf")),
        lambda: Box(low=(0, 0), high=(0, 1)),
        lambda: Polygon(corners=((0, 0), (1, 1))),
        lambda: Polygon(corners=((0, 0), (1, float("nan")), (1, 1))),
        lambda: edited(Push(center=(0, 0, 0), vector=(0, 0), radius=1)),
        lambda: edited(Flip(axis=2)),
        lambda: edited(Rotate(angle_deg=3), of=cloud(4, d=1)),
        lambda: edited(Move(anchors=(30,), vector=(0, 0))),
        lambda: edited(Mask(shape=Disc(center=(9, 9), radius=1))),
        lambda: edited(*[Scale(factors=(16,))] * 9),
        lambda: edited(*[Flip(axis=0)] * 1001),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(make):
    with pytest.raises(InvalidInput, match="expected"):
        make()


def test_an_anchor_may_be_pushed_outside():
    after = edited(Move(anchors=(0,), vector=(5, 5)))
    assert (after.positions[0] > 1).all()


def test_numbers_of_any_kind_become_plain():
    push = Push(center=np.zeros(2), vector=[np.float32(0.5), 1], radius=np.float64(1))
    assert push == Push(center=(0.0, 0.0), vector=(0.5, 1), radius=1.0)
    json.dumps(asdict(push))
