import json

import pytest

from explorer.dashboard.views.history import History, from_json, in_words, to_json
from explorer.edits import EDITS, Copy, Flip, Mask, Mix, Move, Noise, Push, Rotate, Scale, Shift, Thin
from explorer.errors import InvalidInput
from explorer.shapes import Box, Disc, Polygon

EVERY = (
    Push(center=(0.0, 0.1), vector=(0.2, -0.1), radius=0.3),
    Move(anchors=(1, 2), vector=(0.1, 0.1)),
    Rotate(angle_deg=90),
    Flip(axis=1),
    Shift(vector=(0.1, 0.0)),
    Scale(factors=(0.5,)),
    Mask(shape=Disc(center=(0.0, 0.0), radius=0.5)),
    Thin(share=0.25),
    Noise(amount=0.1, seed=3),
    Mix(other=4, by="shape", shape=Polygon(corners=((0, 0), (1, 0), (1, 1)))),
    Copy(other=2, shape=Box(low=(-1, -1), high=(0, 0))),
)


def test_undo_and_redo_walk_the_line():
    history = History.of(*EVERY[:2]).add(EVERY[2])
    assert history.undo().done == EVERY[:2] and history.undo().undone == EVERY[2:3]
    assert history.undo().redo() == history
    assert history.to(0).to(3) == history
    assert History().undo() == History() and history.redo() == history


def test_what_was_undone_remains_beside_what_is_done_instead():
    first = History.of(*EVERY[:3])
    other = first.undo().undo().add(EVERY[5])
    assert other.done == (EVERY[0], EVERY[5]) and other.undone == ()
    assert other.rows() == [(0, 0), (1, 0), (2, 1), (3, 1), (4, 0)]
    back = other.to(2)
    assert back.done == EVERY[:2] and back.undone == EVERY[2:3]
    assert back.rows() == [(0, 0), (1, 0), (4, 1), (2, 0), (3, 0)]
    assert back.redo().done == first.done
    assert first.undo().add(EVERY[2]) == first  # the same again is no other state


def test_every_edit_survives_its_file_and_can_be_said():
    assert {edit.op for edit in EVERY} == set(EDITS)
    assert from_json(to_json(EVERY).encode()) == EVERY
    words = [in_words(edit) for edit in EVERY]
    assert len(set(words)) == len(words) and all(edit.op not in ("", words) for edit in EVERY)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b'{"edits": 3}',
        b'{"edits": [{"op": "format_disk"}]}',
        b'{"edits": [{"op": "push", "center": [0, 0], "vector": [0, 1e999], "radius": 1}]}',
        b'{"edits": [{"op": "push", "center": [0, 0], "vector": [0, 1], "radius": -1}]}',
        json.dumps({"edits": [{"op": "flip", "axis": 0}] * 1001}).encode(),
        b"[" * 100_000,
    ],
)
def test_other_files_are_refused_in_words(data: bytes):
    with pytest.raises(InvalidInput, match="Got"):
        from_json(data)
