"""Where a convolution operator is evaluated, and the functions that it is given there.

Shape legend: D axes, C channels, S the lattice's shape, L levels of an axis.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch


@dataclass(frozen=True)
class Lattice:
    """Equally spaced cells of [-1, 1]^D: along each axis the first centre, the spacing, and how many."""

    first: tuple[float, ...]
    spacing: tuple[float, ...]
    shape: tuple[int, ...]

    @classmethod
    def over(cls, shape: Sequence[int], window: Sequence[tuple[float, float]] | None = None) -> Self:
        """A grid over a window of the domain, the whole of it by default."""
        window = window or ((-1.0, 1.0),) * len(shape)
        spacing = tuple((high - low) / n for (low, high), n in zip(window, shape, strict=True))
        return cls(tuple(low + h / 2 for (low, _), h in zip(window, spacing, strict=True)), spacing, tuple(shape))

    def __getitem__(self, cells: tuple[slice, ...]) -> "Lattice":
        """A box of cells, each slice with its start and stop; it may reach beyond the lattice."""
        first = tuple(x + h * c.start for x, h, c in zip(self.first, self.spacing, cells, strict=True))
        return Lattice(first, self.spacing, tuple(c.stop - c.start for c in cells))

    def grown(self, cells: Sequence[int]) -> tuple["Lattice", tuple[slice, ...]]:
        """With so many cells more on every side, as far as the domain goes; and where the old ones lie in it.

        What lies outside of the domain counts as zero (the integral of eq. 5 runs over the domain), so a part of a
        lattice that has grown by an operator's reach is convolved as if the whole lattice were there.
        """
        boxes, inner = [], []
        for x, h, n, more in zip(self.first, self.spacing, self.shape, cells, strict=True):
            below = min(more, max(0, round((x + 1) / h - 0.5)))
            above = min(more, max(0, round((1 - x) / h + 0.5) - n))
            boxes.append(slice(-below, n + above))
            inner.append(slice(below, below + n))
        return self[tuple(boxes)], tuple(inner)

    def around(self, other: "Lattice") -> tuple[tuple[slice, ...], "Lattice"]:
        """The box of cells that the cells of another lattice lie among; also as a lattice."""
        box = []
        for axis, (x, h, n) in enumerate(zip(self.first, self.spacing, self.shape, strict=True)):
            low, high = other.centres(axis)[[0, -1]]
            start = min(max(math.floor((low - x) / h), 0), n - 1)
            stop = min(max(math.ceil((high - x) / h) + 1, start + 1), n)
            box.append(slice(start, stop))
        return tuple(box), self[tuple(box)]

    def divided(self, parts: Sequence[int]) -> "Lattice":
        """Each cell cut into so many along each axis."""
        spacing = tuple(h / k for h, k in zip(self.spacing, parts, strict=True))
        first = tuple(x - h / 2 + fine / 2 for x, h, fine in zip(self.first, self.spacing, spacing, strict=True))
        return Lattice(first, spacing, tuple(n * k for n, k in zip(self.shape, parts, strict=True)))

    def centres(self, axis: int) -> np.ndarray:
        return self.first[axis] + self.spacing[axis] * np.arange(self.shape[axis])


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """Positional encoding of each axis on its own: sin and cos of 2^i pi x for i = 0, 1, … (paper, section 3).

    Args:
        levels: how many frequencies along each axis.
        noise: float32 [*S] over the domain, one channel more; None for none. Between its samples it is cubic.
        sobel: whether derivatives of the encoding are those of Sobel's filter on the lattice, as in the released
            code, and not the exact ones. Of use where levels lie beyond what the lattice can carry.
    """

    levels: tuple[int, ...]
    noise: np.ndarray | None = None
    sobel: bool = False

    @property
    def channels(self) -> int:
        return 2 * sum(self.levels) + (self.noise is not None)

    def __call__(
        self, lattice: Lattice, shift: torch.Tensor | None = None, order: int = 0, device: str = "cpu"
    ) -> torch.Tensor:
        """Values [C, *S]; with ``shift`` [D] those at all places moved by it.

        Args:
            order: the highest derivative by ``shift`` that will be asked for.
        """
        if shift is None:
            return self._at(lattice, torch.zeros(len(lattice.shape), dtype=torch.float64, device=device))
        if not self.sobel:
            return self._at(lattice, shift)
        # Taylor's series at the unmoved place, with Sobel's slopes: exact as far as the order that will be asked for.
        margin, inner = _beyond(lattice, order)
        still = self._at(margin, torch.zeros_like(shift))
        total = term = still
        for k in range(1, order + 1):
            slopes = [_sobel(term, axis, h) for axis, h in enumerate(lattice.spacing)]
            term = sum(slope * move for slope, move in zip(slopes, shift.float(), strict=True)) / k
            total = total + term
        return total[(slice(None), *inner)]

    def _at(self, lattice: Lattice, shift: torch.Tensor) -> torch.Tensor:
        d, device = len(lattice.shape), shift.device
        places = [torch.from_numpy(lattice.centres(a)).to(device) + shift[a] for a in range(d)]
        channels = []
        for axis, levels in enumerate(self.levels):
            frequency = math.pi * 2.0 ** torch.arange(levels, dtype=torch.float64, device=device)
            angle = frequency[:, None] * places[axis]
            waves = torch.stack([torch.sin(angle), torch.cos(angle)], 1).flatten(0, 1).float()
            around = [1] * d
            around[axis] = -1
            channels.append(waves.view(2 * levels, *around).expand(2 * levels, *lattice.shape))
        if self.noise is not None:
            channels.append(self._noise(places)[None])
        return torch.cat(channels)

    def _noise(self, places: Sequence[torch.Tensor]) -> torch.Tensor:
        values = torch.from_numpy(np.array(self.noise, np.float32)).to(places[0].device)
        for axis, x in enumerate(places):
            n = values.shape[axis]
            position = ((x + 1) * n / 2 - 0.5).clamp(-0.5, n - 0.5).unsqueeze(1)
            weights = _cubic(position - torch.arange(n, device=x.device))
            weights = (weights / weights.sum(1, keepdim=True)).float()  # fewer neighbours at the border
            values = torch.tensordot(values, weights, dims=([axis], [1])).movedim(-1, axis)
        return values


def _cubic(distance: torch.Tensor) -> torch.Tensor:
    """Keys' cubic convolution (1981), whose slope at a sample is that of its neighbours."""
    x = distance.abs()
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x < 1, near, torch.where(x < 2, far, 0))


def _beyond(lattice: Lattice, cells: int) -> tuple[Lattice, tuple[slice, ...]]:
    """The lattice with so many cells more on every side, wherever the domain ends; and where the old ones lie."""
    wide = lattice[tuple(slice(-cells, n + cells) for n in lattice.shape)]
    return wide, tuple(slice(cells, cells + n) for n in lattice.shape)


def _sobel(values: torch.Tensor, axis: int, spacing: float) -> torch.Tensor:
    """The slope of values [C, *S] along an axis; at the margins, which are cut off later, it wraps around."""
    slope = (values.roll(-1, axis + 1) - values.roll(1, axis + 1)) / (2 * spacing)
    for other in range(1, values.ndim):
        if other != axis + 1:
            slope = (slope.roll(-1, other) + 2 * slope + slope.roll(1, other)) / 4
    return slope


def levels_within(shape: Sequence[int], most: int) -> tuple[int, ...]:
    """How many levels a grid can carry along each axis: those of fewer than half a period a sample, at least one."""
    return tuple(max(1, min(most, math.ceil(math.log2(max(n, 2) / 2)))) for n in shape)
