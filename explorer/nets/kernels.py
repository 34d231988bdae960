"""The kernels of convolution operators: from parameters to the taps of a convolution at some sampling.

Shape legend: N networks, O outputs, I inputs, T taps along an axis, Q nodes along an axis, D axes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch

_FREQUENCY = 42.0  # of the released kernel network


class Kernel(Protocol):
    """A function of offsets for each pair of channels, in the parameters of a layer."""

    @property
    def by_channel(self) -> tuple[str, ...]:
        """The parameters that belong to pairs of channels; their first axes are outputs and inputs."""

    def shapes(self, outputs: int, inputs: int) -> Mapping[str, tuple[int, ...]]:
        """The parameters of a layer."""

    def bound(self, name: str, inputs: int) -> float:
        """Parameters of a layer with so many inputs start uniform in plus or minus this."""

    def taps(self, parameters: Mapping[str, torch.Tensor], spacing: Sequence[float]) -> torch.Tensor:
        """Parameters [N, *shape] at cells so far apart: [N, O, I, *T]."""

    def reach(self, spacing: Sequence[float]) -> tuple[int, ...]:
        """How many cells the taps go to each side."""


@dataclass(frozen=True, kw_only=True)
class _Nodes:
    """A weight for each of ``size`` nodes along each axis."""

    d: int
    size: int = 3

    @property
    def by_channel(self) -> tuple[str, ...]:
        return ("weight",)

    def shapes(self, outputs: int, inputs: int) -> Mapping[str, tuple[int, ...]]:
        return {"weight": (outputs, inputs, *(self.size,) * self.d)}

    def bound(self, name: str, inputs: int) -> float:
        return 1 / math.sqrt(inputs * self.size**self.d)


@dataclass(frozen=True, kw_only=True)
class Discrete(_Nodes):
    """A weight for each neighbouring cell, whatever its size: the paper's choice for a single resolution."""

    def taps(self, parameters: Mapping[str, torch.Tensor], spacing: Sequence[float]) -> torch.Tensor:
        return parameters["weight"]

    def reach(self, spacing: Sequence[float]) -> tuple[int, ...]:
        return (self.size // 2,) * self.d


@dataclass(frozen=True, kw_only=True)
class Continuous(_Nodes):
    """A piecewise linear function with support in the domain's own units (eq. 5: an integral over the domain).

    Its nodes lie ``pitch`` apart along each axis. At cells of another size it is sampled anew and scaled by their area,
    so that one set of weights acts alike at every resolution. Where cells are larger than the pitch, each node is
    shared out to the two cells around it.

    Args:
        pitch: distance between nodes along each axis.
    """

    pitch: tuple[float, ...]

    def taps(self, parameters: Mapping[str, torch.Tensor], spacing: Sequence[float]) -> torch.Tensor:
        taps = parameters["weight"]
        for axis, shares in enumerate(self.shares(spacing), start=3):
            if not np.array_equal(shares, np.eye(self.size)):
                matrix = torch.from_numpy(shares).to(taps)
                taps = torch.tensordot(taps, matrix, dims=([axis], [1])).movedim(-1, axis)
        return taps

    def reach(self, spacing: Sequence[float]) -> tuple[int, ...]:
        return tuple(len(shares) // 2 for shares in self.shares(spacing))

    def shares(self, spacing: Sequence[float]) -> list[np.ndarray]:
        """How the nodes along each axis become taps: float32 [T, Q] for each; columns sum to 1."""
        return [_shares(round(p / h, 9), self.size) for p, h in zip(self.pitch, spacing, strict=True)]


@lru_cache(maxsize=256)
def _shares(cells: float, size: int) -> np.ndarray:
    """Nodes ``cells`` apart, each a triangle as wide as the pitch or as a cell: float32 [T, Q]."""
    width = max(cells, 1.0)
    nodes = (np.arange(size) - (size - 1) / 2) * cells
    reach = max(math.ceil(nodes[-1] + width) - 1, 0)
    offsets = np.arange(-reach, reach + 1)
    weights = np.clip(1 - np.abs(offsets[:, None] - nodes) / width, 0, None)
    return (weights / weights.sum(0)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Released:
    """What the paper's code calls a continuous kernel: a network asked at three fixed offsets, whatever a cell's size.

    sqrt(1 / (3^D I)) (A sin(42 (W u + b)) + c), u in {-1, 0, 1}^D.
    """

    d: int
    size: int = 3

    def shapes(self, outputs: int, inputs: int) -> Mapping[str, tuple[int, ...]]:
        d, pairs = self.d, (outputs, inputs)
        return {"first": (d, d), "first_bias": (d,), "last": (*pairs, d), "last_bias": pairs}

    @property
    def by_channel(self) -> tuple[str, ...]:
        return ("last", "last_bias")

    def bound(self, name: str, inputs: int) -> float:
        return 1 / math.sqrt(self.d)

    def taps(self, parameters: Mapping[str, torch.Tensor], spacing: Sequence[float]) -> torch.Tensor:
        axes = [torch.linspace(-1, 1, self.size, device=parameters["first"].device)] * self.d
        offsets = torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1)
        hidden = parameters["first"] @ offsets + parameters["first_bias"].unsqueeze(-1)
        waves = torch.sin(_FREQUENCY * hidden).unsqueeze(1)
        values = parameters["last"] @ waves + parameters["last_bias"].unsqueeze(-1)
        scale = math.sqrt(1 / (self.size**self.d * parameters["last"].shape[2]))
        return scale * values.unflatten(-1, (self.size,) * self.d)

    def reach(self, spacing: Sequence[float]) -> tuple[int, ...]:
        return (self.size // 2,) * self.d
