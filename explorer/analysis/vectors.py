"""What every analysis takes: vectors [N, dz], checked once, and the nearest of them."""

import numpy as np

from explorer.errors import InvalidInput

_LARGEST = 1e15  # squares and sums of squares stay finite in float32


def matrix(vectors: np.ndarray, name: str = "vectors", dz: int | None = None) -> np.ndarray:
    """``vectors`` as C-contiguous float32 [N, dz], N and dz at least 1.

    Raises:
        InvalidInput: for another shape, for rows that are not ``dz`` long, or for numbers that are not finite.
    """
    array = np.asarray(vectors)
    if array.ndim != 2 or 0 in array.shape:
        raise InvalidInput(
            f"Got {name} of shape {array.shape}; expected one row for each signal and at least one column."
        )
    if dz is not None and array.shape[1] != dz:
        raise InvalidInput(
            f"Got {name} of {array.shape[1]} numbers; expected {dz}. Compare codes of one checkpoint in one space."
        )
    if array.dtype.kind not in "fiu" or not (np.abs(array) < _LARGEST).all():
        raise InvalidInput(
            f"Got {name} with entries that are not finite numbers below 1e15; expected finite ones. "
            "Look at the training: it may have diverged."
        )
    return np.ascontiguousarray(array, np.float32)


def sample_rows(n: int, limit: int, seed: int) -> np.ndarray:
    """At most ``limit`` of ``n`` row numbers, in order: int64."""
    if n <= limit:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, limit, replace=False))


def nearest(reference: np.ndarray, queries: np.ndarray | None, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``k`` nearest reference rows of each query, nearest first: indices int64 [Q, k], Euclidean distances [Q, k].

    Without queries each reference row asks for itself and is not its own neighbour.
    """
    from sklearn.neighbors import NearestNeighbors

    distances, indices = NearestNeighbors(n_neighbors=k).fit(reference).kneighbors(queries)
    return indices.astype(np.int64), distances
