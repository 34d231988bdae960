"""Data sets of codes survive their folder, and nothing else is taken for one."""

import json
from pathlib import Path

import numpy as np
import pytest

from explorer.artifacts import Artifact
from explorer.codes import Checkpoint, Domain
from explorer.errors import InvalidInput, NotFound
from explorer.readers.codesets import CodeSet


def codeset(**changed) -> CodeSet:
    checkpoint = Checkpoint(
        representation="functa",
        config={"latent": 3},
        domain=Domain(axes=("t",), channels=("0",), value_range=(0.0, 1.0), shape=(8,)),
        arrays={"first": np.ones((2, 1), np.float32)},
        training={"name": "waves"},
    )
    fields = {
        "checkpoint": checkpoint,
        "codes": {"latents": np.arange(12, dtype=np.float32).reshape(4, 3)},
        "ids": tuple("abcd"),
        "labels": np.array([0, 1, -1, 0]),
        "class_names": ("high", "low"),
        "resolution": 16,
    }
    return CodeSet(**(fields | changed))


@pytest.mark.parametrize("labels", [np.array([0, 1, -1, 0]), None])
def test_a_set_survives_its_folder(tmp_path: Path, labels):
    given = codeset(labels=labels)
    given.save(tmp_path / "waves")
    again = CodeSet.load(tmp_path / "waves")
    assert again.checkpoint.id == given.checkpoint.id
    assert (again.ids, again.class_names, again.resolution) == (given.ids, given.class_names, 16)
    np.testing.assert_array_equal(again.codes["latents"], given.codes["latents"])
    np.testing.assert_array_equal(again.labels, labels)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["waves"]


def test_people_can_read_what_it_is(tmp_path: Path):
    codeset().save(tmp_path / "waves")
    said = json.loads((tmp_path / "waves" / "description.json").read_text())
    assert said["representation"] == "functa" and said["signals"] == 4
    assert said["arrays"] == {"latents": ["float32", [4, 3]]}


def test_nothing_is_overwritten(tmp_path: Path):
    with pytest.raises(InvalidInput, match="there already"):
        codeset().save(tmp_path)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidInput, match="rows"):
        codeset(ids=("a",), labels=None)
    with pytest.raises(InvalidInput, match="labels"):
        codeset(labels=np.zeros(3, np.int64))


def test_other_folders_are_refused(tmp_path: Path):
    with pytest.raises(NotFound):
        CodeSet.load(tmp_path)
    codeset().save(tmp_path / "waves")
    with pytest.raises(InvalidInput, match="bytes"):
        CodeSet.load(tmp_path / "waves", limit_bytes=10)
    (tmp_path / "waves" / "codes.safetensors").write_bytes(Artifact("signals").to_bytes())
    with pytest.raises(InvalidInput, match="signals"):
        CodeSet.load(tmp_path / "waves")
    (tmp_path / "waves" / "codes.safetensors").write_bytes(b"junk")
    with pytest.raises(InvalidInput):
        CodeSet.load(tmp_path / "waves")
