"""How signals are observed: the sampling that an encoder sees them through. N signals, P points, D axes, M channels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from explorer.errors import InvalidInput
from explorer.grids import grid_coords, interpolate_grid, quadrature_weights, resample_known
from explorer.sequences import Few
from explorer.signals import SignalSet


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a signal set is observed.

    Args:
        kind: ``native`` (the samples that there are), ``grid`` or ``points`` (uniform at random in the domain).
        size: samples along each axis of a grid, one number for all axes or one for each; the number of points.
        jitter: how far a grid's samples stray from their cell centres, as a share of the cell, 0 to 1.
        drop: the share of the samples that is missing, 0 up to but not including 1.
        seed: draws jitter, points and drops. The draws of one signal depend on the seed and the signal's id alone.
    """

    kind: str = "native"
    size: Few[int] = ()
    jitter: float = 0.0
    drop: float = 0.0
    seed: int = 0

    def __post_init__(self):
        size = (self.size,) if isinstance(self.size, (int, np.integer)) else self.size
        object.__setattr__(self, "size", tuple(int(s) for s in size))
        if self.kind not in ("native", "grid", "points"):
            raise InvalidInput(f"Got sampling kind {self.kind!r}; expected 'native', 'grid' or 'points'.")
        if (self.kind == "native") != (not self.size) or (self.kind == "points" and len(self.size) != 1):
            raise InvalidInput(
                f"Got size {self.size} for a {self.kind} sampling; expected none for 'native', "
                "one number for 'points', one or one for each axis for 'grid'."
            )
        if not all(1 <= s <= 2**24 for s in self.size):
            raise InvalidInput(f"Got resolution {self.size}; expected whole numbers from 1 to 16777216.")
        if not (0 <= self.jitter <= 1 and 0 <= self.drop < 1):
            raise InvalidInput(
                f"Got jitter {self.jitter} and drop {self.drop}; expected 0 <= jitter <= 1 and 0 <= drop < 1."
            )
        if not 0 <= self.seed < 2**63:
            raise InvalidInput(f"Got seed {self.seed}; expected a whole number from 0 to 2^63 - 1.")

    @classmethod
    def of(cls, resolution: Any) -> "Sampling":
        """What people write as ``resolution=``: None, an int, one size for each axis, or a Sampling."""
        if isinstance(resolution, Sampling):
            return resolution
        if resolution is None:
            return cls()
        if isinstance(resolution, (int, np.integer)):
            return cls(kind="grid", size=(int(resolution),))
        if isinstance(resolution, Sequence) and all(isinstance(r, (int, np.integer)) for r in resolution):
            return cls(kind="grid", size=tuple(resolution))
        raise InvalidInput(
            f"Got resolution {resolution!r}; expected a whole number, one for each axis, or explorer.Sampling(...)."
        )

    def on(self, signals: SignalSet) -> "Sampling":
        """The same sampling spelt out for a set, so that equal observations have equal names."""
        if self.kind == "native" and signals.shape is not None:
            return replace(self, kind="grid", size=signals.shape).on(signals)
        size = self.size
        if self.kind == "grid" and len(size) == 1:
            size = size * signals.d
        if self.kind == "grid" and len(size) != signals.d:
            raise InvalidInput(
                f"Got a resolution of {len(size)} numbers for signals over {signals.d} axes "
                f"({', '.join(a.name for a in signals.axes)}); expected one number or {signals.d}."
            )
        samples = int(np.prod(size, dtype=object)) if size else 0
        if samples > 2**24:
            raise InvalidInput(
                f"Got {samples} samples for each signal; expected at most {2**24}. Lower the resolution."
            )
        seed = self.seed if self.jitter or self.drop or self.kind == "points" else 0
        return replace(self, size=size, seed=seed)

    @property
    def is_grid(self) -> bool:
        """Whether all signals are seen whole on one regular grid."""
        return self.kind == "grid" and not self.jitter and not self.drop


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Some observed signals, as arrays that an encoder takes.

    Args:
        coords: float32 [P, D], shared by all, or [N, P, D].
        values: float32 [N, P, M]; zero where the mask is False.
        mask: bool [N, P], or None where every point is a sample.
        weights: float32 [N, P] quadrature weights whose rows sum to 1, or None where all points count alike.
    """

    coords: np.ndarray
    values: np.ndarray
    mask: np.ndarray | None = None
    weights: np.ndarray | None = None


def uniform(seed: int, keys: np.ndarray, count: int, stream: int) -> np.ndarray:
    """Uniform numbers in [0, 1) that depend on (seed, key, position, stream) alone: float64 [len(keys), count]."""

    def mix(x: np.ndarray) -> np.ndarray:  # splitmix64's finaliser
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))

    with np.errstate(over="ignore"):
        start = mix(np.array([(seed * 8 + stream) % 2**64], np.uint64) + np.uint64(0x9E3779B97F4A7C15))
        row = mix(keys.astype(np.uint64) ^ start)[:, None]
        return (mix(row + np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(11)) / 2.0**53


class Observations:
    """A signal set seen through a sampling; batches are made when asked for, so any set fits in memory."""

    def __init__(self, signals: SignalSet, resolution: Any = None):
        self.signals = signals
        self.sampling = Sampling.of(resolution).on(signals)
        if self.sampling.kind != "native" and signals.coords is not None and signals.d > 1:
            raise InvalidInput(
                "Got a grid or random points for signals that are themselves uneven points over several axes; "
                "expected their own points. Use resolution=None."
            )

    def __len__(self) -> int:
        return len(self.signals)

    @cached_property
    def points(self) -> int:
        """The largest number of points of one observation."""
        if self.sampling.size:
            return int(np.prod(self.sampling.size))
        return int(np.diff(self.signals.offsets).max(initial=0))

    def batch(self, rows: Sequence[int] | np.ndarray | slice) -> Batch:
        """The observations of some signals."""
        signals, sampling = self.signals[rows], self.sampling
        if sampling.kind == "native":
            coords, values, mask = signals.padded()
        elif signals.coords is not None:
            coords, values, mask = self._resampled_series(signals)
        else:
            coords, values, mask = self._from_grids(signals)
        if sampling.drop:
            coords, values, mask = _drop(coords, values, mask, sampling, signals.keys)
        missing = np.isnan(values).any(-1)
        if missing.any():
            mask = ~missing if mask is None else mask & ~missing
        if mask is not None:
            values = np.where(mask[..., None], values, np.float32(0))
        if mask is not None and not mask.any(1).all():
            raise InvalidInput(
                f"Got signal {signals.ids[int(np.argmin(mask.any(1)))]!r} without a single sample; "
                "expected at least one. Leave it out or lower the share dropped."
            )
        weights = None
        whole_grids = sampling.kind == "native" and signals.coords is None and not sampling.drop and not missing.any()
        if whole_grids and mask is not None:  # each on its own grid, whose cells are alike
            weights = (mask / mask.sum(1, keepdims=True)).astype(np.float32)
        elif not whole_grids and (mask is not None or not sampling.is_grid):
            weights = quadrature_weights(np.broadcast_to(coords, (*values.shape[:2], coords.shape[-1])), mask)
        return Batch(coords=coords, values=values, mask=mask, weights=weights)

    def batches(self, budget_points: int = 2**22) -> Iterator[tuple[slice, Batch]]:
        """All observations in order, in chunks of at most ``budget_points`` points."""
        size = max(1, budget_points // max(self.points, 1))
        for start in range(0, len(self), size):
            rows = slice(start, min(start + size, len(self)))
            yield rows, self.batch(rows)

    def _from_grids(self, signals: SignalSet):
        sampling, n, d = self.sampling, len(signals), signals.d
        if sampling.kind == "points":
            coords = 2 * uniform(sampling.seed, signals.keys, sampling.size[0] * d, stream=0) - 1
            coords = coords.reshape(n, -1, d).astype(np.float32)
        else:
            coords = grid_coords(sampling.size)
        if sampling.jitter:
            stray = uniform(sampling.seed, signals.keys, coords.size, stream=1).reshape(n, *coords.shape) - 0.5
            coords = (coords + 2 * sampling.jitter * stray / np.array(sampling.size)).astype(np.float32)
        values = np.empty((n, coords.shape[-2], signals.m), np.float32)
        for rows, grids in signals.by_shape():
            if coords.ndim == 2:
                values[rows] = resample_known(grids, sampling.size).reshape(len(grids), -1, signals.m)
                continue
            if sampling.kind == "grid":  # antialias first where the observed grid is coarser than the samples
                grids = resample_known(
                    grids, [min(n, size) for n, size in zip(grids.shape[1:-1], sampling.size, strict=True)]
                )
            values[rows] = interpolate_grid(grids, coords[rows])
        return coords, values, None

    def _resampled_series(self, signals: SignalSet):
        """Uneven samples over one axis, interpolated linearly."""
        sampling, n = self.sampling, len(signals)
        if sampling.kind == "points":
            coords = (2 * uniform(sampling.seed, signals.keys, sampling.size[0], stream=0) - 1)[..., None]
        else:
            coords = np.broadcast_to(grid_coords(sampling.size), (n, sampling.size[0], 1))
        if sampling.jitter:
            stray = uniform(sampling.seed, signals.keys, sampling.size[0], stream=1)[..., None] - 0.5
            coords = coords + 2 * sampling.jitter * stray / sampling.size[0]
        values = np.full((n, coords.shape[1], signals.m), np.nan, np.float32)
        for row, (points, samples) in enumerate(signals.samples()):
            order = np.argsort(points[:, 0], kind="stable")
            for channel in range(signals.m):
                known = order[~np.isnan(samples[order, channel])]
                if known.size:
                    values[row, :, channel] = np.interp(coords[row, :, 0], points[known, 0], samples[known, channel])
        return np.ascontiguousarray(coords, np.float32), values, None


def _drop(coords, values, mask, sampling: Sampling, keys: np.ndarray):
    """Keep the same number of points of every signal, drawn at random; points that are only padding go first."""
    n, p = values.shape[:2]
    keep = max(1, round(p * (1 - sampling.drop)))
    draw = uniform(sampling.seed, keys, p, stream=2)
    if mask is not None:
        draw = np.where(mask, draw, 2)
        present = mask.sum(1, keepdims=True)
        rank = draw.argsort(1, kind="stable").argsort(1, kind="stable")
        mask = mask & (rank < np.maximum(1, np.round(present * (1 - sampling.drop))))
        draw = np.where(mask, draw, 2)
    kept = np.sort(np.argsort(draw, 1, kind="stable")[:, :keep], 1)
    coords = np.take_along_axis(np.broadcast_to(coords, (n, p, coords.shape[-1])), kept[..., None], 1)
    values = np.take_along_axis(values, kept[..., None], 1)
    return coords, values, None if mask is None else np.take_along_axis(mask, kept, 1)
