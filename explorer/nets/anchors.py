"""Where a cloud's anchors go: drawn without replacement in proportion to the norm of the signal's gradient.

Source: "ARC: Anchored Representation Clouds for High-Resolution INR Classification", section 3.2.1.
Shape legend: N signals, P points, D axes, M channels, A anchors of all signals.
"""

import numpy as np
from scipy.ndimage import correlate1d, maximum_filter

from explorer.errors import InvalidInput
from explorer.nets.nearest import nearest
from explorer.observations import Batch, Sampling, uniform
from explorer.signals import SignalSet

_AROUND = 3  # cells about a place where a signal changes that are looked at as closely as it
_FLAT = 256  # samples of what is flat that are looked at, at the least


def grids_of(signals: SignalSet, sampling: Sampling, batch: Batch) -> np.ndarray | None:
    """The grid on which each signal was observed, int64 [N, D], all 0 where samples are missing; None for points."""
    if sampling.kind == "grid":
        shapes = np.tile(sampling.size, (len(signals), 1))
    elif sampling.kind == "native" and signals.shapes is not None:
        shapes = signals.shapes
    else:
        return None
    present = batch.values.shape[1] if batch.mask is None else batch.mask.sum(1)
    whole = (present == shapes.prod(1)) & (not sampling.jitter)
    return shapes * whole[:, None]


def gradient_norms(batch: Batch, grids: np.ndarray | None) -> np.ndarray:
    """How much the signal changes at each of its samples: [N, P], 0 where there is none. ``grids``: see ``grids_of``"""
    n, p, m = batch.values.shape
    norms = np.zeros((n, p))
    shapes = np.zeros((n, 1), int) if grids is None else grids
    for shape in np.unique(shapes, axis=0):
        rows = np.flatnonzero((shapes == shape).all(1))
        if shape.all():
            size = shape.prod()
            norms[rows, :size] = _sobel_norms(batch.values[rows, :size].reshape(len(rows), *shape, m)).reshape(-1, size)
        else:
            coords = np.broadcast_to(batch.coords, (n, p, batch.coords.shape[-1]))[rows]
            mask = np.ones((len(rows), p), bool) if batch.mask is None else batch.mask[rows]
            norms[rows] = _scattered_norms(coords, batch.values[rows], mask)
    return norms


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
    offsets = np.concatenate([[0], np.cumsum(mask.sum(1))])
    places, levels = coords[rows, points], values[rows, points].astype(np.float64)
    index = nearest(places, offsets, places, rows, 2 * coords.shape[-1] + 1)
    squares = np.square(places[index] - places[:, None]).astype(np.float64).sum(-1)
    other = squares > 0
    rises = np.square(levels[index] - levels[:, None]).sum(-1) / np.where(other, squares, 1)
    norms = np.zeros(mask.shape)
    norms[rows, points] = np.sqrt((rises * other).sum(1) / np.maximum(other.sum(1), 1))
    return norms


def standing(
    signals: SignalSet, batch: Batch, grids: np.ndarray | None, norms: np.ndarray, seed: int = 0
) -> np.ndarray:
    """How many samples each sample of a fit stands for, 0 for those that it does without: float32 [N, P].

    All that lie near a place where the signal changes are there. What is flat is drawn from, so that a fit costs what
    there is to see and not how large the empty part is.

    Args:
        grids: see ``grids_of``; without a grid every sample stands for itself.
        norms: see ``gradient_norms``.
    """
    n, p = norms.shape
    counts = np.ones((n, p), np.float32) if batch.mask is None else batch.mask.astype(np.float32)
    for shape in np.unique(grids, axis=0) if grids is not None and p > _FLAT else ():
        rows, size = np.flatnonzero((grids == shape).all(1)), shape.prod()
        if size <= _FLAT:
            continue
        steep = (norms[rows, :size] > 1e-6 * norms[rows, :size].max(1, keepdims=True)).reshape(-1, *shape)
        near = maximum_filter(steep, (1, *[2 * _AROUND + 1] * len(shape))).reshape(len(rows), size)
        for row, beside in zip(rows, near, strict=True):
            flat = np.flatnonzero(~beside)
            taken = max(_FLAT, (size - len(flat)) // 2)
            if taken < len(flat):  # one out of every run of neighbouring ones
                lot = uniform(seed, signals.keys[[row]], taken, stream=6)[0]
                counts[row, flat] = 0
                counts[row, flat[((np.arange(taken) + lot) * len(flat) / taken).astype(int)]] = len(flat) / taken
    return counts


def draw_anchors(
    signals: SignalSet,
    batch: Batch,
    grids: np.ndarray | None,
    norms: np.ndarray,
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
        batch: the signals as a sampling shows them.
        grids: see ``grids_of``.
        norms: see ``gradient_norms``.
        share: anchors for each sample.
        least: so many where there are samples for them.
        most: so many exactly, whatever the share; 0 for as many as the share says.
        jitter: how far anchors stray from their samples on a grid, as a share of the cell, so that no two are equally
            near.

    Returns:
        positions float32 [A, D] and offsets int64 [N + 1].
    """
    (n, p, _), keys = batch.values.shape, signals.keys
    present = np.full(n, p) if batch.mask is None else batch.mask.sum(1)
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
    if jitter and grids is not None:
        d = positions.shape[1]
        stray = uniform(seed, keys, p * d, stream=4).reshape(n, p, d)[rows, points] - 0.5
        cells = np.divide(2, grids, out=np.zeros(grids.shape), where=grids > 0)
        positions = positions + (jitter * stray * cells[rows]).astype(np.float32)
    if not np.isfinite(positions).all():
        raise InvalidInput("Got samples at places that are not numbers; expected numbers. Leave them out.")
    return positions, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
