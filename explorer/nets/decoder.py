"""The decoder that all clouds share: a point's nearest latents and how it lies to them, to the values there.

One hidden ReLU layer as wide as what it is given (ARC, section 3.2.2 and appendix A). Its first layer is kept in two
parts, one for latents and one for places, since fits move the latents alone.

Shape legend: S samples, n neighbours, Z latents, D axes, H = n (Z + D) hidden units, M channels, A anchors.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

Parameters = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class CloudDecoder:
    """The shape of a decoder.

    Args:
        d, m: axes and channels.
        neighbors: anchors that a point looks at.
        latent: numbers of each anchor.
    """

    d: int
    m: int
    neighbors: int
    latent: int

    @property
    def width(self) -> int:
        return self.neighbors * (self.latent + self.d)

    def initial(self, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Uniform in +-1 / sqrt(inputs), as linear layers commonly begin."""
        bound = 1 / math.sqrt(self.width)
        shapes = {
            "latent_weight": (self.neighbors * self.latent, self.width),
            "place_weight": (self.neighbors * self.d, self.width),
            "bias": (self.width,),
            "out_weight": (self.width, self.m),
            "out_bias": (self.m,),
        }
        return {name: bound * (2 * torch.rand(shape, generator=generator) - 1) for name, shape in shapes.items()}

    def hidden(
        self, parameters: Parameters, latents: torch.Tensor, neighbors: torch.Tensor, places: torch.Tensor
    ) -> torch.Tensor:
        """Before the ReLU: [S, H].

        Args:
            latents: [A, Z].
            neighbors: int [S, n].
            places: [S, n D], each point in the frames of its neighbours.
        """
        near = latents.index_select(0, neighbors.flatten()).view(len(neighbors), -1)
        lying = torch.addmm(parameters["bias"], places, parameters["place_weight"])
        return torch.addmm(lying, near, parameters["latent_weight"])

    def __call__(
        self, parameters: Parameters, latents: torch.Tensor, neighbors: torch.Tensor, places: torch.Tensor
    ) -> torch.Tensor:
        """Values [S, M] of points; see ``hidden``."""
        hidden = self.hidden(parameters, latents, neighbors, places).relu_()
        return torch.addmm(parameters["out_bias"], hidden, parameters["out_weight"])

    @torch.no_grad()
    def pull_back(
        self, parameters: Parameters, hidden: torch.Tensor, slopes: torch.Tensor, neighbors: torch.Tensor, anchors: int
    ) -> torch.Tensor:
        """The gradient for the latents, float32 [A, Z], of a loss whose slopes [S, M] for the values are given.

        Args:
            hidden: as ``hidden`` gave it, after the ReLU.
        """
        pulled = torch.ops.aten.threshold_backward(slopes @ parameters["out_weight"].mT, hidden, 0)
        pulled = pulled @ parameters["latent_weight"].mT
        gradient = torch.zeros(anchors, self.latent, device=hidden.device)
        return gradient.index_add_(0, neighbors.flatten(), pulled.view(-1, self.latent).float())


def places_of(
    coords: torch.Tensor, positions: torch.Tensor, frames: torch.Tensor, neighbors: torch.Tensor, sight: float = 0.0
) -> torch.Tensor:
    """Points [S, D] in the frames of their neighbours: [S, n D].

    Args:
        sight: a point farther away, by the root mean square over the axes, is seen in its direction at this distance;
            0 where there is no such bound.
    """
    away = coords.unsqueeze(1) - positions[neighbors]
    places = (frames[neighbors] * away.unsqueeze(-2)).sum(-1)  # far quicker than products of tiny matrices
    if sight:
        distances = places.square().mean(-1, keepdim=True).sqrt_()
        places *= sight / distances.clamp_(min=sight)
    return places.flatten(1)
