"""Convolution operators regressed on samples: one for each signal, or one for a whole sequence of signals.

Shape legend: N networks, B functions that each is given, C channels, M channels of the values, S a lattice's shape,
P points, D axes, K weights of a network. Either N or B is 1: signals of their own, or frames of a sequence.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

import numpy as np
import torch

from explorer.nets.lattice import Lattice
from explorer.nets.operator import Operator
from explorer.nets.regression import PSNR_LIMIT_DB

_ACTIVATIONS = 2**26  # numbers of all layers that a pass may hold

Box = tuple[slice, ...]


@dataclass(frozen=True)
class Points:
    """Multilinear interpolation from a lattice to uneven points.

    Args:
        cells: int64 [N, P, 2^D], around each point, as positions in the flattened lattice; N is 1 where all share them.
        shares: float32 [N, P, 2^D], rows sum to 1.
    """

    cells: torch.Tensor
    shares: torch.Tensor

    @classmethod
    def on(cls, lattice: Lattice, coords: np.ndarray, device: str) -> Self:
        """Of coords [N, P, D]; beyond the outermost centres values stay constant."""
        cells, shares = np.zeros((*coords.shape[:2], 1), np.int64), np.ones((*coords.shape[:2], 1), np.float32)
        for axis, size in enumerate(lattice.shape):
            place = np.clip((coords[..., axis] - lattice.first[axis]) / lattice.spacing[axis], 0, size - 1)
            low = np.minimum(place.astype(np.int64), max(size - 2, 0))
            above = (place - low).astype(np.float32)
            corners = np.stack([low, np.minimum(low + 1, size - 1)], -1)
            cells = (cells[..., :, None] * size + corners[..., None, :]).reshape(*coords.shape[:2], -1)
            shares = (shares[..., :, None] * np.stack([1 - above, above], -1)[..., None, :]).reshape(cells.shape)
        return cls(torch.from_numpy(cells).to(device), torch.from_numpy(shares).to(device))

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        """Values [N, M, *S] at the points: [N, M, P]."""
        n, m = values.shape[:2]
        if len(self.cells) == 1:  # the same points for all
            around = values.flatten(2)[:, :, self.cells[0]]
        else:
            index = self.cells.flatten(1).unsqueeze(1).expand(n, m, -1)
            around = values.flatten(2).gather(2, index).unflatten(2, self.shares.shape[1:])
        return (around * self.shares.unsqueeze(1)).sum(-1)

    def take(self, rows: torch.Tensor) -> Self:
        return self if len(self.cells) == 1 else replace(self, cells=self.cells[rows], shares=self.shares[rows])


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """Samples that operators are compared with on one lattice.

    Args:
        lattice: where the operators are evaluated.
        functions: float32 [B, C, *S], what they are given.
        values: float32 [B, N, M, *S], or [1, N, M, P] at points.
        seen: float32 [B, N, *S] or [B, N, P], how much each sample counts for the gradient; each network's sum to 1.
        judged: the same for the PSNR: the samples held out, where there are such.
        points: where the samples lie, None on the lattice.
    """

    lattice: Lattice
    functions: torch.Tensor
    values: torch.Tensor
    seen: torch.Tensor
    judged: torch.Tensor
    points: Points | None = None

    def take(self, rows: torch.Tensor) -> Self:
        values, seen, judged = self.values[:, rows], self.seen[:, rows], self.judged[:, rows]
        return replace(
            self, values=values, seen=seen, judged=judged, points=self.points.take(rows) if self.points else None
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class OperatorFits:
    """Networks of one shape that are to follow targets; a Problem in the sense of ``fits``.

    Args:
        operator: the shape of every network.
        targets: the same signals at several resolutions, the finest last; a step looks at one of them.
        units: float32 [M], what 1 in a channel is as a share of the range of the signals' values.
        crop: cells along each axis that a step looks at, a box drawn afresh; 0 for all.
        batch: functions that a step looks at, drawn afresh; 0 for all.
        early_steps: first steps, which look at scattered samples through the kernels' middle nodes alone. They cost a
            small part of what a box of as many samples does, and tell of all the signal: what is learned of one box is
            soon forgotten for another.
        scattered: how many samples those look at, as far as their activations fit.
        seed: draws them all.
        dtype: of the convolutions' factors.
    """

    operator: Operator
    targets: tuple[Target, ...]
    units: torch.Tensor
    crop: int = 0
    batch: int = 0
    early_steps: int = 0
    scattered: int = 4096
    seed: int = 0
    dtype: torch.dtype = torch.float32

    def __len__(self) -> int:
        return self.targets[-1].values.shape[1]

    def take(self, rows: torch.Tensor) -> Self:
        """Some of the signals, by position."""
        return replace(self, targets=tuple(target.take(rows) for target in self.targets))

    def gradient(self, networks: torch.Tensor, step: int) -> torch.Tensor:
        """Of the weighted mean of the squared error of networks [N, K] at a step's samples, channels summed: [N, K]."""
        with torch.enable_grad():
            parameters = networks.detach().requires_grad_(True)
            if step < self.early_steps:
                self._scattered_error(parameters, step).sum().backward()
            else:
                target, box, frames = self._look(step)
                for part, some in self._passes(target, box, frames):
                    self._seen_error(target, parameters, part, some).sum().backward()
        assert parameters.grad is not None
        return parameters.grad

    def loss(self, networks: torch.Tensor, step: int) -> torch.Tensor:
        """The weighted mean of the squared error, channels summed, as a step's samples tell it: a scalar."""
        target, box, frames = self._look(step)
        return self._seen_error(target, networks, box, frames).sum() / (len(frames) / len(target.functions))

    @torch.no_grad()
    def psnr_db(self, networks: torch.Tensor) -> torch.Tensor:
        """Against the judged samples of the finest target, the peak being the range of the values: [N]."""
        target = self.targets[-1]
        total = torch.zeros(len(networks), device=networks.device)
        everything = tuple(slice(0, size) for size in target.lattice.shape)
        for part, some in self._passes(target, everything, torch.arange(len(target.functions))):
            total += self._error(target, networks, part, some, target.judged, self.units)
        return -10 * (total / self.operator.m).clamp(min=10 ** (-PSNR_LIMIT_DB / 10)).log10()

    def _look(self, step: int) -> tuple[Target, Box, torch.Tensor]:
        """What a step looks at: a target, a box of its lattice, and some of its functions."""
        rng = np.random.default_rng((self.seed, step))
        target = self.targets[step % len(self.targets)]
        shape, count = target.lattice.shape, len(target.functions)
        box = tuple(slice(0, size) for size in shape)
        if self.crop and target.points is None:
            box = tuple(self._drawn(size, rng) for size in shape)
        frames = torch.arange(count)
        if 0 < self.batch < count:
            frames = torch.from_numpy(np.sort(rng.permutation(count)[: self.batch]))
        return target, box, frames

    def _drawn(self, size: int, rng: np.random.Generator) -> slice:
        """A run of ``crop`` cells; one that would stick out is moved inside. All boxes have one shape: a convolution
        is slow at the first sight of another."""
        if self.crop >= size:
            return slice(0, size)
        start = min(max(int(rng.integers(1 - self.crop, size)), 0), size - self.crop)
        return slice(start, start + self.crop)

    def _scattered_error(self, networks: torch.Tensor, step: int) -> torch.Tensor:
        """The mean, over all draws of samples, of such errors of the middle nodes is that of the whole: [N]."""
        target = self.targets[-1]
        functions, values, weights = target.functions.flatten(2), target.values.flatten(3), target.seen.flatten(2)
        if target.points is not None:
            found = target.points(self.operator.at_points(networks, functions)[0]).unsqueeze(0)
            return ((found - values).square().sum(2) * weights).sum((0, 2))
        cells, width = values.shape[-1], values.shape[1] * (sum(self.operator.widths) + self.operator.inputs)
        count = max(1, min(self.scattered, _ACTIVATIONS // width))
        drawn = np.random.default_rng((self.seed, step)).integers(0, cells, count)
        some = torch.from_numpy(np.sort(drawn)).to(values.device)
        found = self.operator.at_points(networks, functions.index_select(2, some))
        errors = (found - values.index_select(3, some)).square().sum(2)
        return (errors * weights.index_select(2, some)).sum((0, 2)) * (cells / count)

    def _seen_error(self, target: Target, networks: torch.Tensor, box: Box, frames: torch.Tensor) -> torch.Tensor:
        """The mean, over all boxes that could have been drawn, of such errors is that of the whole: [N]."""
        weights = target.seen
        if self.crop and target.points is None:
            for axis, size in enumerate(target.lattice.shape, start=2):
                odds = torch.from_numpy(_odds(size, self.crop)).to(weights)
                weights = weights / odds.view(-1, *(1,) * (weights.ndim - axis - 1))
        return self._error(target, networks, box, frames, weights)

    def _error(
        self,
        target: Target,
        networks: torch.Tensor,
        box: Box,
        frames: torch.Tensor,
        weights: torch.Tensor,
        units: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Weighted sum of the squared errors within a box: [N]."""
        lattice, d = target.lattice, len(target.lattice.shape)
        grown, inner = lattice[box].grown(self.operator.reach(lattice.spacing))
        wide = tuple(
            slice(b.start - i.start, b.start - i.start + n) for b, i, n in zip(box, inner, grown.shape, strict=True)
        )
        whole = wide == tuple(slice(0, size) for size in lattice.shape)
        every = len(frames) == len(target.functions)
        functions = target.functions if every else target.functions[frames]
        functions = functions if whole else _cut(functions, wide).contiguous()
        found = self.operator(networks, functions, lattice.spacing, self.dtype, inner)
        if target.points is not None:
            errors, shares = target.points(found[0]).unsqueeze(0) - target.values, weights
        else:
            values, shares = (target.values, weights) if every else (target.values[frames], weights[frames])
            errors, shares = found - _cut(values, box), _cut(shares, box)
        if units is not None:
            errors = errors * units.view(-1, *(1,) * (errors.ndim - 3))
        return (errors.square().sum(2) * shares).sum((0, *range(2, 2 + (d if target.points is None else 1))))

    def _passes(self, target: Target, box: Box, frames: torch.Tensor) -> Iterator[tuple[Box, torch.Tensor]]:
        """A box and frames in parts whose activations fit: fewer frames first, then smaller boxes."""
        width = len(target.values[0]) * (sum(self.operator.widths) + self.operator.inputs)
        cells = int(np.prod([s.stop - s.start for s in box]))
        some = max(1, _ACTIVATIONS // max(1, width * cells))
        boxes = [box] if target.points is not None else list(tiles(box, max(1, _ACTIVATIONS // width)))
        for part in boxes:
            for few in frames.split(some):
                yield part, few


@lru_cache(maxsize=64)
def _odds(size: int, crop: int) -> np.ndarray:
    """How likely each of ``size`` cells is to lie in a run that ``OperatorFits`` draws: float64 [size]."""
    if crop >= size:
        return np.ones(size)
    starts = np.ones(size - crop + 1)
    starts[[0, -1]] = crop
    return np.convolve(starts, np.ones(crop)) / starts.sum()


def _cut(tensor: torch.Tensor, box: Box) -> torch.Tensor:
    """The part of a tensor [..., *S] that lies in a box."""
    return tensor[(slice(None),) * (tensor.ndim - len(box)) + box]


def tiles(box: Box, most: int) -> Iterator[Box]:
    """A box in halves of its longest side until each has at most so many cells."""
    sizes = [s.stop - s.start for s in box]
    if int(np.prod(sizes)) <= most or max(sizes) <= 32:
        yield box
        return
    axis = int(np.argmax(sizes))
    start, middle, stop = box[axis].start, box[axis].start + sizes[axis] // 2, box[axis].stop
    for half in (slice(start, middle), slice(middle, stop)):
        yield from tiles((*box[:axis], half, *box[axis + 1 :]), most)
