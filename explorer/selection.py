"""A chosen part of a signal set, as something that is kept: an address names it where it is too long to spell out."""

from dataclasses import dataclass

import numpy as np

from explorer.artifacts import Artifact
from explorer.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Selection:
    """Positions of signals, int64 [m], in the order in which they were chosen."""

    rows: np.ndarray

    @property
    def artifact(self) -> Artifact:
        return Artifact("selection", {"rows": np.asarray(self.rows, np.int64)})

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> "Selection":
        """Raises InvalidInput for anything else."""
        rows = artifact.arrays.get("rows")
        if artifact.kind != "selection" or rows is None or rows.dtype != np.int64 or rows.ndim != 1 or (rows < 0).any():
            raise InvalidInput(f"Got a {artifact.kind!r} that is no selection; expected int64 positions. Select again.")
        return cls(rows)
