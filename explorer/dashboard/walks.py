"""Walks between signals: codes along a path, what they look like, and how far from the data they lead.

Everything here asks the engine and may wait for it: call it in a thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from explorer.codes import Codes
from explorer.dashboard.library import Library, told_apart
from explorer.dashboard.views.portraits import grid_for, portraits
from explorer.messages import Entry
from explorer.observations import Sampling
from explorer.signals import SignalSet

MOST_ENDS = 8
POSITIONS, FEWEST_IN_A_LEG = 100, 20
DRAWN_POSITIONS = 20
NEAR, SAMPLE = 8, 512


@dataclass(frozen=True)
class Way:
    """How to go: through which checkpoint, by which method, and what moves.

    Args:
        entry: the checkpoint among the engine's entries.
        name: what it is called, told apart from the others.
        method: of the representation's paths.
        layers: that move; empty for all.
        ready: whether the codes are there, or come by one forward pass; else every signal has to be fitted first.
    """

    entry: Entry
    name: str
    method: str
    layers: tuple[str, ...] = ()
    ready: bool = True

    @property
    def label(self) -> str:
        """What stands beside its row."""
        return f"layer {', '.join(self.layers)}" if self.layers else self.method


@dataclass(frozen=True)
class Walk:
    """A path through some codes, at a hundred positions: one recipe, of which all that is shown is a part.

    Args:
        codes: of the whole signal set.
        ends: positions of the codes that it passes.
    """

    codes: Codes
    ends: tuple[int, ...]
    method: str = "linear"
    layers: tuple[str, ...] = ()

    def __len__(self) -> int:
        legs = len(self.ends) - 1
        return legs * max(POSITIONS // legs, FEWEST_IN_A_LEG) + 1

    @cached_property
    def path(self) -> Codes:
        return self.codes.engine.interpolate(
            self.codes, *self.ends, steps=len(self), method=self.method, layers=self.layers
        )

    def stops(self, count: int) -> np.ndarray:
        """Positions of some stops, evenly from end to end: int64 [count]."""
        return np.linspace(0, len(self) - 1, count).round().astype(np.int64)

    def rendered(
        self,
        positions: Sequence[int] | np.ndarray,
        shape: Sequence[int],
        window: Sequence[tuple[float, float]] | None = None,
    ) -> np.ndarray:
        """The functions there: float32 [len(positions), *shape, m]."""
        return self.codes.engine.render(self.path[list(positions)], shape, window)

    def portrait(self, t: float, signals: SignalSet, size: int, dark: bool) -> np.ndarray:
        """The function at t, from 0 at the first end to 1 at the last, as pixels."""
        shape, window = grid_for(signals, size)
        grids = self.rendered([round(t * (len(self) - 1))], shape, window)
        return portraits(grids, signals.value_range, size, dark)[0]

    def distances(self, space: str = "") -> np.ndarray:
        """From each position to the nearest signal: float32 [len(self)]."""
        return self.codes.engine.nearest(self.path, space=_known(self.codes, space), reference=self.codes)[1][:, 0]

    def places(self, projection: str, space: str = "", reference: Codes | None = None) -> np.ndarray:
        """Where it leads on the map of the codes, or of others of the same checkpoint: float32 [len(self), 2]."""
        return self.codes.engine.project(
            self.path, projection, space=_known(self.codes, space), reference=reference or self.codes
        )


@dataclass(frozen=True)
class Spot:
    """What would live at a place of the map: the mean of the codes around it, the closer the more.

    Args:
        code: one code.
        rows, weights: the signals that it is made of.
        distance: from it to the nearest signal, in the space that the map shows.
    """

    code: Codes
    rows: tuple[int, ...]
    weights: tuple[float, ...]
    distance: float


def ways(library: Library, signals: SignalSet, entries: Sequence[Entry], sampling: Sampling) -> list[Way]:
    """All ways there are: every method of every checkpoint that fits, in their order."""
    described = library.engine.describe()["representations"]
    found, names = [], told_apart(entries)
    for entry in entries:
        about = described.get(entry.details["representation"], {})
        ready = about.get("amortised", False) or has_codes(library, entry, signals, sampling)
        found += [Way(entry, names[entry.id], method, ready=ready) for method in about.get("paths", ())]
    return found


def layer_ways(library: Library, way: Way) -> list[Way]:
    """The same way with each layer moving alone; none where codes have no layers."""
    checkpoint = library.checkpoint(way.entry.id)
    return [replace(way, layers=(layer,)) for layer in library.engine.layers(checkpoint)]


def has_codes(library: Library, entry: Entry, signals: SignalSet, sampling: Sampling) -> bool:
    """Whether the signals have been encoded by a checkpoint before."""
    return library.there(entry.id, signals, sampling) is not None


def walk(library: Library, way: Way, signals: SignalSet, sampling: Sampling, ends: Sequence[int]) -> Walk:
    """A way through some signals."""
    codes = library.codes(library.checkpoint(way.entry.id), signals, sampling)
    return Walk(codes, tuple(ends), way.method, way.layers)


def ends_of(selection: Sequence[int], signals: SignalSet) -> tuple[int, ...]:
    """Through which signals to walk: those that are selected, of many the first two; else two that differ."""
    if len(selection) > MOST_ENDS:
        return tuple(selection[:2])
    if len(selection) > 1:
        return tuple(selection)
    first = selection[0] if selection else 0
    others = np.arange(len(signals)) != first
    if signals.labels is not None and (signals.labels != signals.labels[first]).any():
        others &= signals.labels != signals.labels[first]
    return (first, int(np.flatnonzero(others)[0])) if others.any() else (first, first)


def typical_distance(codes: Codes, space: str = "") -> float:
    """How far a signal is from its nearest neighbour: the median over at most 512 of them."""
    rows = np.unique(np.linspace(0, len(codes) - 1, min(len(codes), SAMPLE)).astype(int))
    _, distances = codes.engine.nearest(codes[rows], 2, space=_known(codes, space), reference=codes)
    return float(np.median(distances[:, -1]))


def spot(codes: Codes, layout: np.ndarray, place: np.ndarray, space: str = "") -> Spot:
    """The inverse of the map at a place [2]: the codes of the nearest points, weighted by 1 / distance^2.

    Args:
        layout: the map of the codes, [n, 2].
    """
    away, rows = cKDTree(layout).query(place, k=min(NEAR, len(layout)))
    away, rows = np.atleast_1d(away), np.atleast_1d(rows)
    shares = 1 / np.maximum(away, 1e-9 + 1e-6 * away.max()) ** 2
    return _mean(codes, rows, shares / shares.sum(), space)


def mean_of(codes: Codes, rows: Sequence[int], space: str = "") -> Spot:
    """The mean of some codes, all alike."""
    return _mean(codes, np.asarray(rows), np.full(len(rows), 1 / len(rows)), space)


def along(line: np.ndarray, count: int = DRAWN_POSITIONS) -> np.ndarray:
    """Places evenly along a line [v, 2]: [count, 2]."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, length[-1], count)
    return np.stack([np.interp(at, length, line[:, axis]) for axis in range(2)], -1)


def _mean(codes: Codes, rows: np.ndarray, weights: np.ndarray, space: str) -> Spot:
    code = codes.engine.blend(codes, rows.tolist(), weights.tolist())
    _, distances = codes.engine.nearest(code, space=_known(codes, space), reference=codes)
    return Spot(code, tuple(rows.tolist()), tuple(weights.tolist()), float(distances[0, 0]))


def _known(codes: Codes, space: str) -> str:
    """A space of these codes: the one that is wished where they have it. Paths are nobody's, so not the raw one."""
    return space if space in codes.spaces else ""
