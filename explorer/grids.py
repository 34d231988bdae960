"""Grids and uneven points over [-1, 1]^D, and how values go from one to another.

Samples sit at cell centres. A shape legend for this file: N signals, P points, D axes, M channels, S a grid's shape.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np


def grid_coords(shape: Sequence[int]) -> np.ndarray:
    """Cell centres of a grid over [-1, 1]^D, in C order: float32 [P, D]."""
    centres = [(2 * np.arange(n) + 1) / n - 1 for n in shape]
    return np.stack(np.meshgrid(*centres, indexing="ij"), -1).reshape(-1, len(shape)).astype(np.float32)


@lru_cache(maxsize=256)
def resample_matrix(
    n_in: int, n_out: int, method: str = "linear", window: tuple[float, float] = (-1.0, 1.0)
) -> np.ndarray:
    """Interpolation between cell centres, its kernel widened on the way down against aliasing: [n_out, n_in].

    Args:
        method: ``nearest``; ``linear``; ``cubic`` (Keys 1981, a = -1/2).
        window: where the new cells lie, evenly, within [-1, 1].
    """
    centres, scale = _centres(n_in, n_out, window)
    distance = (np.arange(n_in) + 0.5 - centres[:, None]) / max(scale, 1.0)
    weights = _KERNELS[method](distance)
    matrix = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    matrix.flags.writeable = False
    return matrix


def _centres(n_in: int, n_out: int, window: tuple[float, float]) -> tuple[np.ndarray, float]:
    """Where new cells lie, counted in old ones: their centres [n_out], and how wide each is."""
    low, high = window
    scale = n_in / n_out * (high - low) / 2
    return (low + 1) / 2 * n_in + (np.arange(n_out) + 0.5) * scale, scale


def _resample_long(rows: np.ndarray, n_out: int, method: str, window: tuple[float, float]) -> np.ndarray:
    """``resample_matrix`` applied to rows [n_in, K] without making it: of a recording it would fill the memory."""
    n_in = len(rows)
    centres, scale = _centres(n_in, n_out, window)
    wide = max(scale, 1.0)
    reach = math.ceil(_REACH[method] * wide) + 1
    index = np.floor(centres).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)
    weights = _KERNELS[method]((index + 0.5 - centres[:, None]) / wide) * ((index >= 0) & (index < n_in))
    weights /= weights.sum(1, keepdims=True)
    ends = np.arange(n_out + 1) * index.shape[1]
    within = np.clip(index, 0, n_in - 1).ravel()
    from scipy.sparse import csr_array  # takes half as long to import as all else that reads a file

    return csr_array((weights.astype(np.float32).ravel(), within, ends), (n_out, n_in)) @ rows


def _cubic(distance: np.ndarray) -> np.ndarray:
    x = np.abs(distance)
    return np.where(x < 1, 1.5 * x**3 - 2.5 * x**2 + 1, np.where(x < 2, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2, 0))


_KERNELS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    # Open at one side, a little off the middle, so that rounding never finds two nearest cells, or none.
    "nearest": lambda distance: ((distance > -0.5 - 1e-9) & (distance <= 0.5 - 1e-9)).astype(float),
    "linear": lambda distance: np.clip(1 - np.abs(distance), 0, None),
    "cubic": _cubic,
}
_REACH = {"nearest": 0.5, "linear": 1.0, "cubic": 2.0}
"""How far from its centre a kernel is not zero."""
_LARGEST_MATRIX = 2**22
"""Entries; beyond, only those that are not zero are made."""


def resample(
    grids: np.ndarray,
    shape: Sequence[int],
    method: str = "linear",
    window: Sequence[tuple[float, float]] | None = None,
) -> np.ndarray:
    """Grids [N, *S, M] on another grid [N, *shape, M], of the whole domain or of a window, one axis after the other."""
    for axis, size in enumerate(shape, start=1):
        part = (-1.0, 1.0) if window is None else window[axis - 1]
        if grids.shape[axis] != size or part != (-1.0, 1.0):
            if grids.shape[axis] * size > _LARGEST_MATRIX:
                first = np.moveaxis(grids, axis, 0)
                made = _resample_long(first.reshape(len(first), -1), size, method, part)
                grids = np.moveaxis(made.reshape(size, *first.shape[1:]), 0, axis)
                continue
            matrix = resample_matrix(grids.shape[axis], size, method, part)
            grids = np.moveaxis(np.tensordot(grids, matrix, axes=(axis, 1)), -1, axis)
    return np.ascontiguousarray(grids)


def resample_known(grids: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """``resample`` for grids with missing samples (NaN): a mean of those that are there, NaN where under half are."""
    missing = np.isnan(grids)
    if not missing.any():
        return resample(grids, shape)
    known = resample((~missing).astype(np.float32), shape)
    total = resample(np.where(missing, np.float32(0), grids), shape)
    return np.where(known > 0.499, total / np.maximum(known, np.float32(0.499)), np.float32(np.nan))


def interpolate_grid(grids: np.ndarray, coords: np.ndarray) -> np.ndarray:
    """Multilinear interpolation of grids [N, *S, M] at coords [N, P, D], clamped at the border: [N, P, M]."""
    shape = grids.shape[1:-1]
    rows = np.arange(len(grids))[:, None]
    position = np.stack([np.clip((coords[..., d] + 1) * n / 2 - 0.5, 0, n - 1) for d, n in enumerate(shape)], -1)
    low = np.minimum(np.floor(position).astype(np.int64), np.array(shape) - 1)
    fraction = (position - low).astype(np.float32)
    result = np.zeros((*coords.shape[:2], grids.shape[-1]), np.float32)
    for corner in np.ndindex(*(2,) * len(shape)):
        index = tuple(np.minimum(low[..., d] + step, shape[d] - 1) for d, step in enumerate(corner))
        weight = np.prod([fraction[..., d] if step else 1 - fraction[..., d] for d, step in enumerate(corner)], axis=0)
        result += weight[..., None] * grids[(rows, *index)]
    return result


def _nearest_sample(coords: np.ndarray, mask: np.ndarray | None, nodes: np.ndarray) -> np.ndarray:
    """For each node [Q, D] the nearest sample of every signal, as an index into all N P points: int64 [N, Q].

    One k-d tree serves all signals: the signal's index is one more, far-apart coordinate.
    """
    n, p, d = coords.shape

    from scipy.spatial import cKDTree

    def apart(points: np.ndarray) -> np.ndarray:
        floor = np.broadcast_to(10.0 * np.arange(n)[:, None, None], (*points.shape[:2], 1))
        return np.concatenate([points, floor], -1).reshape(-1, d + 1)

    present = np.arange(n * p) if mask is None else np.flatnonzero(mask)
    _, nearest = cKDTree(apart(coords)[present]).query(apart(np.broadcast_to(nodes, (n, *nodes.shape))), workers=-1)
    return present[nearest].reshape(n, -1)


def quadrature_weights(coords: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """The share of [-1, 1]^D that lies nearest to each point: [N, P] for coords [N, P, D], rows sum to 1.

    So a mean over uneven points approximates an integral. Exact over one axis, by counting nodes over several.
    """
    present = np.ones(coords.shape[:2], bool) if mask is None else mask
    shares = _shares_of_line(coords[..., 0], present) if coords.shape[-1] == 1 else _shares_of_nodes(coords, present)
    # A point crowded out by its neighbours still counts a little; no observed sample is ever ignored.
    shares = np.where(present, np.maximum(shares, 1 / (80 * coords.shape[1])), 0)
    return (shares / shares.sum(1, keepdims=True)).astype(np.float32)


def _shares_of_line(places: np.ndarray, present: np.ndarray) -> np.ndarray:
    """From midpoint to midpoint: [N, P]."""
    order = np.argsort(np.where(present, places, np.inf), 1)
    rising = np.take_along_axis(np.where(present, places, np.inf), order, 1).astype(np.float64)
    bounds = np.full((len(places), places.shape[1] + 1), 1.0)
    bounds[:, 0] = -1
    bounds[:, 1:-1] = np.clip((rising[:, 1:] + rising[:, :-1]) / 2, -1, 1)
    shares = np.empty(places.shape)
    np.put_along_axis(shares, order, np.diff(bounds, axis=1) / 2, 1)
    return shares


def _shares_of_nodes(coords: np.ndarray, present: np.ndarray) -> np.ndarray:
    """A fine grid of nodes is given to the nearest points: [N, P]."""
    n, p, d = coords.shape
    nodes = grid_coords((max(int(np.ceil((4 * p) ** (1 / d))), 4),) * d)
    nearest = _nearest_sample(coords, present, nodes)
    return np.bincount(nearest.ravel(), minlength=n * p).reshape(n, p) / len(nodes)


def nearest_on_grid(
    coords: np.ndarray, values: np.ndarray, mask: np.ndarray | None, shape: Sequence[int]
) -> np.ndarray:
    """Uneven samples (coords [N, P, D], values [N, P, M]) on a grid by the nearest one: [N, *shape, M]."""
    n, p, m = values.shape
    nearest = _nearest_sample(np.broadcast_to(coords, (n, p, coords.shape[-1])), mask, grid_coords(shape))
    return values.reshape(-1, m)[nearest].reshape(n, *shape, m)
