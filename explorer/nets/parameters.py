"""The parameters of many small networks at once: named arrays <-> one vector for each network."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch


@dataclass(frozen=True)
class Layout:
    """Where each parameter lies in a network's vector.

    Args:
        shapes: names and shapes of the parameters, in the order of the vector.
    """

    shapes: tuple[tuple[str, tuple[int, ...]], ...]

    @cached_property
    def size(self) -> int:
        """The length of the vector."""
        return sum(math.prod(shape) for _, shape in self.shapes)

    @cached_property
    def slices(self) -> Mapping[str, slice]:
        """The part of the vector that each parameter takes."""
        slices, start = {}, 0
        for name, shape in self.shapes:
            slices[name] = slice(start, start + math.prod(shape))
            start = slices[name].stop
        return slices

    def split(self, vectors: torch.Tensor) -> dict[str, torch.Tensor]:
        """Vectors [..., size] as parameters [..., *shape]: views, no copies. The inverse of ``join``."""
        return {name: vectors[..., self.slices[name]].unflatten(-1, shape) for name, shape in self.shapes}

    def join(self, parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Parameters [..., *shape] as vectors [..., size]. The inverse of ``split``."""
        return torch.cat([parameters[name].flatten(-len(shape)) for name, shape in self.shapes], -1)

    def named(self, vectors: np.ndarray) -> dict[str, np.ndarray]:
        """As ``split``, of numpy arrays: views."""
        return {
            name: vectors[..., self.slices[name]].reshape(*vectors.shape[:-1], *shape) for name, shape in self.shapes
        }

    def vectors(self, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
        """As ``join``, of numpy arrays. The inverse of ``named``."""
        parts = [parameters[name] for name, _ in self.shapes]
        return np.concatenate(
            [
                part.reshape(*part.shape[: part.ndim - len(shape)], -1)
                for part, (_, shape) in zip(parts, self.shapes, strict=True)
            ],
            -1,
        )
