"""What ships is what the recipes of today ask for: else it would lie there and be made again on every machine."""

import json

import numpy as np
import pytest
from pydantic import TypeAdapter

from explorer.artifacts import Artifact, sha256
from explorer.codes import Checkpoint
from explorer.messages import AnyRecipe
from explorer.observations import Observations, Sampling
from explorer.readers import load
from explorer.representations.base import get, registered
from explorer.store import assets_dir

LIMIT_BYTES = 5_000_000
ENTRIES = json.loads((assets_dir() / "catalog.json").read_text())
REFS = [json.loads(path.read_text().partition("\n")[2]) | {"key": path.name} for path in assets_dir().glob("refs/*")]


def test_every_shipped_result_has_the_name_that_its_recipe_has_now():
    adapter = TypeAdapter(AnyRecipe)
    assert REFS and all(adapter.validate_python(ref["recipe"]).key == ref["key"] for ref in REFS)


def test_it_is_whole_and_small():
    objects = {path.name: path.read_bytes() for path in assets_dir().glob("objects/*")}
    assert all(sha256(data) == name for name, data in objects.items())
    assert set(objects) == {ref["object"] for ref in REFS}
    assert sum(path.stat().st_size for path in assets_dir().rglob("*") if path.is_file()) < LIMIT_BYTES


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_a_checkpoint_comes_with_its_signals_and_the_maps_of_its_stops(entry):
    assert entry["details"]["representation"] in registered()
    assert entry["details"]["training"]["signals"] == load(entry["details"]["training"]["name"]).id
    maps = [r["recipe"] for r in REFS if r["recipe"]["op"] == "project"]
    own = [recipe for recipe in maps if recipe["codes"]["checkpoint"] == entry["id"]]
    stops = {recipe["codes"]["sampling"]["size"][0] for recipe in own}
    assert any(recipe["reference"] is None for recipe in own)
    assert (
        len(stops) > 3 or not get(entry["details"]["representation"]).amortised
    )  # their codes ship too, and are large


FITTED = [r for r in REFS if r["recipe"]["op"] == "encode" and r["recipe"]["sampling"]["size"] == [8, 8]]


@pytest.mark.parametrize("ref", FITTED, ids=lambda ref: ref["key"][:6])
def test_codes_that_ship_are_what_fits_give_today(ref):
    """Else ``Encode.version`` has to rise: who has kept codes would go on with numbers that nobody gets any more."""

    def shipped(id: str) -> Artifact:
        return Artifact.from_bytes((assets_dir() / "objects" / id).read_bytes())

    before, recipe = shipped(ref["object"]), ref["recipe"]
    checkpoint, signals = Checkpoint.from_artifact(shipped(recipe["checkpoint"])), load("digits200")
    assert signals.id == recipe["signals"]
    seen = Observations(signals, Sampling(**recipe["sampling"]))
    now = get(before.meta["representation"], "cpu").encode(checkpoint, seen, seed=recipe["seed"])
    difference = now["psnr_db"] - before.arrays["psnr_db"]
    assert abs(np.median(difference)) < 0.1  # of 200 signals, since each machine rounds in its own way
