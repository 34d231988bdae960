"""What is looked at: signals through a checkpoint at a sampling. All that the page shows is a method of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from explorer.codes import Checkpoint, Codes
from explorer.dashboard.library import Library
from explorer.messages import RAW
from explorer.observations import Batch, Observations, Sampling
from explorer.signals import SignalSet


@dataclass(frozen=True)
class Subject:
    """A frozen view on the engine. Methods may wait for it: call them in a thread.

    Args:
        library: where the engine and what it holds are found.
        sampling: how the signals are observed.
        space: what distances are taken in.
        method: how clusters are found; ``k`` is how many, None for one for each class.
    """

    library: Library
    signals: SignalSet
    checkpoint: Checkpoint
    sampling: Sampling
    space: str = ""
    method: str = "kmeans"
    k: int | None = None

    def at(self, sampling: Sampling) -> "Subject":
        """The same, observed otherwise."""
        return replace(self, sampling=sampling)

    def within(self, space: str) -> "Subject":
        """The same in another space."""
        return replace(self, space=space)

    @cached_property
    def codes(self) -> Codes:
        return self.library.codes(self.checkpoint, self.signals, self.sampling)

    @cached_property
    def reference(self) -> Codes:
        """The codes of the signals as they are, to which maps and clusters of other samplings are tied."""
        return self.library.codes(self.checkpoint, self.signals, Sampling())

    @property
    def clusters_wanted(self) -> int | None:
        """As chosen, else one for each class; never more than there are signals."""
        wanted = self.k or len(self.signals.class_names)
        return min(wanted, len(self.signals)) if wanted else None

    # -- all signals

    def layout(self, projection: str) -> np.ndarray:
        """The map: float32 [n, 2]."""
        return self.library.engine.project(self.codes, projection, space=self.space, reference=self._other())

    def has_layout(self, projection: str) -> bool:
        """Whether a map is there already."""
        return self.library.engine.has_layout(self.codes, projection, space=self.space, reference=self._other())

    def clusters(self) -> np.ndarray:
        """Cluster numbers: int64 [n]."""
        return self.library.engine.cluster(
            self.codes, self.method, k=self.clusters_wanted, space=self.space, reference=self._other()
        )

    def moved(self) -> np.ndarray:
        """The signals that are in another cluster than when they are seen as they are: positions int64 [m]."""
        if self._other() is None:
            return np.zeros(0, np.int64)
        return np.flatnonzero(self.clusters() != self.at(Sampling().on(self.signals)).clusters())

    def score(self) -> Mapping[str, Any]:
        """``ami``, ``ari``, ``silhouette``, ``drift`` of these clusters."""
        score = self.library.engine.score(
            self.codes, self.method, k=self.clusters_wanted, space=self.space, reference=self._other()
        )
        return {**score, "drift": 0.0} if self._other() is None else score

    def control(self) -> Mapping[str, Any]:
        """The same scores of the raw samples."""
        return self.within(RAW).score()

    def psnr_db(self) -> np.ndarray:
        """Each render against its whole signal: float32 [n]."""
        return self.library.engine.quality(self.codes)["psnr_db"]

    def kept_neighbors(self, projection: str) -> np.ndarray:
        """The share of each signal's true neighbours that a map shows: float32 [n]."""
        return self.library.engine.kept_neighbors(self.codes, projection, space=self.space, reference=self._other())

    def _other(self) -> Codes | None:
        """The reference, where it is not these codes themselves."""
        return None if self.codes.recipe == self.reference.recipe else self.reference

    # -- some of them

    def observed(self, rows: Sequence[int]) -> Batch:
        """What the encoder is given of some signals."""
        return Observations(self.signals[list(rows)], self.sampling).batch(slice(None))

    def rendered(
        self, rows: Sequence[int], shape: Sequence[int], window: Sequence[tuple[float, float]] | None = None
    ) -> np.ndarray:
        """Some codes decoded on a grid: float32 [len(rows), *shape, m]."""
        return self.library.engine.render(self.codes[list(rows)], shape, window)

    def quality(self, row: int) -> dict[str, float]:
        """``psnr_db`` and, for images, ``ssim`` of one signal."""
        return {name: float(values[0]) for name, values in self.library.engine.quality(self.codes[row]).items()}

    def code(self, row: int) -> dict[str, np.ndarray]:
        """The arrays that are one signal's code; not those that say how it was made, or where it begins."""
        notes = self.library.about(self.checkpoint.representation)["notes"]
        arrays = self.codes[row].arrays
        return {name: a for name, a in arrays.items() if name not in notes and not name.endswith("/offsets")}

    def nearest(self, row: int, space: str, k: int = 8) -> tuple[np.ndarray, np.ndarray]:
        """The signals most like one: positions int64 [k] and distances float32 [k]."""
        return self.library.engine.neighbors(self.codes, row, k, space=space)
