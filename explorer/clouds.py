"""Anchored clouds: latents at places of the domain, of one signal or of many.

Shape legend: N signals, A anchors of all of them, D axes, Z latents of an anchor.
"""

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

    def some(self, index: np.ndarray) -> Self:
        """Some of the anchors by number, of no matter whom, as of one signal."""
        return type(self)(
            positions=self.positions[index],
            latents=self.latents[index],
            frames=self.frames[index],
            offsets=np.array([0, len(index)]),
        )

    def pick(self, kept: np.ndarray) -> Self:
        """Some of the anchors, by a mask bool [A]. Raises InvalidInput where it leaves a signal none."""
        return type(self).joined(self, kept)

    @classmethod
    def joined(cls, one: Self, kept: np.ndarray, other: Self | None = None, taken: np.ndarray | None = None) -> Self:
        """Some anchors of clouds of N signals, bool [A], and after them some of other clouds of as many.

        Raises InvalidInput where that leaves a signal none.
        """
        parts = [(one, kept)] if other is None or taken is None else [(one, kept), (other, taken)]
        owners = np.concatenate([cloud.owners[which] for cloud, which in parts])
        sizes, order = np.bincount(owners, minlength=len(one)), np.argsort(owners, kind="stable")
        if not sizes.all():
            raise InvalidInput(
                "Got an edit that leaves no anchor; expected one that leaves some. Choose a larger part."
            )
        columns = {
            name: np.concatenate([getattr(cloud, name)[which] for cloud, which in parts])[order]
            for name in ("positions", "latents", "frames")
        }
        return cls(**columns, offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))

    @classmethod
    def stack(cls, one: Self, other: Self) -> Self:
        """Two clouds of each of N signals as one, the anchors of the first before those of the other."""
        return cls.joined(one, np.ones(len(one.positions), bool), other, np.ones(len(other.positions), bool))
