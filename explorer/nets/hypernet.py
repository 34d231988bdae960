"""A hypernetwork: from samples of a function to the weights of the SIREN that reconstructs it (paper, section 2.4).

Samples pass one by one through a point network, their mean describes the function, and a few layers (the trunk) with
one linear head for each layer of the SIREN turn it into weights. Coordinates are in [0, 1] on each axis, as there.
Between the two may stand layers that were learned when these had been (``settling``).

Shape legend: N signals, P points, D axes, M channels, F width of the point network.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from explorer.nets.settling import settled
from explorer.nets.siren import Siren

Parameters = Mapping[str, torch.Tensor]

_POINT_LAYERS = 3


@dataclass(frozen=True, kw_only=True)
class Hypernet:
    """The shape of a hypernetwork; its parameters are passed in.

    Args:
        siren: the networks whose weights it gives.
        width: F, of the point network's three layers.
        features: random Fourier features of the coordinates, half of them sines, half cosines.
        trunk: residual layers between the mean and the heads.
        head_gain: how far the signals' networks spread at the start; 1 is about as far as fresh SIRENs differ.
    """

    siren: Siren
    width: int
    features: int
    trunk: int
    head_gain: float

    @property
    def _head_sizes(self) -> list[int]:
        return [outputs * (inputs + 1) for outputs, inputs in self.siren.sizes]

    def frequencies(self, scale: float, generator: torch.Generator) -> torch.Tensor:
        """Random Fourier frequencies, normal with deviation ``scale`` cycles over an axis: [D, features / 2]."""
        return scale * torch.randn(self.siren.d, self.features // 2, generator=generator)

    def initial(self, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Fresh parameters. The heads' biases are a fresh SIREN, so that training starts from a sound network."""

        def uniform(outputs: int, inputs: int, bound: float) -> torch.Tensor:
            return (2 * torch.rand(outputs, inputs, generator=generator) - 1) * bound

        inputs = self.features + self.siren.m
        parameters = {
            "point.0.coords": uniform(self.width, self.features, math.sqrt(6 / inputs)),
            "point.0.values": uniform(self.width, self.siren.m, math.sqrt(6 / inputs)),
            "point.0.bias": torch.zeros(self.width),
        }
        for layer in range(1, _POINT_LAYERS):
            parameters[f"point.{layer}.weight"] = uniform(self.width, self.width, math.sqrt(6 / self.width))
            parameters[f"point.{layer}.bias"] = torch.zeros(self.width)
        for layer in range(self.trunk):
            parameters[f"trunk.{layer}.weight"] = uniform(self.width, self.width, math.sqrt(1.5 / self.width))
            parameters[f"trunk.{layer}.bias"] = torch.zeros(self.width)
        for layer, size in enumerate(self._head_sizes):
            parameters[f"head.{layer}.weight"] = uniform(size, self.width, 1.0)
            parameters[f"head.{layer}.bias"] = uniform(size, 1, 1.0).squeeze(1)
        return parameters

    def pool(
        self,
        parameters: Parameters,
        coords: torch.Tensor,
        values: torch.Tensor,
        weights: torch.Tensor | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> torch.Tensor:
        """The mean of the points' features: float32 [N, F].

        Args:
            coords: [P, D], shared by all, or [N, P, D], in [0, 1].
            values: [N, P, M].
            weights: [N, P], quadrature weights that sum to 1 over a whole signal and are 0 where there is no sample;
                None where all points count alike.
            dtype: in which the large products run.
        """
        phase = coords @ (2 * math.pi * parameters["frequencies"])
        features = torch.cat([phase.sin(), phase.cos()], -1)
        # The first layer acts on (features, values); on shared coordinates the larger half is the same for all signals.
        place = functional.linear(features, parameters["point.0.coords"], parameters["point.0.bias"])
        hidden = functional.linear(values.to(dtype), parameters["point.0.values"].to(dtype))
        hidden = hidden.add_(place.to(dtype)).relu_()  # in place: the activations are what costs memory and time
        for layer in range(1, _POINT_LAYERS):
            weight, bias = parameters[f"point.{layer}.weight"], parameters[f"point.{layer}.bias"]
            hidden = functional.linear(hidden, weight.to(dtype), bias.to(dtype)).relu_()
        if weights is None:
            return hidden.mean(1, dtype=torch.float32)
        return torch.bmm(weights.unsqueeze(1), hidden.float()).squeeze(1)

    def predict(self, parameters: Parameters, pooled: torch.Tensor) -> torch.Tensor:
        """SIRENs [N, siren.layout.size] from pooled features [N, F]."""
        return self.heads(parameters, settled(parameters, self.through_trunk(parameters, pooled)))

    def through_trunk(self, parameters: Parameters, pooled: torch.Tensor) -> torch.Tensor:
        """What the trunk makes of pooled features [..., F]: [..., F]."""
        hidden = pooled
        for layer in range(self.trunk):
            weight, bias = parameters[f"trunk.{layer}.weight"], parameters[f"trunk.{layer}.bias"]
            hidden = hidden + functional.relu(functional.linear(hidden, weight, bias))
        return hidden

    def heads(self, parameters: Parameters, hidden: torch.Tensor) -> torch.Tensor:
        """What the heads make of the trunk's output [N, F]: SIRENs [N, siren.layout.size].

        Heads speak in units of a SIREN's own start, so that one learning rate suits layers of any scale.
        """
        hidden = hidden * (self.head_gain / math.sqrt(self.width))
        weights = [
            functional.linear(hidden, parameters[f"head.{layer}.weight"], parameters[f"head.{layer}.bias"])
            for layer in range(self.siren.layers)
        ]
        return torch.cat(weights, -1) * self.siren.bounds.to(hidden.device)
