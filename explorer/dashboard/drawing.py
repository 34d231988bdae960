"""Signals drawn by hand, or with samples rubbed out: made, encoded, and found their place among the others.

What asks the engine may wait for it: call it in a thread.
"""

from dataclasses import dataclass

import numpy as np

from explorer.codes import Codes
from explorer.dashboard.subject import Subject
from explorer.errors import InvalidInput
from explorer.grids import grid_coords, resample
from explorer.signals import SignalSet

NEIGHBORS = 7


@dataclass(frozen=True)
class Found:
    """Where a new signal stands.

    Args:
        codes: its one code.
        place: on the map of the others, [2].
        cluster: of theirs, -1 for none.
        neighbors, distances: the signals most like it, nearest first.
    """

    codes: Codes
    place: np.ndarray
    cluster: int
    neighbors: tuple[int, ...]
    distances: tuple[float, ...]


def drawn(signals: SignalSet, ink: np.ndarray) -> SignalSet:
    """One signal like others, from ink in [0, 1] on a grid of the canvas: [H, W], or [P] for a curve."""
    if ink.ndim != signals.d or not np.isfinite(ink).all():
        raise InvalidInput(f"Got a drawing {ink.shape}; expected finite ink over {signals.d} axes.")
    low, high = signals.value_range
    grid = resample(ink.astype(np.float32)[None, ..., None], signals.reference_shape)
    values = low + np.clip(grid, 0, 1).repeat(signals.m, -1) * (high - low)
    return SignalSet.from_grids(
        values, axes=signals.axes, channels=signals.channels, value_range=signals.value_range, name="drawn by hand"
    )


def erased(signals: SignalSet, row: int, gone: np.ndarray) -> SignalSet:
    """One of the signals as uneven points, without the samples ``gone``: bool [*S]."""
    grid = signals.grid(row)
    if gone.shape != grid.shape[:-1]:
        raise InvalidInput(f"Got samples {gone.shape} to rub out; expected those of a grid {grid.shape[:-1]}.")
    kept = ~gone.reshape(-1)
    if not kept.any():
        raise InvalidInput("Got every sample rubbed out; expected at least one that stays. Clear the canvas.")
    start, stop = np.array([[axis.start, axis.stop] for axis in signals.axes]).T
    places = start + (grid_coords(grid.shape[:-1]) + 1) / 2 * (stop - start)
    return SignalSet.from_points(
        [(places[kept], grid.reshape(-1, signals.m)[kept])],
        axes=signals.axes,
        channels=signals.channels,
        value_range=signals.value_range,
        name="with samples rubbed out",
    )


def find(subject: Subject, signal: SignalSet, projection: str) -> Found:
    """Ask for a new signal's code, by one forward pass, and for its place, neighbours and cluster; the others stay."""
    return stand(subject, point(subject, signal), projection)


def point(subject: Subject, signal: SignalSet) -> Codes:
    """The code of a new signal, as a point among many that is placed at once, and not a set with a map of its own: as a
    mean of one."""
    engine = subject.library.engine
    if not engine.has(signal.id):
        engine.delete(engine.put_signals(signal))  # kept, but not listed among what people can choose
    return engine.blend(engine.encode(subject.checkpoint, signal), [0])


def stand(subject: Subject, code: Codes, projection: str, k: int = NEIGHBORS) -> Found:
    """Ask where one code that is nobody's stands among those of the signals."""
    engine, reference = subject.library.engine, subject.reference
    space = subject.space if subject.space in code.spaces else ""
    place = engine.project(code, projection, space=space, reference=reference)[0]
    cluster = engine.cluster(code, subject.method, k=subject.clusters_wanted, space=space, reference=reference)[0]
    neighbors, distances = engine.nearest(code, k, space=space, reference=reference)
    return Found(code, place, int(cluster), tuple(neighbors[0].tolist()), tuple(distances[0].tolist()))
