"""Sinusoidal networks (SIREN: Sitzmann et al. 2020), many at once.

There are several dialects of SIREN; the one here is the original's, and the only one in this package: a sine layer is
sin(omega (W x + b)), the last layer is linear, nothing is added to the output. Weights start uniform in ±1/d in the
first layer and ±sqrt(6 / width) / omega in all others, biases in ±1/sqrt(inputs).

Shape legend: N networks, P points, D axes, M channels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch

from explorer.interpolation import Units
from explorer.nets.blocks import blocks, part
from explorer.nets.derivative import derivative
from explorer.nets.parameters import Layout

CONVENTION = "sin(omega (W x + b)), init Sitzmann 2020, coordinates -1 to 1"
"""How the weights in a checkpoint are to be read."""

_ACTIVATIONS = 2**22  # numbers of a layer at a time, where no gradient is kept


@dataclass(frozen=True, kw_only=True)
class Siren:
    """The shape of a SIREN; its parameters are passed in.

    Args:
        d: axes of the domain.
        m: channels of the values.
        widths: outputs of each sine layer, at least one.
        omega_0: frequency of the first sine layer.
        hidden_omega: frequency of the others.
        sigmoid: whether values pass through a sigmoid, into 0 to 1.
    """

    d: int
    m: int
    widths: tuple[int, ...]
    omega_0: float = 30.0
    hidden_omega: float = 30.0
    sigmoid: bool = False

    @property
    def layers(self) -> int:
        """Linear maps, the output's included."""
        return len(self.widths) + 1

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Outputs and inputs of each layer."""
        return tuple(zip((*self.widths, self.m), (self.d, *self.widths), strict=True))

    @property
    def symmetry(self) -> tuple[Units, ...]:
        """A sine layer's units may change places, and their signs, since sin(-x) = -sin(x)."""
        return tuple(
            Units((f"{layer}.weight", f"{layer}.bias"), (f"{layer + 1}.weight",), odd=True)
            for layer in range(self.layers - 1)
        )

    def omega(self, layer: int) -> float:
        """What a layer's weights and biases are multiplied by; 1 for the last."""
        if layer == self.layers - 1:
            return 1.0
        return self.omega_0 if layer == 0 else self.hidden_omega

    @cached_property
    def layout(self) -> Layout:
        """Layer by layer, weights before biases: ``0.weight`` [width, d], ``0.bias`` [width], ``1.weight`` …"""
        shapes: list[tuple[str, tuple[int, ...]]] = []
        for layer, (outputs, inputs) in enumerate(self.sizes):
            shapes += [(f"{layer}.weight", (outputs, inputs)), (f"{layer}.bias", (outputs,))]
        return Layout(tuple(shapes))

    @cached_property
    def bounds(self) -> torch.Tensor:
        """Every parameter starts uniform in plus or minus this (Sitzmann et al. 2020, section 3.2): [layout.size]."""
        bounds = []
        for layer, (outputs, inputs) in enumerate(self.sizes):
            weight = 1 / self.d if layer == 0 else math.sqrt(6 / inputs) / self.hidden_omega
            bounds += [torch.full((outputs * inputs,), weight), torch.full((outputs,), 1 / math.sqrt(inputs))]
        return torch.cat(bounds)

    def initial(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Fresh networks: [N, layout.size], on the CPU."""
        return (2 * torch.rand(n, self.layout.size, generator=generator) - 1) * self.bounds

    def __call__(self, vectors: torch.Tensor, coords: torch.Tensor) -> torch.Tensor:
        """Values [N, P, M] of networks [N, layout.size] at coords [P, D], shared by all, or [N, P, D]."""
        parameters = self.layout.split(vectors)
        hidden = coords.mT  # points last, so that the sine runs over long rows
        for layer in range(self.layers):
            # Omega scales the few weights instead of the many activations.
            weight = parameters[f"{layer}.weight"] * self.omega(layer)
            bias = parameters[f"{layer}.bias"].unsqueeze(-1) * self.omega(layer)
            hidden = torch.matmul(weight, hidden) + bias if hidden.ndim == 2 else torch.baddbmm(bias, weight, hidden)
            if layer < self.layers - 1:
                hidden = torch.sin(hidden)
        return (torch.sigmoid(hidden) if self.sigmoid else hidden).mT

    @torch.no_grad()
    def decode(self, networks: np.ndarray, coords: np.ndarray, device: str, orders: Sequence[int] = ()) -> np.ndarray:
        """As a call, from arrays [N, layout.size] and [P, D] or [N, P, D] to float32 [N, P, M], in bounded memory.

        Args:
            orders: how often to differentiate along each axis.
        """
        values = np.empty((len(networks), coords.shape[-2], self.m), np.float32)
        for rows, points in blocks(*values.shape[:2], _ACTIVATIONS // max(self.widths)):
            place = torch.tensor(part(coords, rows, points), dtype=torch.float32, device=device)
            weights = torch.tensor(networks[rows], device=device)
            values[rows, points] = derivative(partial(self, weights), place, orders).cpu().numpy()
        return values
