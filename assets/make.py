"""Make what ships in this folder, with Explorer itself: ``python assets/make.py``, or with some as ``functa:digits``.

For each demonstration a checkpoint is trained, and the maps of its stops are laid out. They, and the codes where every
signal is fitted anew, go to ``objects`` and ``refs``, where every store finds them; ``catalog.json`` lists the
checkpoint with the command that made it.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import explorer
from explorer.local import LocalEngine
from explorer.messages import Project, Recipe, Train
from explorer.store import Store

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Demonstration:
    """A checkpoint that ships: the representation and its preset, the signal set, and the stops of its slider."""

    representation: str
    signals: str
    stops: tuple[int, ...]
    preset: str = "default"
    seed: int = 0

    @property
    def command(self) -> str:
        """What trains the same checkpoint."""
        preset = "" if self.preset == "default" else f" --preset {self.preset}"
        return f"explorer train {self.representation} {self.signals}{preset} --seed {self.seed}"


DEMONSTRATIONS = (
    Demonstration("hypernetwork", "digits", (4, 6, 8, 12, 16, 24, 32, 48)),
    Demonstration("functa", "digits", (4, 6, 8, 12, 16, 24, 32, 48)),
    Demonstration("siren", "digits200", (4, 8, 16, 32), preset="compact"),
    Demonstration("oinr", "digits200", (8,), preset="compact"),
    Demonstration("arc", "digits200", (8, 16), preset="compact"),
    Demonstration("arc", "photographs", (128,), preset="pictures"),
    Demonstration("hypernetwork", "curves", (32, 64, 96, 128, 192, 256, 384, 512, 768)),
    Demonstration("hypernetwork", "faces", (6, 12, 19, 25, 38, 50, 75, 100, 150)),
)


def make(demonstration: Demonstration, engine: LocalEngine, shipped: Store) -> dict:
    signals = explorer.load(demonstration.signals)
    checkpoint = engine.train(
        demonstration.representation, signals, preset=demonstration.preset, seed=demonstration.seed
    )

    def ship(recipe: Recipe) -> None:
        artifact = engine.run(recipe)
        shipped.bind(recipe.key, shipped.put(artifact.to_bytes()), recipe.to_json())

    ship(
        Train(
            representation=demonstration.representation,
            signals=signals.id,
            preset=demonstration.preset,
            seed=demonstration.seed,
        )
    )
    native = engine.encode(checkpoint, signals)
    for stop in demonstration.stops:
        codes = engine.encode(checkpoint, signals, stop)
        if not engine.representation(checkpoint.representation).amortised:
            ship(codes.recipe)
        for space in codes.spaces:
            reference = None if codes.recipe == native.recipe else native.recipe
            ship(Project(codes=codes.recipe, space=space, reference=reference))
    entry = next(e for e in engine.entries("checkpoint") if e.id == checkpoint.id)
    return asdict(entry) | {"note": demonstration.command}


def main(names: Sequence[str]) -> None:
    wanted = [d for d in DEMONSTRATIONS if not names or f"{d.representation}:{d.signals}" in names]
    with tempfile.TemporaryDirectory() as folder, LocalEngine(folder, device="cpu") as engine:
        made = [make(demonstration, engine, Store(HERE)) for demonstration in wanted]
    listing = HERE / "catalog.json"
    before = json.loads(listing.read_text()) if listing.exists() else []
    replaced = {entry["note"] for entry in made}
    kept = [entry for entry in before if entry["note"] not in replaced]
    # In the order above: of checkpoints that fit a signal set equally well, a page opens with the first.
    order = [d.command for d in DEMONSTRATIONS]
    entries = sorted([*kept, *made], key=lambda entry: order.index(entry["note"]))
    listing.write_text(json.dumps(entries, indent=1) + "\n")
    for empty in ("cache", "states", "quarantine"):
        (HERE / empty).rmdir()


if __name__ == "__main__":
    main(sys.argv[1:])
