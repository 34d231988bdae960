"""The nearest anchors of points, by one rule: by distance, and of those at equal distance by number.

Squared distances count as equal when they round to the same multiple of ``_QUANTUM``, so that a cloud that is turned
or moved keeps its order. Shape legend: N signals, P points, D axes, A anchors of all signals, n neighbours.
"""

import numpy as np
import torch
from scipy.spatial import cKDTree

_QUANTUM = 2.0**-26
_APART = 64.0  # between the signals of one tree; anchors stay well within it of the domain
_DISTANCES = 2**24  # that are held at a time where all are computed


def nearest(
    positions: np.ndarray, offsets: np.ndarray, coords: np.ndarray, rows: np.ndarray, n: int, device: str = "cpu"
) -> np.ndarray:
    """The ``n`` nearest anchors of each point among those of its signal.

    A cloud of fewer than ``n`` anchors is gone through again from its nearest.

    Args:
        positions: float32 [A, D].
        offsets: int64 [N + 1].
        coords: float32 [P, D].
        rows: int64 [P], the signal that each point asks.

    Returns:
        int64 [P, n], positions among the A anchors, nearest first.
    """
    if not len(coords):
        return np.zeros((0, n), np.int64)
    sizes = np.diff(offsets)
    least = min(n, int(sizes.min()))
    if least < n and least < sizes.max():  # signals that have enough do not wait for those that have not
        found = np.empty((len(coords), n), np.int64)
        few = sizes[rows] < n
        for part in (np.flatnonzero(few), np.flatnonzero(~few)):
            for size in np.unique(np.minimum(sizes[rows[part]], n)):
                mine = part[np.minimum(sizes[rows[part]], n) == size]
                found[mine] = _cycled(_search(positions, offsets, coords[mine], rows[mine], int(size), device), n)
        return found
    return _cycled(_search(positions, offsets, coords, rows, least, device), n)


def _cycled(found: np.ndarray, n: int) -> np.ndarray:
    return found[:, np.arange(n) % found.shape[1]]


def _search(positions, offsets, coords, rows, n, device) -> np.ndarray:
    if torch.device(device).type == "cpu":
        return _by_tree(positions, offsets, coords, rows, n)
    return by_distance(positions, offsets, coords, rows, n, device)


def _by_tree(positions: np.ndarray, offsets: np.ndarray, coords: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    """One k-d tree serves all signals: the signal is one more, far-apart coordinate."""
    owners = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    single = len(offsets) == 2
    where = positions if single else np.column_stack([positions, _APART * owners])
    asked = coords if single else np.column_stack([coords, _APART * rows])
    tree, sizes = cKDTree(where), np.diff(offsets)
    found = np.empty((len(coords), n), np.int64)
    open, reach = np.arange(len(coords)), n + 1  # one more than wanted, to see whether the last is tied
    while open.size:
        reach = min(reach, len(positions))
        _, index = tree.query(asked[open], range(1, reach + 1), workers=torch.get_num_threads())
        whole = reach >= sizes[rows[open]]  # all anchors of the signal were seen
        own = owners[index] == rows[open, None]
        key = np.where(own, _keys(coords[open, None] - positions[index]), np.inf)
        loose = np.flatnonzero((key[:, 1:] <= key[:, :-1]).any(1))
        order = np.lexsort((index[loose], key[loose]))
        for sorted in (index, key):
            sorted[loose] = np.take_along_axis(sorted[loose], order, 1)
        sure = whole | (key[:, -1] > key[:, n - 1])
        found[open[sure]] = index[sure, :n]
        open, reach = open[~sure], 2 * reach
    return found


def _keys(offsets: np.ndarray) -> np.ndarray:
    """Squared distances in quanta: whole numbers, as float64."""
    return np.round(np.square(offsets.astype(np.float64)).sum(-1) / _QUANTUM)


def by_distance(
    positions: np.ndarray, offsets: np.ndarray, coords: np.ndarray, rows: np.ndarray, n: int, device: str
) -> np.ndarray:
    """The same by all distances, a bounded number at a time: where processors are many."""
    sizes = torch.from_numpy(np.diff(offsets)).to(device)
    slots = torch.arange(int(sizes.max()), device=device)
    first, where = torch.from_numpy(offsets).to(device), torch.from_numpy(positions).to(device, torch.float64)
    parts = []
    for part in np.array_split(np.arange(len(coords)), max(1, -(-len(coords) * len(slots) // _DISTANCES))):
        row = torch.from_numpy(rows[part]).to(device)
        points = torch.from_numpy(coords[part]).to(device, torch.float64)
        anchors = where[(first[row, None] + slots).clamp(max=len(where) - 1)]
        keys = ((points[:, None] - anchors).square().sum(-1) / _QUANTUM).round().long() * len(slots) + slots
        keys = torch.where(slots < sizes[row, None], keys, torch.iinfo(torch.long).max)
        best = keys.topk(n, 1, largest=False, sorted=True).values % len(slots)
        parts.append((first[row, None] + best).cpu().numpy())
    return np.concatenate(parts)
