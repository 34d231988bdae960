"""What a signal is: samples of a function, its axes and units.

One convention holds everywhere. Each axis runs over [-1, 1]; samples sit at cell centres; axes come in array order:
(t), (y, x), (z, y, x), (t, y, x); channels come last. A shape legend for this file: N signals, P points, D axes,
M channels.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from explorer.artifacts import Artifact
from explorer.errors import InvalidInput
from explorer.grids import grid_coords

SPLITS = ("train", "validation", "test")

_CLASSES_LIMIT = 2**16


@dataclass(frozen=True)
class Axis:
    """One axis of the domain. ``start`` and ``stop`` are its outer edges in ``unit``; [-1, 1] maps onto them."""

    name: str
    unit: str = ""
    start: float = 0.0
    stop: float = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class SignalSet:
    """Signals with their axes, units, value range and optional labels; each on its own grid or point set.

    Args:
        name: how people call it.
        axes: the D axes of the domain.
        channels: names of the M channels.
        value_range: lowest and highest value that the field takes, in its own unit.
        values: [total, M], the samples of all signals one after the other, grids in C order. float32, NaN where a
            sample is missing; or uint8, where 0 and 255 stand for the ends of ``value_range``.
        offsets: int64 [N + 1], where each signal's samples begin.
        shapes: int64 [N, D], the grid of each signal; None for uneven points.
        coords: float32 [total, D] in [-1, 1], the places of uneven points; None for grids.
        ids: one name for each signal that stays with it.
        labels: int64 [N], indices into ``class_names``, -1 where unknown; or None.
        split: uint8 [N], indices into ``SPLITS``; None means that every split is the whole set.
        sample_rate_hz: samples in a second, for sound.
    """

    name: str
    axes: tuple[Axis, ...]
    channels: tuple[str, ...]
    value_range: tuple[float, float]
    values: np.ndarray
    offsets: np.ndarray
    shapes: np.ndarray | None = None
    coords: np.ndarray | None = None
    ids: tuple[str, ...]
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    split: np.ndarray | None = None
    sample_rate_hz: float | None = None
    _trusted: bool = field(default=False, repr=False)

    def __post_init__(self):
        if not self._trusted:
            _check(self)
        object.__setattr__(self, "_trusted", False)  # so that what is made of this one by replace() is checked again

    # -- making one

    @classmethod
    def from_grids(
        cls,
        grids: np.ndarray | Sequence[np.ndarray],
        *,
        axes: Sequence[Axis | str],
        name: str = "signals",
        channels: Sequence[str] | None = None,
        value_range: tuple[float, float] | None = None,
        ids: Sequence[str] | None = None,
        labels: Sequence[int] | np.ndarray | None = None,
        class_names: Sequence[str] | None = None,
        split: np.ndarray | None = None,
        sample_rate_hz: float | None = None,
    ) -> "SignalSet":
        """Signals on grids: one array [N, *S] or [N, *S, M], or a list of [*S] or [*S, M].

        uint8 means images in [0, 1]; other integers become float32.
        """
        domain = tuple(Axis(a) if isinstance(a, str) else a for a in axes)
        d = len(domain)
        stacked = isinstance(grids, np.ndarray)
        arrays: list[np.ndarray] = [grids] if isinstance(grids, np.ndarray) else [np.asarray(g)[None] for g in grids]
        if not arrays or any(a.ndim not in (d + 1, d + 2) for a in arrays):
            got = [a.shape[not stacked :] for a in arrays[:3]]
            raise InvalidInput(
                f"Got arrays of shape {got}; expected {'[N, ' if stacked else '['}{', '.join(a.name for a in domain)}] "
                "or the same with channels last."
            )
        if any(a.dtype == object or a.dtype.kind not in "buif" for a in arrays):
            raise InvalidInput(f"Got values of type {arrays[0].dtype}; expected numbers.")
        arrays = [a if a.ndim == d + 2 else a[..., None] for a in arrays]
        m = {a.shape[-1] for a in arrays}
        if len(m) != 1:
            raise InvalidInput(f"Got signals with {sorted(m)} channels; expected the same number in all.")
        as_bytes = all(a.dtype == np.uint8 for a in arrays) and value_range in (None, (0.0, 1.0))
        dtype = np.uint8 if as_bytes else np.float32
        shapes = np.concatenate([np.tile(np.array(a.shape[1:-1], np.int64), (len(a), 1)) for a in arrays])
        with np.errstate(over="ignore"):  # too large for float32 becomes infinite, which the checks refuse in words
            parts = [a.reshape(-1, a.shape[-1]).astype(dtype, copy=False) for a in arrays]
            values = parts[0] if len(parts) == 1 else np.concatenate(parts)
        channels = tuple(channels or _channel_names(next(iter(m)), domain))
        labels, class_names = _labels(labels, class_names)
        return cls(
            name=name,
            axes=domain,
            channels=channels,
            value_range=value_range or ((0.0, 1.0) if as_bytes else _range(values)),
            values=values,
            offsets=np.concatenate([[0], np.cumsum(shapes.prod(1))]).astype(np.int64),
            shapes=shapes,
            ids=tuple(map(str, ids)) if ids is not None else tuple(map(str, range(len(shapes)))),
            labels=labels,
            class_names=class_names,
            split=None if split is None else np.asarray(split, np.uint8),
            sample_rate_hz=sample_rate_hz,
        )

    @classmethod
    def from_points(
        cls,
        samples: Sequence[tuple[np.ndarray, np.ndarray]],
        *,
        axes: Sequence[Axis | str],
        extent: str = "set",
        name: str = "signals",
        channels: Sequence[str] | None = None,
        value_range: tuple[float, float] | None = None,
        ids: Sequence[str] | None = None,
        labels: Sequence[int] | np.ndarray | None = None,
        class_names: Sequence[str] | None = None,
        split: np.ndarray | None = None,
    ) -> "SignalSet":
        """Signals on uneven points: pairs of coordinates [P, D] in the axes' units and values [P, M].

        [-1, 1] maps onto the extent of the whole set, or with ``extent="each"`` onto that of each signal. Axes given by
        name alone get their extent from the points.
        """
        if not samples:
            raise InvalidInput("Got no signals; expected at least one.")
        places = [_columns(c, np.float64) for c, _ in samples]
        values = [_columns(v, np.float32) for _, v in samples]
        if any(len(c) != len(v) or not len(c) for c, v in zip(places, values, strict=True)):
            raise InvalidInput(
                "Got a signal with no points, or other numbers of coordinates and values; "
                "expected one value for each point."
            )
        if any(c.shape[1] != len(axes) or not np.isfinite(c).all() for c in places):
            raise InvalidInput(
                f"Got coordinates [{len(places[0])}, {places[0].shape[1]}]; "
                f"expected finite numbers, one for each of {len(axes)} axes."
            )
        if len({v.shape[1] for v in values}) != 1:
            raise InvalidInput("Got signals of several numbers of channels; expected the same number in all.")
        every = np.concatenate(places)
        low, high = every.min(0), every.max(0)
        domain = tuple(
            Axis(a, "", float(lo), float(hi)) if isinstance(a, str) else a
            for a, lo, hi in zip(axes, low, high, strict=True)
        )
        if extent == "set":
            start, stop = np.array([a.start for a in domain]), np.array([a.stop for a in domain])
            ends = [(start, stop)] * len(places)
        elif extent == "each":
            ends = [(c.min(0), c.max(0)) for c in places]
        else:
            raise InvalidInput(f"Got extent {extent!r}; expected 'set' or 'each'.")
        unit = [2 * (c - a) / np.where(b > a, b - a, 1) - 1 for c, (a, b) in zip(places, ends, strict=True)]
        stacked = np.concatenate(values)
        labels, class_names = _labels(labels, class_names)
        return cls(
            name=name,
            axes=domain,
            channels=tuple(channels or _channel_names(stacked.shape[1], domain)),
            value_range=value_range or _range(stacked),
            values=stacked,
            offsets=np.concatenate([[0], np.cumsum([len(c) for c in places])]).astype(np.int64),
            coords=np.concatenate(unit).astype(np.float32),
            ids=tuple(map(str, ids)) if ids is not None else tuple(map(str, range(len(places)))),
            labels=labels,
            class_names=class_names,
            split=None if split is None else np.asarray(split, np.uint8),
        )

    # -- what it is

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def d(self) -> int:
        """The number of axes."""
        return len(self.axes)

    @property
    def m(self) -> int:
        """The number of channels."""
        return len(self.channels)

    @cached_property
    def shape(self) -> tuple[int, ...] | None:
        """The grid that all signals share, or None where they differ or sit on uneven points."""
        if self.shapes is None or not len(self) or (self.shapes != self.shapes[0]).any():
            return None
        return tuple(int(s) for s in self.shapes[0])

    @cached_property
    def reference_shape(self) -> tuple[int, ...]:
        """One grid to compare all signals on: the shared one, else the median size along each axis."""
        if self.shape is not None:
            return self.shape
        if self.shapes is not None:
            return tuple(int(s) for s in np.median(self.shapes, axis=0))
        points = float(np.median(np.diff(self.offsets)))
        return (max(2, round(points ** (1 / self.d))),) * self.d

    @cached_property
    def keys(self) -> np.ndarray:
        """A stable number for each id: uint64 [N]."""
        digests = b"".join(
            hashlib.blake2b(i.encode("utf-8", "surrogatepass"), digest_size=8).digest() for i in self.ids
        )
        return np.frombuffer(digests, "<u8")

    # -- parts of it

    def __getitem__(self, rows: Any) -> "SignalSet":
        """Some of the signals, by position: an int, a slice, positions or a mask. Ids stay."""
        n = len(self)
        if isinstance(rows, (int, np.integer)):
            rows = [int(rows)]
        index = np.arange(n)[rows] if isinstance(rows, slice) else np.asarray(rows)
        if index.dtype == bool and index.shape == (n,):
            index = np.flatnonzero(index)
        if index.ndim != 1 or (index.size and index.dtype.kind not in "iu"):
            raise InvalidInput(
                f"Got rows {str(rows)[:80]}; expected a whole number, a slice, a list of positions or a mask of {n}."
            )
        index = index.astype(np.int64)
        if index.size and not (-n <= index.min() and index.max() < n):
            outside = index.max() if index.max() >= n else index.min()
            raise InvalidInput(f"Got position {int(outside)} in a set of {n} signals; expected 0 to {n - 1}.")
        index = index % n if n else index
        return replace(
            self,
            values=self._samples_of(self.values, index),
            offsets=np.concatenate([[0], np.cumsum(np.diff(self.offsets)[index])]).astype(np.int64),
            shapes=None if self.shapes is None else self.shapes[index],
            coords=None if self.coords is None else self._samples_of(self.coords, index),
            ids=tuple(self.ids[i] for i in index),
            labels=None if self.labels is None else self.labels[index],
            split=None if self.split is None else self.split[index],
            _trusted=True,
        )

    def _samples_of(self, array: np.ndarray, index: np.ndarray) -> np.ndarray:
        """The rows of ``array`` [total, K] that belong to some signals."""
        if index.size and (np.diff(index) == 1).all():  # neighbours in memory: no copy
            return array[self.offsets[index[0]] : self.offsets[index[-1] + 1]]
        if self.shape is not None:  # blocks of one size
            return array.reshape(len(self), -1, array.shape[1])[index].reshape(-1, array.shape[1])
        lengths = np.diff(self.offsets)[index]
        starts = np.cumsum(lengths) - lengths
        return array[np.repeat(self.offsets[index] - starts, lengths) + np.arange(lengths.sum())]

    def part(self, split: str) -> "SignalSet":
        """The signals of a split (``train``, ``validation``, ``test``), or ``all``. Without a split, all of them."""
        if split not in (*SPLITS, "all"):
            raise InvalidInput(f"Got split {split!r}; expected one of {', '.join(SPLITS)}, all.")
        if split == "all" or self.split is None:
            return self
        return self[self.split == SPLITS.index(split)]

    @property
    def train(self) -> "SignalSet":
        return self.part("train")

    @property
    def validation(self) -> "SignalSet":
        return self.part("validation")

    @property
    def test(self) -> "SignalSet":
        return self.part("test")

    # -- its samples

    def decoded(self, values: np.ndarray) -> np.ndarray:
        """Stored samples in the field's own unit, float32."""
        if values.dtype != np.uint8:
            return values
        low, high = self.value_range
        return values * np.float32((high - low) / 255) + np.float32(low)

    def samples(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Coordinates [P, D] and values [P, M] of each signal in turn."""
        for row in range(len(self)):
            part = slice(self.offsets[row], self.offsets[row + 1])
            yield self._places(row, part), self.decoded(self.values[part])

    def _places(self, row: int, part: slice) -> np.ndarray:
        if self.coords is not None:
            return self.coords[part]
        assert self.shapes is not None
        return grid_coords(self.shapes[row])

    def grid(self, row: int) -> np.ndarray:
        """One signal on its own grid: float32 [*S, M]."""
        if self.shapes is None:
            raise InvalidInput("Got a signal on uneven points; expected one on a grid. Use samples().")
        return self.decoded(self.values[self.offsets[row] : self.offsets[row + 1]]).reshape(*self.shapes[row], self.m)

    def by_shape(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Signals on grids, those of one shape together: rows [n] and float32 [n, *S, M]."""
        assert self.shapes is not None
        for shape in self.shapes[:1] if self.shape is not None else np.unique(self.shapes, axis=0):
            rows = np.flatnonzero((self.shapes == shape).all(1))
            part = self if len(rows) == len(self) else self[rows]
            yield rows, self.decoded(part.values).reshape(len(rows), *shape, self.m)

    def padded(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """All samples in one block: coords [N, P, D], values [N, P, M], mask [N, P] or None."""
        lengths = np.diff(self.offsets)
        longest = int(lengths.max(initial=0))
        if self.coords is not None:
            places = self.coords
        else:
            assert self.shapes is not None
            places = np.concatenate([grid_coords(shape) for shape in self.shapes])
        if (lengths == longest).all():
            block = (len(self), longest, -1)
            return places.reshape(block), self.decoded(self.values).reshape(block), None
        mask = np.arange(longest) < lengths[:, None]
        coords = np.zeros((*mask.shape, self.d), np.float32)
        values = np.zeros((*mask.shape, self.m), np.float32)
        coords[mask], values[mask] = places, self.decoded(self.values)
        return coords, values, mask

    # -- keeping it

    @cached_property
    def artifact(self) -> Artifact:
        optional = {"shapes": self.shapes, "coords": self.coords, "labels": self.labels, "split": self.split}
        arrays = {"values": self.values, "offsets": self.offsets}
        arrays |= {name: array for name, array in optional.items() if array is not None}
        meta = {
            "name": self.name,
            "axes": [[a.name, a.unit, a.start, a.stop] for a in self.axes],
            "channels": list(self.channels),
            "value_range": list(self.value_range),
            "ids": list(self.ids),
            "class_names": list(self.class_names),
            "sample_rate_hz": self.sample_rate_hz,
        }
        return Artifact("signals", arrays, meta)

    @property
    def id(self) -> str:
        """SHA-256 of the set's bytes."""
        return self.artifact.id

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> "SignalSet":
        """Raises InvalidInput for an artifact that is not a sound signal set."""
        if artifact.kind != "signals":
            raise InvalidInput(f"Got {artifact.kind!r}; expected a signal set.")
        meta: Mapping[str, Any] = artifact.meta
        try:
            fields: dict[str, Any] = {
                "name": str(meta["name"]),
                "axes": tuple(Axis(str(n), str(u), float(a), float(b)) for n, u, a, b in meta["axes"]),
                "channels": tuple(map(str, meta["channels"])),
                "value_range": (float(meta["value_range"][0]), float(meta["value_range"][1])),
                "ids": tuple(map(str, meta["ids"])),
                "class_names": tuple(map(str, meta["class_names"])),
                "sample_rate_hz": meta["sample_rate_hz"],
            }
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise InvalidInput(
                f"Got a signal set whose description is not whole ({error!r}); upload it again."
            ) from None
        arrays: dict[str, Any] = {
            name: artifact.arrays.get(name) for name in ("values", "offsets", "shapes", "coords", "labels", "split")
        }
        if arrays["values"] is None or arrays["offsets"] is None:
            raise InvalidInput("Got a signal set without values or offsets; upload it again.")
        signals = cls(**fields, **arrays)
        signals.__dict__["artifact"] = artifact
        return signals


def _channel_names(m: int, axes: Sequence[Axis]) -> tuple[str, ...]:
    if [a.name for a in axes][-2:] == ["y", "x"] and m in (1, 3, 4):
        return {1: ("gray",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}[m]
    return tuple(f"channel {i}" for i in range(m))


def _range(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return (low, high) if high > low else (low, low + 1.0)


def _columns(values: np.ndarray, dtype: type) -> np.ndarray:
    """[P] or [P, K] as [P, K]."""
    array = np.asarray(values)
    if array.ndim not in (1, 2) or array.dtype.kind not in "buif":
        raise InvalidInput(f"Got {array.dtype} values of shape {array.shape}; expected numbers [points, columns].")
    with np.errstate(over="ignore"):  # becomes infinite, which the checks refuse in words
        return array.reshape(len(array), -1 if array.size else 1).astype(dtype, copy=False)


def _labels(labels, class_names) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if labels is None:
        return None, ()
    labels = np.asarray(labels)
    if labels.dtype.kind not in "bui":
        raise InvalidInput(f"Got labels of type {labels.dtype}; expected whole numbers that point into class_names.")
    labels = labels.astype(np.int64)
    if class_names is None:
        if labels.max(initial=-1) >= _CLASSES_LIMIT:
            raise InvalidInput(f"Got label {labels.max()} without class names; expected less than {_CLASSES_LIMIT}.")
        class_names = map(str, range(int(labels.max(initial=-1)) + 1))
    return labels, tuple(map(str, class_names))


def _check(s: SignalSet) -> None:
    """Every rule that a set must meet, said in words; run once, where a set comes in."""
    n, d, m = len(s.ids), len(s.axes), len(s.channels)

    def expect(condition: bool, got: str, expected: str) -> None:
        if not condition:
            raise InvalidInput(f"Signal set {s.name[:80]!r}: got {got}; expected {expected}.")

    expect(n > 0, "no signals", "at least one")
    expect(1 <= d <= 3, f"{d} axes", "one to three")
    expect(m >= 1, "no channels", "at least one")
    expect(len({a.name for a in s.axes}) == d, "axes that share a name", "one name for each axis")
    rate = s.sample_rate_hz
    expect(
        rate is None or (isinstance(rate, (int, float)) and 0 < rate < np.inf),
        f"sample rate {str(rate)[:40]!r}",
        "None or a number above 0",
    )
    expect(len(set(s.ids)) == n, "ids that repeat", "one id for each signal")
    numbers = (*s.value_range, *(edge for a in s.axes for edge in (a.start, a.stop)))
    expect(bool(np.isfinite(numbers).all()), "a range or an extent that is not finite", "finite numbers")
    expect(s.value_range[0] < s.value_range[1], f"value range {s.value_range}", "low < high")
    expect(
        s.offsets.dtype == np.int64 and s.offsets.shape == (n + 1,), f"offsets {s.offsets.shape}", f"int64 [{n + 1}]"
    )
    expect(
        s.offsets[0] == 0 and bool((np.diff(s.offsets) > 0).all()),
        "offsets that do not rise",
        "a sample in every signal",
    )
    expect(s.values.dtype in (np.float32, np.uint8), f"values of type {s.values.dtype}", "float32 or uint8")
    total = int(s.offsets[-1])
    expect(s.values.shape == (total, m), f"values {s.values.shape}", f"[{total}, {m}]")
    infinite = s.values.dtype == np.float32 and bool(np.isinf(s.values).any())
    expect(not infinite, "infinite values", "finite ones, NaN where a sample is missing")
    expect((s.shapes is None) != (s.coords is None), "both or neither of grids and coordinates", "one of them")
    if s.shapes is not None:
        expect(s.shapes.dtype == np.int64 and s.shapes.shape == (n, d), f"shapes {s.shapes.shape}", f"int64 [{n}, {d}]")
        expect(bool((s.shapes > 0).all() and (s.shapes < 2**31).all()), "an empty grid", "sizes from 1 up")
        sizes = s.shapes.astype(np.float64).prod(1)
        expect(bool((sizes == np.diff(s.offsets)).all()), "grids of other sizes than their samples", "equal sizes")
    if s.coords is not None:
        expect(
            s.coords.dtype == np.float32 and s.coords.shape == (total, d),
            f"coords {s.coords.shape}",
            f"float32 [{total}, {d}]",
        )
        expect(bool((np.abs(s.coords) <= 1 + 1e-5).all()), "coordinates outside of the domain", "[-1, 1] on each axis")
    if s.labels is not None:
        expect(s.labels.dtype == np.int64 and s.labels.shape == (n,), f"labels {s.labels.shape}", f"int64 [{n}]")
        inside = s.labels.min() >= -1 and s.labels.max() < len(s.class_names)
        expect(bool(inside), "a label without a class name", f"-1 to {len(s.class_names) - 1}")
    if s.split is not None:
        expect(s.split.dtype == np.uint8 and s.split.shape == (n,), f"split {s.split.shape}", f"uint8 [{n}]")
        expect(bool((s.split < len(SPLITS)).all()), "an unknown split", f"0 to {len(SPLITS) - 1}")
