"""Which colour each cluster has, so that a cluster found again by other means keeps it."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def matched(labels: np.ndarray, before: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Colour slots int64 [K] of new clusters, matched with those of earlier ones by how many signals they share.

    Args:
        labels: the new clusters [n], negative for none.
        before: the earlier clusters of the same signals [n].
        slots: the slot of each earlier cluster [K'].
    """
    count = int(labels.max(initial=-1)) + 1
    known = (labels >= 0) & (before >= 0)
    shared = np.zeros((count, len(slots)), np.int64)
    np.add.at(shared, (labels[known], before[known]), 1)
    new, old = linear_sum_assignment(shared, maximize=True)
    agreed = shared[new, old] > 0
    found = np.full(count, -1, np.int64)
    found[new[agreed]] = slots[old[agreed]]
    free = np.setdiff1d(np.arange(count + len(slots)), found)
    found[found < 0] = free[: np.count_nonzero(found < 0)]
    return found
