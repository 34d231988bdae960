"""A signal set as tensors to train on: any of its signals, at any resolution, at some of the points.

Shape legend: N signals, B of them, P points, D axes, M channels, S a grid's shape.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from explorer.grids import grid_coords, resample_matrix
from explorer.observations import Observations
from explorer.signals import SignalSet


class Samples(NamedTuple):
    """Some points of some signals, as an encoder takes them and a loss compares them.

    Args:
        coords: float32 [P, D] in [-1, 1], shared by all, or [B, P, D].
        values: float32 [B, P, M], in the field's own unit.
        weights: float32 [B, P] that sum to 1 over all points, 0 where there is no sample; None where all count alike.
    """

    coords: torch.Tensor
    values: torch.Tensor
    weights: torch.Tensor | None

    def take(self, index: np.ndarray) -> "Samples":
        """Some of the points, the same for all signals; weighted sums over random ones are, in the mean, those over
        all."""
        kept = torch.from_numpy(index).to(self.values.device)
        weights = self.weights
        if weights is not None:
            weights = weights[:, kept] * (weights.shape[1] / len(index))
        return Samples(self.coords[..., kept, :], self.values[:, kept], weights)


class GridSource:
    """Signals that share one grid, or are brought to one; resampled when they are asked for."""

    def __init__(self, signals: SignalSet, device: str):
        self._shape = signals.reference_shape
        self._grids: dict[tuple[int, ...], torch.Tensor] = {}
        if signals.shape is not None and signals.values.dtype == np.uint8:  # a quarter of the memory
            values = torch.tensor(signals.values, device=device)
            low, high = signals.value_range
            self._low, self._step = low, (high - low) / 255
        else:
            values = torch.tensor(Observations(signals, self._shape).batch(slice(None)).values, device=device)
            self._low, self._step = 0.0, 1.0
        self._values = values.reshape(len(signals), -1, signals.m)

    def draw(
        self, rows: np.ndarray, shape: Sequence[int], points: int, rng: np.random.Generator, evenly: bool = False
    ) -> Samples:
        """The signals ``rows`` on a grid [*S]; with ``points`` above 0 at so many of its points, the same for all.

        Args:
            evenly: whether these points lie evenly over the domain, so that means over them stray little.
        """
        device, shape = self._values.device, tuple(shape)
        index = torch.from_numpy(rows).to(device)
        coords = self._coords(shape)
        if not 0 < points < len(coords):
            values = self._values[index] * self._step + self._low
            return Samples(coords, values if shape == self._shape else self._resampled(values, shape), None)
        drawn = _even(shape, points, rng) if evenly else rng.choice(len(coords), points, replace=False, shuffle=False)
        kept = torch.from_numpy(drawn).to(device)
        if shape == self._shape:
            values = self._values[index[:, None], kept] * self._step + self._low
        else:
            values = self._interpolated(self._values[index] * self._step + self._low, shape, drawn)
        return Samples(coords[kept], values, None)

    def _coords(self, shape: tuple[int, ...]) -> torch.Tensor:
        if shape not in self._grids:
            self._grids[shape] = torch.from_numpy(grid_coords(shape)).to(self._values.device)
        return self._grids[shape]

    def _interpolated(self, values: torch.Tensor, shape: tuple[int, ...], points: np.ndarray) -> torch.Tensor:
        """As ``_resampled``, at some of the points."""
        shares = torch.ones(len(points), 1, device=values.device)  # of each sample in each point
        for size, wanted, places in zip(self._shape, shape, np.unravel_index(points, shape), strict=True):
            along = torch.tensor(resample_matrix(size, wanted)[places], device=values.device)
            shares = (shares.unsqueeze(2) * along.unsqueeze(1)).flatten(1)
        return shares @ values

    def _resampled(self, values: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        grids = values.unflatten(1, self._shape)
        for axis, size in enumerate(shape, start=1):
            if grids.shape[axis] != size:
                matrix = torch.tensor(resample_matrix(grids.shape[axis], size), device=values.device)
                grids = torch.tensordot(grids, matrix, dims=([axis], [1])).movedim(-1, axis)
        return grids.flatten(1, -2)


def _even(shape: tuple[int, ...], points: int, rng: np.random.Generator) -> np.ndarray:
    """Points of a grid that lie evenly over it, each as likely as another: positions int64 [points].

    The additive recurrence of the generalised golden ratio (Roberts 2018), from a random start.
    """
    ratio = 2.0
    for _ in range(40):  # x ** (d + 1) = x + 1
        ratio = (1 + ratio) ** (1 / (len(shape) + 1))
    steps = ratio ** -np.arange(1, len(shape) + 1)
    places = (rng.random(len(shape)) + np.arange(points)[:, None] * steps) % 1
    return np.ravel_multi_index(tuple((places * shape).astype(np.int64).T), shape)


class PointSource:
    """Signals on their own points, or with samples missing: padded, and weighted by the space that each stands for."""

    def __init__(self, signals: SignalSet, device: str):
        batch = Observations(signals).batch(slice(None))
        n, count = batch.values.shape[:2]
        weights = np.full((n, count), 1 / count, np.float32) if batch.weights is None else batch.weights
        self._coords = torch.tensor(np.broadcast_to(batch.coords, (n, count, signals.d)), device=device)
        self._values = torch.tensor(batch.values, device=device)
        self._weights = torch.tensor(weights, device=device)

    def draw(
        self, rows: np.ndarray, shape: Sequence[int], points: int, rng: np.random.Generator, evenly: bool = False
    ) -> Samples:
        """The signals ``rows`` at their own points, whatever the grid; with ``points`` above 0 at so many of each."""
        index = torch.from_numpy(rows).to(self._values.device)
        coords, values, weights = self._coords[index], self._values[index], self._weights[index]
        if 0 < points < values.shape[1]:
            # What is no sample (weight 0) is drawn last, so that every signal keeps some.
            lot = rng.random(weights.shape, np.float32) + (weights.cpu().numpy() == 0)
            kept = torch.from_numpy(np.argpartition(lot, points - 1)[:, :points]).to(index.device)
            coords = coords.gather(1, kept[..., None].expand(-1, -1, coords.shape[-1]))
            values = values.gather(1, kept[..., None].expand(-1, -1, values.shape[-1]))
            weights = weights.gather(1, kept)
            weights = weights / weights.sum(1, keepdim=True)
        return Samples(coords, values, weights)


def source_of(signals: SignalSet, device: str) -> GridSource | PointSource:
    """Grids where the signals are whole and can be resampled, else points."""
    scattered = signals.coords is not None and signals.d > 1
    gaps = signals.values.dtype != np.uint8 and bool(np.isnan(signals.values).any())
    return PointSource(signals, device) if scattered or gaps else GridSource(signals, device)


def moments(signals: SignalSet) -> tuple[float, float]:
    """Mean and standard deviation of all values of a set, in the field's own unit; deviation 1 where nothing varies."""
    values = signals.values
    if values.dtype == np.uint8:
        levels = signals.decoded(np.arange(256, dtype=np.uint8)).astype(np.float64)
        share = np.bincount(values.reshape(-1), minlength=256) / values.size
        mean = float(levels @ share)
        deviation = float(np.sqrt((levels - mean) ** 2 @ share))
    else:
        mean, deviation = float(np.nanmean(values, dtype=np.float64)), float(np.nanstd(values, dtype=np.float64))
    return mean, deviation or 1.0
