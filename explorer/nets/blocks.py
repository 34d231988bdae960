"""Signals x points, cut so that work on them stays near the processor and its memory is bounded."""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import torch

Array = TypeVar("Array", np.ndarray, torch.Tensor)


def blocks(n: int, p: int, budget: int) -> Iterator[tuple[slice, slice]]:
    """N signals of P points cut into blocks of at most ``budget`` points in all: whole signals while they fit."""
    height = max(1, budget // p)
    pieces = -(-p // max(1, budget))
    for row in range(0, n, height):
        for piece in range(pieces):
            yield slice(row, min(row + height, n)), slice(piece * p // pieces, (piece + 1) * p // pieces)


def part(coords: Array, rows: slice, points: slice) -> Array:
    """Some of the coords [P, D], shared by all signals, or [N, P, D]."""
    return coords[points] if coords.ndim == 2 else coords[rows, points]
