"""Ways between codes: arrays [1, ...] at both ends, positions in [0, 1], arrays [T, ...] along the way."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.artifacts import Arrays

METHODS = ("linear", "slerp", "aligned")
"""Straight, along a great circle, or straight after the end's parts were matched with the start's."""


def linear(start: np.ndarray, end: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Straight from one to the other: [T, ...], exact at both ends."""
    t = at.astype(start.dtype).reshape(-1, *(1,) * (start.ndim - 1))
    return np.where(t == 1, end, start + t * (end - start))


def slerp(start: np.ndarray, end: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Along the great circle, while the length goes straight from one to the other (Shoemake 1985): [T, ...].

    Codes that point the same way, or one of which is zero, are joined by a straight line.
    """
    a, b = (x.reshape(-1).astype(np.float64) for x in (start, end))
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if min(lengths) == 0:
        return linear(start, end, at)
    angle = np.arccos(np.clip(a @ b / (lengths[0] * lengths[1]), -1, 1))
    if np.sin(angle) < 1e-6:
        return linear(start, end, at)
    t = at.astype(np.float64)[:, None]
    direction = (np.sin((1 - t) * angle) * a / lengths[0] + np.sin(t * angle) * b / lengths[1]) / np.sin(angle)
    along = direction * (lengths[0] + t * (lengths[1] - lengths[0]))
    return along.reshape(len(at), *start.shape[1:]).astype(start.dtype)


def mean(codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean of codes [n, ...] with weights [n] that sum to 1: [1, ...]."""
    return np.tensordot(weights.astype(np.float64), codes, 1)[None].astype(codes.dtype)


@dataclass(frozen=True)
class Units:
    """A layer's units, whose order means nothing: the symmetry of a network as data (Ainsworth et al. 2023).

    Args:
        written_by: parameters [n, units, ...] that make them.
        read_by: parameters [n, outputs, units, ...] that take them in.
        odd: whether a unit may also change its sign together with whoever reads it, as where the activation is a sine.
    """

    written_by: tuple[str, ...]
    read_by: tuple[str, ...]
    odd: bool = False


def only(layers: Sequence[str], start: Arrays, end: Arrays) -> dict[str, np.ndarray]:
    """The end's parameters in some layers, and the start's in all others."""
    return {name: end[name] if name.rpartition(".")[0] in layers else start[name] for name in start}
