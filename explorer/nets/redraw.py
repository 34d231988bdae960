"""Which samples of a grid an edit changes: those one of whose nearest anchors went, or a new one came.

The work grows with what is touched, not with the grid: the grid is cut into tiles, and only tiles near an anchor that
went or came are looked at. Shape legend: P samples of a grid S over D axes, A anchors, C anchors that went or came.
"""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from explorer.clouds import Cloud
from explorer.nets.nearest import nearest

_TILE = {1: 256, 2: 16, 3: 8}  # samples along an axis
_SLACK = 1e-5  # on distances, so that what is equally near counts as changed


def reach_of(cloud: Cloud, coords: np.ndarray, near: np.ndarray) -> np.ndarray:
    """How far each sample [P, D] looks, to the last of its nearest anchors [P, n]: float32 [P]."""
    if len(cloud.positions) < near.shape[1]:
        return np.full(len(coords), np.inf, np.float32)  # it looks for more than there are
    return np.linalg.norm(coords - cloud.positions[near[:, -1]], axis=1).astype(np.float32)


def moved_places(before: Cloud, after: Cloud) -> np.ndarray:
    """Where anchors of one signal went from or came to: [C, D]."""
    one, other = (
        np.concatenate([c.positions, c.latents, c.frames.reshape(len(c.frames), -1)], 1) for c in (before, after)
    )
    if one.shape == other.shape:
        moved = (one != other).any(1)
        return np.concatenate([before.positions[moved], after.positions[moved]])
    # Anchors were taken out or put in; those that are in both are equal to the bit.
    rows = np.ascontiguousarray(np.concatenate([one, other]))
    keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    _, index, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return np.concatenate([before.positions, after.positions])[counts[index] != 2]


def touched(places: np.ndarray, coords: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Which samples of a grid see any of the ``places`` [C, D]: bool [*S].

    Args:
        coords: [*S, D].
        reach: [*S], see ``reach_of``.
    """
    shape, d = reach.shape, coords.shape[-1]
    changed = np.zeros(shape, bool)
    if not len(places):
        return changed
    tile = _TILE.get(d, 4)
    starts = [np.arange(0, size, tile) for size in shape]
    farthest = reach
    for axis, start in enumerate(starts):
        farthest = np.maximum.reduceat(farthest, start, axis)
    lows, highs = [], []
    for axis, start in enumerate(starts):
        line = coords[tuple(slice(None) if i == axis else 0 for i in range(d))][:, axis]
        lows.append(line[start])
        highs.append(line[np.minimum(start + tile, len(line)) - 1])
    low, high = (np.stack(np.meshgrid(*side, indexing="ij"), -1) for side in (lows, highs))

    def away(least: np.ndarray, most: np.ndarray) -> np.ndarray:
        return np.linalg.norm(np.maximum(np.maximum(low - most, least - high), 0), axis=-1)

    tree = cKDTree(places)
    for index in np.argwhere(away(places.min(0), places.max(0)) <= farthest + _SLACK):
        part = tuple(slice(i * tile, (i + 1) * tile) for i in index)
        far = reach[part]
        distances, _ = tree.query(coords[part].reshape(-1, d), distance_upper_bound=float(far.max()) + _SLACK)
        changed[part] = (distances.reshape(far.shape) <= far + _SLACK) & np.isfinite(distances.reshape(far.shape))
    return changed


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


def box_of(changed: np.ndarray) -> tuple[tuple[int, int], ...]:
    """The smallest box (first, end) along each axis that holds all that changed; empty where nothing did."""
    sides = []
    for axis in range(changed.ndim):
        line = np.flatnonzero(changed.any(tuple(i for i in range(changed.ndim) if i != axis)))
        sides.append((int(line[0]), int(line[-1]) + 1) if len(line) else (0, 0))
    return tuple(sides)


def grid_in(coords: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Coords [P, D] of a grid in C order as [*S, D]."""
    return coords.reshape(*shape, coords.shape[-1])
