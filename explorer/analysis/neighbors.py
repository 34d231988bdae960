"""Which signals are most alike, and how many of these neighbours a map keeps."""

import numpy as np

from explorer.analysis.vectors import matrix, nearest
from explorer.errors import InvalidInput


def neighbors(
    vectors: np.ndarray, row: int, k: int, reference: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The ``k`` nearest neighbours of one signal, nearest first.

    Args:
        vectors: [N, dz].
        row: the signal, 0 to N - 1.
        k: how many; fewer come back where there are fewer.
        reference: [R, dz], where to look; without it, among the other signals of ``vectors``.

    Returns:
        Indices int64 [k] and Euclidean distances float32 [k].

    Raises:
        InvalidInput: for a row that is not there, or k < 1.
    """
    vectors = matrix(vectors)
    if not 0 <= row < len(vectors):
        raise InvalidInput(f"Got row {row} in a set of {len(vectors)} signals; expected 0 to {len(vectors) - 1}.")
    if k < 1:
        raise InvalidInput(f"Got {k} neighbours; expected 1 or more.")
    query = vectors[row : row + 1]
    if reference is not None:
        reference = matrix(reference, "reference vectors", vectors.shape[1])
        indices, distances = nearest(reference, query, min(k, len(reference)))
        return indices[0], distances[0].astype(np.float32)
    indices, distances = nearest(vectors, query, min(k + 1, len(vectors)))
    others = np.flatnonzero(indices[0] != row)[:k]
    return indices[0, others], distances[0, others].astype(np.float32)


def nearest_of_all(vectors: np.ndarray, k: int, reference: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The ``k`` nearest reference rows of every signal, nearest first; fewer where there are fewer.

    Args:
        vectors: [N, dz].
        reference: [R, dz]; without it each looks among the others of ``vectors``.

    Returns:
        Indices int64 [N, k] and Euclidean distances float32 [N, k].
    """
    vectors = matrix(vectors)
    if reference is None and len(vectors) == 1:
        return np.zeros((1, 0), np.int64), np.zeros((1, 0), np.float32)
    if reference is None:
        indices, distances = nearest(vectors, None, min(k, len(vectors) - 1))
    else:
        reference = matrix(reference, "reference vectors", vectors.shape[1])
        indices, distances = nearest(reference, vectors, min(k, len(reference)))
    return indices, distances.astype(np.float32)


def kept_neighbors(vectors: np.ndarray, layout: np.ndarray, k: int = 10) -> np.ndarray:
    """The share of each signal's ``k`` true neighbours that are among its ``k`` neighbours on the map: float32 [N].

    Args:
        vectors: [N, dz].
        layout: [N, 2], the places on the map.
        k: how many neighbours, at most N - 1. A signal alone keeps all of its none: 1.
    """
    vectors, layout = matrix(vectors), matrix(layout, "layout")
    if len(layout) != len(vectors):
        raise InvalidInput(f"Got {len(layout)} places for {len(vectors)} vectors; expected one for each.")
    if k < 1:
        raise InvalidInput(f"Got {k} neighbours; expected 1 or more.")
    k = min(k, len(vectors) - 1)
    if k == 0:
        return np.ones(len(vectors), np.float32)
    true, _ = nearest(vectors, None, k)
    shown, _ = nearest(layout, None, k)
    return (true[:, :, None] == shown[:, None, :]).any(2).mean(1, dtype=np.float32)
