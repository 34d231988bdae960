"""Which anchor of one cloud belongs to which of another, by where they lie and what they hold."""

import numpy as np

OPTIMAL = 4096
"""Anchors up to which two whole clouds are matched optimally, in some seconds."""
CELL = 512
"""Of more, at most as many are matched with each other; the time of an assignment grows by the third power."""


def pairs(points: np.ndarray, others: np.ndarray, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Match the points of two clouds so that the sum of squared distances is least; what is left over goes to the
    likest, so that every point of either has a partner.

    Clouds of more than ``OPTIMAL`` points are cut into halves at the medians of their own places, again and again along
    the longer side, and matched half by half.

    Args:
        points, others: [A, K] and [B, K], of which the first ``d`` numbers are the place.

    Returns:
        Positions int64 in ``points`` and in ``others``, of equal length.
    """
    most = OPTIMAL if max(len(points), len(others)) <= OPTIMAL else CELL
    parts = [
        _matched(points, others, mine, theirs)
        for mine, theirs in _cells(points[:, :d], others[:, :d], most)
    ]  # fmt: skip
    mine, theirs = (np.concatenate(side) for side in zip(*parts, strict=True))
    return mine, theirs


def _cells(places: np.ndarray, others: np.ndarray, most: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows of both that are to be matched with each other."""
    waiting, cells = [(np.arange(len(places)), np.arange(len(others)))], []
    while waiting:
        mine, theirs = waiting.pop()
        if max(len(mine), len(theirs)) <= most or min(len(mine), len(theirs)) < 2:
            cells.append((mine, theirs))
            continue
        axis = int(np.ptp(places[mine], axis=0).argmax())
        sides = [
            np.array_split(rows[np.argsort(all_[rows, axis], kind="stable")], 2)
            for all_, rows in ((places, mine), (others, theirs))
        ]
        waiting += zip(*sides, strict=True)
    return cells


def _matched(
    points: np.ndarray, others: np.ndarray, mine: np.ndarray, theirs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    from scipy.optimize import linear_sum_assignment  # see ``analysis.alignment``
    from scipy.spatial.distance import cdist

    cost = cdist(points[mine], others[theirs], "sqeuclidean")
    first, second = linear_sum_assignment(cost)
    spare, wanted = (
        np.setdiff1d(np.arange(size), used) for size, used in zip(cost.shape, (first, second), strict=True)
    )
    first = np.concatenate([first, spare, cost[:, wanted].argmin(0)]).astype(int)
    return mine[first], theirs[np.concatenate([second, cost[spare].argmin(1), wanted]).astype(int)]
