"""Weight matching: the order of one network's units that makes it most like another (Ainsworth et al. 2023, alg. 1)."""

from collections.abc import Sequence

import numpy as np

from explorer.artifacts import Arrays
from explorer.interpolation import Units

_ROUNDS = 50


def align(start: Arrays, end: Arrays, symmetry: Sequence[Units]) -> dict[str, np.ndarray]:
    """The same function as ``end``, its units in the order, and with the signs, in which it is closest to ``start``.

    One layer's units are matched while all others stay, until no layer gains any more. That ends where it began to go
    uphill, so it is done twice: from the network as it is, and from a first pass that looks at inputs alone, which
    finds a network that differs from ``start`` in nothing but order. The closer one is taken.

    Args:
        start, end: parameters [1, ...] by name.
        symmetry: the layers whose units may be exchanged, the input's first.
    """
    through = dict(end)
    for units in symmetry:
        through, _ = _matched(start, through, units, units.written_by, ())
    found = [_climbed(start, dict(end), symmetry), _climbed(start, through, symmetry)]
    return min(found, key=lambda other: sum(float(np.square(other[name] - start[name]).sum()) for name in start))


def _climbed(start: Arrays, end: dict[str, np.ndarray], symmetry: Sequence[Units]) -> dict[str, np.ndarray]:
    for _ in range(_ROUNDS):
        moved = False
        for units in symmetry:
            end, changed = _matched(start, end, units, units.written_by, units.read_by)
            moved |= changed
        if not moved:
            break
    return end


def _matched(
    start: Arrays, end: dict[str, np.ndarray], units: Units, written: Sequence[str], read: Sequence[str]
) -> tuple[dict[str, np.ndarray], bool]:
    """``end`` with one layer's units matched by what writes and reads them, and whether that changed anything."""
    from scipy.optimize import linear_sum_assignment  # a seventh of what a process takes to start

    likeness = sum(_rows(start[name], 0) @ _rows(end[name], 0).T for name in written)
    likeness = likeness + sum(_rows(start[name], 1) @ _rows(end[name], 1).T for name in read)
    _, order = linear_sum_assignment(np.abs(likeness) if units.odd else likeness, maximize=True)
    signs = np.where(likeness[np.arange(len(order)), order] < 0, -1, 1) if units.odd else np.ones(len(order), int)
    if (order == np.arange(len(order))).all() and (signs == 1).all():
        return end, False
    end = dict(end)
    for names, axis in ((units.written_by, 1), (units.read_by, 2)):
        for name in names:
            signed = signs.astype(end[name].dtype).reshape(-1, *(1,) * (end[name].ndim - axis - 1))
            end[name] = np.take(end[name], order, axis) * signed
    return end, True


def _rows(parameter: np.ndarray, axis: int) -> np.ndarray:
    """A parameter [1, ...] as one row for each unit along ``axis`` of its own axes: float64 [units, rest]."""
    own = np.moveaxis(parameter[0], axis, 0)
    return own.reshape(len(own), -1).astype(np.float64)
