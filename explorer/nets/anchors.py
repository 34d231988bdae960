"""Where a cloud's anchors go: drawn without replacement in proportion to the norm of the signal's gradient.

Source: "ARC: Anchored Representation Clouds for High-Resolution INR Classification", section 3.2.1.
Shape legend: N signals, P points, D axes, M channels, A anchors of all signals.
"""

import numpy as np
from scipy.ndimage import correlate1d
from scipy.spatial import cKDTree

from explorer.errors import InvalidInput
from explorer.observations import Batch, Sampling, uniform


def gradient_norms(batch: Batch, sampling: Sampling) -> np.ndarray:
    """How much the signal changes at each of its samples: [N, P], 0 where there is none."""
    n, p, m = batch.values.shape
    if sampling.is_grid and batch.mask is None:
        return _sobel_norms(batch.values.reshape(n, *sampling.size, m)).reshape(n, p)
    coords = np.broadcast_to(batch.coords, (n, p, batch.coords.shape[-1]))
    return _scattered_norms(coords, batch.values, np.ones((n, p), bool) if batch.mask is None else batch.mask)


def _sobel_norms(grids: np.ndarray) -> np.ndarray:
    """From differences along each axis, smoothed along the others: [N, *S] of grids [N, *S, M]."""
    axes = [axis for axis in range(1, grids.ndim - 1) if grids.shape[axis] > 1]
    squares = np.zeros(grids.shape[:-1])
    for along in axes:
        slopes = correlate1d(grids.astype(np.float64), [-1, 0, 1], along, mode="nearest")
        for other in axes:
            if other != along:
                slopes = correlate1d(slopes, [1, 2, 1], other, mode="nearest")
        squares += np.square(slopes).sum(-1)
    return np.sqrt(squares)


def _scattered_norms(coords: np.ndarray, values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """From the differences to the nearest other samples of the same signal: [N, P]."""
    rows, points = np.nonzero(mask)
    places, levels = coords[rows, points].astype(np.float64), values[rows, points].astype(np.float64)
    near = min(2 * coords.shape[-1] + 1, len(places))
    tree = cKDTree(np.column_stack([places, 64.0 * rows]))  # signals lie far apart
    distances, index = tree.query(tree.data, range(1, near + 1))
    other = (rows[index] == rows[:, None]) & (distances > 0)
    rises = np.square(levels[index] - levels[:, None]).sum(-1) / np.where(other, np.square(distances), 1)
    norms = np.zeros(mask.shape)
    norms[rows, points] = np.sqrt((rises * other).sum(1) / np.maximum(other.sum(1), 1))
    return norms


def draw_anchors(
    batch: Batch,
    sampling: Sampling,
    keys: np.ndarray,
    *,
    share: float,
    least: int,
    most: int = 0,
    jitter: float = 0.0,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Anchors for each signal.

    Flat places are drawn only where fewer than ``least`` others are there, and then uniformly: what is empty costs
    nothing. The draws of one signal depend on the seed and its key alone.

    Args:
        keys: the signals' keys, [N].
        share: anchors for each sample.
        least: so many where there are samples for them.
        most: so many exactly, whatever the share; 0 for as many as the share says.
        jitter: how far anchors stray from their samples on a grid, as a share of the cell, so that no two are equally
            near.

    Returns:
        positions float32 [A, D] and offsets int64 [N + 1].
    """
    n, p, _ = batch.values.shape
    present = np.full(n, p) if batch.mask is None else batch.mask.sum(1)
    norms = gradient_norms(batch, sampling)
    steep = (norms > 1e-6 * norms.max(1, keepdims=True)).sum(1) * (norms.max(1) > 0)
    wanted = np.full(n, most) if most else np.round(share * present).astype(int)
    sizes = np.minimum(np.maximum(np.minimum(wanted, steep), least), present)
    # The k largest of log(weight) + Gumbel noise are k draws without replacement (Yellott 1977; Kool et al. 2019).
    noise = -np.log(-np.log(np.clip(uniform(seed, keys, p, stream=3), 1e-12, 1 - 1e-12)))
    with np.errstate(divide="ignore"):
        scores = np.where(norms > 0, np.log(norms) + noise, noise - 1e6)
    if batch.mask is not None:
        scores = np.where(batch.mask, scores, -np.inf)
    order = np.argsort(-scores, 1, kind="stable")[:, : sizes.max()]
    taken = np.arange(order.shape[1]) < sizes[:, None]
    rows, points = np.nonzero(taken)[0], order[taken]
    positions = (batch.coords[points] if batch.coords.ndim == 2 else batch.coords[rows, points]).astype(np.float32)
    if jitter and sampling.is_grid:
        d = positions.shape[1]
        stray = uniform(seed, keys, p * d, stream=4).reshape(n, p, d)[rows, points] - 0.5
        positions = positions + (2 * jitter * stray / np.array(sampling.size)).astype(np.float32)
    if not np.isfinite(positions).all():
        raise InvalidInput("Got samples at places that are not numbers; expected numbers. Leave them out.")
    return positions, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
