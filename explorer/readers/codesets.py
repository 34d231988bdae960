"""Data sets of codes, to give away: one folder of safetensors and JSON with all that is needed to use them.

``checkpoint.safetensors`` holds the shared parameters, ``codes.safetensors`` each signal's code and label, and
``description.json`` says in plain words what they are. That is what MedNF is, made from anybody's own signals.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from explorer.artifacts import Arrays, Artifact
from explorer.codes import Checkpoint
from explorer.errors import InvalidInput, NotFound
from explorer.readings import LIMIT_BYTES

_CHECKPOINT, _CODES, _DESCRIPTION = "checkpoint.safetensors", "codes.safetensors", "description.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class CodeSet:
    """Codes of many signals, with the checkpoint that they belong to.

    Args:
        checkpoint: the shared parameters.
        codes: the code arrays; see ``codes.take``.
        ids: the signals' ids.
        labels: int64 [n], indices into ``class_names``, -1 where there is none; or None.
        class_names: of the labels.
        resolution: at which the signals were seen, in words or numbers; None for their own.
    """

    checkpoint: Checkpoint
    codes: Arrays = field(repr=False)
    ids: tuple[str, ...] = field(repr=False)
    labels: np.ndarray | None = field(default=None, repr=False)
    class_names: tuple[str, ...] = ()
    resolution: Any = None

    def __post_init__(self):
        n = len(self.ids)
        if self.labels is not None and (self.labels.dtype != np.int64 or self.labels.shape != (n,)):
            raise InvalidInput(f"Got labels {self.labels.dtype} {self.labels.shape}; expected int64 [{n}].")
        for name, array in self.codes.items():
            if "/" not in name and len(array) != n:
                raise InvalidInput(f"Got {len(array)} rows of {name!r} for {n} signals; expected as many.")

    @property
    def description(self) -> Mapping[str, Any]:
        """What ``description.json`` says."""
        checkpoint = self.checkpoint
        return {
            "representation": checkpoint.representation,
            "config": dict(checkpoint.config),
            "checkpoint": checkpoint.id,
            "trained_on": dict(checkpoint.training),
            "signals": len(self.ids),
            "resolution": self.resolution,
            "class_names": list(self.class_names),
            "arrays": {name: [str(array.dtype), list(array.shape)] for name, array in self.codes.items()},
        }

    def save(self, folder: str | PathLike[str]) -> None:
        """Writes a new folder; raises InvalidInput where there is something already."""
        path = Path(folder)
        if path.exists():
            raise InvalidInput(f"Got {str(path)!r}, which is there already; expected the name of a new folder.")
        labels = {} if self.labels is None else {"labels": self.labels}
        meta = {"ids": list(self.ids), "class_names": list(self.class_names), "resolution": self.resolution}
        codes = {f"codes/{name}": array for name, array in self.codes.items()}
        unfinished = path.with_name(path.name + ".unfinished")
        unfinished.mkdir(parents=True)
        (unfinished / _CHECKPOINT).write_bytes(self.checkpoint.artifact.to_bytes())
        (unfinished / _CODES).write_bytes(Artifact("codeset", codes | labels, meta).to_bytes())
        (unfinished / _DESCRIPTION).write_text(json.dumps(self.description, indent=2) + "\n", "utf-8")
        unfinished.rename(path)

    @classmethod
    def load(cls, folder: str | PathLike[str], limit_bytes: int = LIMIT_BYTES) -> "CodeSet":
        """A folder that ``save`` made; raises NotFound and InvalidInput for another."""
        checkpoint = Checkpoint.from_artifact(_read(Path(folder) / _CHECKPOINT, limit_bytes))
        artifact = _read(Path(folder) / _CODES, limit_bytes)
        if artifact.kind != "codeset":
            raise InvalidInput(f"Got {artifact.kind!r} in {_CODES}; expected a set of codes.")
        try:
            ids, class_names = (tuple(map(str, artifact.meta[key])) for key in ("ids", "class_names"))
        except (KeyError, TypeError) as error:
            raise InvalidInput(f"Got a set of codes whose description is not whole ({error!r}).") from None
        return cls(
            checkpoint=checkpoint,
            codes={
                name.removeprefix("codes/"): array
                for name, array in artifact.arrays.items()
                if name.startswith("codes/")
            },
            ids=ids,
            labels=artifact.arrays.get("labels"),
            class_names=class_names,
            resolution=artifact.meta.get("resolution"),
        )


def _read(path: Path, limit_bytes: int) -> Artifact:
    if not path.is_file():
        raise NotFound(f"Got a folder without {path.name}; expected one that a CodeSet was saved to.")
    if path.stat().st_size > limit_bytes:
        raise InvalidInput(f"Got {path.name} of {path.stat().st_size} bytes; expected at most {limit_bytes}.")
    return Artifact.from_bytes(path.read_bytes())
