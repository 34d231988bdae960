"""Anchored clouds: latents at places of the domain, of one signal or of many.

Shape legend: N signals, A anchors of all of them, D axes, Z latents of an anchor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from explorer.artifacts import Arrays
from explorer.errors import InvalidInput

PREFIX = "cloud/"


@dataclass(frozen=True, kw_only=True, eq=False)
class Cloud:
    """The anchors of N signals, one signal after the other.

    Args:
        positions: float32 [A, D]; the domain is [-1, 1]^D, and an anchor may lie outside of it.
        latents: float32 [A, Z].
        frames: float32 [A, D, D]. An anchor sees a point x of the domain at frame @ (x - position): the frame holds
            what normalises relative positions, and turns along when the cloud is turned.
        offsets: int64 [N + 1], where each signal's anchors begin.
    """

    positions: np.ndarray
    latents: np.ndarray
    frames: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def d(self) -> int:
        return self.positions.shape[1]

    @property
    def sizes(self) -> np.ndarray:
        """Anchors of each signal: int64 [N]."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> np.ndarray:
        """The signal of each anchor: int64 [A]."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """As codes hold them; see ``codes.take``. The inverse of ``of``."""
        return {f"{PREFIX}{name}": getattr(self, name) for name in ("positions", "latents", "frames", "offsets")}

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """The cloud in code arrays."""
        try:
            return cls(**{name: arrays[f"{PREFIX}{name}"] for name in ("positions", "latents", "frames", "offsets")})
        except KeyError as error:
            raise InvalidInput(f"Got codes without {error}; expected anchored clouds.") from None

    def pick(self, kept: np.ndarray) -> Self:
        """Some of the anchors, by a mask bool [A]. Raises InvalidInput where it leaves a signal none."""
        sizes = np.bincount(self.owners[kept], minlength=len(self))
        if not sizes.all():
            raise InvalidInput(
                "Got an edit that leaves no anchor; expected one that leaves some. Choose a larger part."
            )
        return type(self)(
            positions=self.positions[kept],
            latents=self.latents[kept],
            frames=self.frames[kept],
            offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        )

    @classmethod
    def stack(cls, parts: Sequence[Self]) -> Self:
        """Clouds of the same N signals as one: those anchors of the first part come first."""
        order = np.argsort(np.concatenate([part.owners for part in parts]), kind="stable")
        return cls(
            positions=np.concatenate([part.positions for part in parts])[order],
            latents=np.concatenate([part.latents for part in parts])[order],
            frames=np.concatenate([part.frames for part in parts])[order],
            offsets=np.sum([part.offsets for part in parts], axis=0),
        )
