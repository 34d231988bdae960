"""Which samples of a grid an edit changes: those one of whose nearest anchors went, or a new one came.

The work grows with what is touched, not with the grid: the grid is cut into tiles, and only tiles near an anchor that
went or came are looked at. Shape legend: P samples of a grid S over D axes, A anchors, C anchors that went or came.
"""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from explorer.clouds import Cloud
from explorer.nets.nearest import nearest

_SLACK = 1e-5  # on distances, so that what is equally near counts as changed


def reach_of(cloud: Cloud, coords: np.ndarray, near: np.ndarray) -> np.ndarray:
    """How far each sample [P, D] looks, to the last of its nearest anchors [P, n]: float32 [P]."""
    if len(cloud.positions) < near.shape[1]:
        return np.full(len(coords), np.inf, np.float32)  # it looks for more than there are
    return np.linalg.norm(coords - cloud.positions[near[:, -1]], axis=1).astype(np.float32)


def moved_places(before: Cloud, after: Cloud) -> np.ndarray:
    """Where anchors of one signal went from or came to: [C, D]."""
    columns = [(before.positions, after.positions), (before.latents, after.latents), (before.frames, after.frames)]
    if len(before.positions) == len(after.positions):
        moved = np.zeros(len(before.positions), bool)
        for one, other in columns:
            if one is not other:
                moved |= (one != other).reshape(len(moved), -1).any(1)
        return np.concatenate([before.positions[moved], after.positions[moved]])
    # Anchors were taken out or put in; those that are in both are equal to the bit.
    rows = np.concatenate(
        [np.concatenate(pair).reshape(len(before.positions) + len(after.positions), -1) for pair in columns], 1
    )
    keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    _, index, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return np.concatenate([before.positions, after.positions])[counts[index] != 2]


def farthest_of(reach: np.ndarray) -> np.ndarray:
    """The largest reach in each tile of a grid [*S]."""
    for axis, size in enumerate(reach.shape):
        reach = np.maximum.reduceat(reach, np.arange(0, size, _tile(reach.ndim)), axis)
    return reach


def touched(
    places: np.ndarray, lines: Sequence[np.ndarray], reach: np.ndarray, farthest: np.ndarray
) -> tuple[tuple[tuple[int, int], ...], np.ndarray]:
    """Which samples of a grid see any of the ``places`` [C, D].

    Args:
        lines: the coordinates of the grid along each axis.
        reach: [*S], see ``reach_of``.
        farthest: see ``farthest_of``.

    Returns:
        The smallest box (first, end) along each axis that holds them all, empty where there are none; and which of
        its samples they are, bool [*box].
    """
    d, tile = len(lines), _tile(len(lines))
    if not len(places):
        return ((0, 0),) * d, np.zeros((0,) * d, bool)
    starts = [np.arange(0, len(line), tile) for line in lines]
    low = np.stack(np.meshgrid(*(line[s] for line, s in zip(lines, starts, strict=True)), indexing="ij"), -1)
    ends = [np.minimum(s + tile, len(line)) - 1 for line, s in zip(lines, starts, strict=True)]
    high = np.stack(np.meshgrid(*(line[e] for line, e in zip(lines, ends, strict=True)), indexing="ij"), -1)
    away = np.maximum(np.maximum(low - places.max(0), places.min(0) - high), 0)
    near = np.argwhere(np.linalg.norm(away, axis=-1) <= farthest + _SLACK)
    if not len(near):
        return ((0, 0),) * d, np.zeros((0,) * d, bool)
    corner = near.min(0) * tile
    changed = np.zeros(np.minimum((near.max(0) + 1) * tile, reach.shape) - corner, bool)
    within = np.stack(np.meshgrid(*[np.arange(tile)] * d, indexing="ij"), -1).reshape(-1, d)
    samples = (near[:, None] * tile + within).reshape(-1, d)
    samples = samples[(samples < reach.shape).all(1)]  # tiles at the rim are smaller
    points = np.stack([line[samples[:, axis]] for axis, line in enumerate(lines)], -1)
    far = reach[tuple(samples.T)] + _SLACK
    distances, _ = cKDTree(places).query(points, distance_upper_bound=float(far.max()))
    changed[tuple((samples - corner).T)] = (distances <= far) & np.isfinite(distances)
    return _trimmed(changed, corner)


def _trimmed(changed: np.ndarray, corner: np.ndarray) -> tuple[tuple[tuple[int, int], ...], np.ndarray]:
    """The smallest box that holds what is True in an array whose first sample lies at ``corner``."""
    box = []
    for axis in range(changed.ndim):
        line = np.flatnonzero(changed.any(tuple(i for i in range(changed.ndim) if i != axis)))
        box.append((int(line[0]), int(line[-1]) + 1) if len(line) else (0, 0))
    inside = changed[tuple(slice(*side) for side in box)]
    if not inside.size:
        return ((0, 0),) * changed.ndim, inside
    return tuple((a + int(c), b + int(c)) for (a, b), c in zip(box, corner, strict=True)), inside


def _tile(d: int) -> int:
    """Samples of a tile along each axis."""
    return {1: 256, 2: 16, 3: 8}.get(d, 4)


def nearest_here(cloud: Cloud, coords: np.ndarray, reach: np.ndarray, n: int, device: str) -> np.ndarray:
    """The nearest anchors [P, n] of samples that lie close together, without a look at those far away.

    Args:
        cloud: of one signal.
        reach: [P], how far about to look.
    """
    rows = np.zeros(len(coords), np.int64)
    margin = 2 * float(reach[np.isfinite(reach)].max(initial=0))
    low, high = coords.min(0) - margin, coords.max(0) + margin
    here = np.flatnonzero(((low <= cloud.positions) & (cloud.positions <= high)).all(1))
    if len(here) < n or len(here) == len(cloud.positions):
        return nearest(cloud.positions, cloud.offsets, coords, rows, n, device)
    near = here[nearest(cloud.positions[here], np.array([0, len(here)]), coords, rows, n, device)]
    unsure = np.linalg.norm(coords - cloud.positions[near[:, -1]], axis=1) > margin - _SLACK
    if unsure.any():
        near[unsure] = nearest(cloud.positions, cloud.offsets, coords[unsure], rows[unsure], n, device)
    return near
