"""How the values of SIRENs change with their weights: gradients by hand, and the whole Jacobian in a form that
second-order fitting can afford.

Gradients are by hand because that halves the time: nothing is kept but sines and cosines, in memory that is used again.
Products in bfloat16 gained nothing here, at widths of 64 the casts take what they save.

The Jacobian of a network's values has a row for each value and a column for each weight. A layer's part of it is an
outer product at every point: of the layer's inputs, and of the values' derivatives by its outputs before the sine. Kept
as these two factors it takes the memory of one backward pass; products with itself need no more.

Shape legend: N networks, P points, M channels, R = M P values (channel by channel), K weights, I and O a layer's inputs
and outputs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from explorer.nets.siren import Siren


class Workspace:
    """Memory that is used again and again.

    To be given the same few megabytes afresh by the operating system takes longer than to fill them.
    """

    def __init__(self) -> None:
        self._held: dict[str, torch.Tensor] = {}

    def take(self, name: str, shape: Sequence[int], like: torch.Tensor) -> torch.Tensor:
        """What is held under a name, in a shape and on the device of another tensor; to be written over."""
        size = math.prod(shape)
        if name not in self._held or len(self._held[name]) < size:
            self._held[name] = torch.empty(size, dtype=like.dtype, device=like.device)
        return self._held[name][:size].view(*shape)


class _Forward(NamedTuple):
    """What a forward pass leaves: values [N, M, P], and for each layer weights times omega [N, O, I], inputs [N, I, P],
    and (but for the last) the cosines of its phases [N, O, P]."""

    values: torch.Tensor
    weights: list[torch.Tensor]
    inputs: list[torch.Tensor]
    cosines: list[torch.Tensor]


def _forward(siren: Siren, vectors: torch.Tensor, coords: torch.Tensor, space: Workspace) -> _Forward:
    n, p = len(vectors), coords.shape[-2]
    parameters = siren.layout.split(vectors)
    weights = [parameters[f"{layer}.weight"] * siren.omega(layer) for layer in range(siren.layers)]
    inputs, cosines = [coords.mT.expand(n, -1, -1)], []
    for layer, weight in enumerate(weights):
        bias = parameters[f"{layer}.bias"].unsqueeze(-1) * siren.omega(layer)
        shape = (n, weight.shape[1], p)
        phase = torch.baddbmm(bias, weight, inputs[-1], out=space.take(f"phase {layer}", shape, vectors))
        if layer < siren.layers - 1:
            inputs.append(torch.sin(phase, out=space.take(f"sine {layer}", shape, vectors)))
            cosines.append(phase.cos_())
    return _Forward(phase.sigmoid_() if siren.sigmoid else phase, weights, inputs, cosines)


def loss_gradient(
    siren: Siren,
    vectors: torch.Tensor,
    coords: torch.Tensor,
    values: torch.Tensor,
    weights: torch.Tensor | None = None,
    space: Workspace | None = None,
) -> torch.Tensor:
    """The gradient [N, K] of each network's mean squared error, channels summed.

    Args:
        vectors: networks [N, K].
        coords: [P, D], shared by all, or [N, P, D].
        values: [N, P, M].
        weights: [N, P] whose rows sum to 1, or None where all points count alike.
        space: memory that the caller keeps for further calls.
    """
    space = space or Workspace()
    forward = _forward(siren, vectors, coords, space)
    slope = 2 * (forward.values - values.mT)
    slope *= 1 / values.shape[1] if weights is None else weights.unsqueeze(1)
    if siren.sigmoid:
        slope *= forward.values * (1 - forward.values)
    result = torch.empty_like(vectors)
    gradient = siren.layout.split(result)
    for layer in reversed(range(siren.layers)):
        inputs = forward.inputs[layer]
        torch.mul(torch.bmm(slope, inputs.mT), siren.omega(layer), out=gradient[f"{layer}.weight"])
        torch.mul(slope.sum(2), siren.omega(layer), out=gradient[f"{layer}.bias"])
        if layer:
            back = space.take(f"slope {layer % 2}", inputs.shape, vectors)
            slope = torch.bmm(forward.weights[layer].mT, slope, out=back).mul_(forward.cosines[layer - 1])
    return result


@dataclass(frozen=True)
class Linearisation:
    """SIRENs around their present weights.

    Args:
        values: [N, P, M].
        inputs: of each layer, [N, I, P].
        slopes: derivatives of the values by each layer's W x + b, [N, O, R].
    """

    values: torch.Tensor
    inputs: tuple[torch.Tensor, ...]
    slopes: tuple[torch.Tensor, ...]

    def jacobian(self) -> torch.Tensor:
        """[N, R, K], columns as in the network's vector."""
        _, p, m = self.values.shape
        parts = []
        for inputs, slopes in zip(self.inputs, self.slopes, strict=True):
            slopes = slopes.unflatten(2, (m, p))
            parts += [torch.einsum("nomp,nip->nmpoi", slopes, inputs).flatten(3), slopes.permute(0, 2, 3, 1)]
        return torch.cat(parts, -1).flatten(1, 2)

    def gram(self, space: Workspace | None = None) -> torch.Tensor:
        """The Jacobian times its transpose: [N, R, R]; in memory of ``space`` where that is given."""
        n, p, m = self.values.shape
        space = space or Workspace()
        total = space.take("gram", (n, m, p, m, p), self.values).zero_()
        likeness = space.take("likeness", (n, p, p), self.values)
        product = space.take("product", (n, m * p, m * p), self.values)
        for inputs, slopes in zip(self.inputs, self.slopes, strict=True):
            torch.bmm(inputs.mT, inputs, out=likeness).add_(1)  # the 1 is the bias's
            torch.bmm(slopes.mT, slopes, out=product)
            total.addcmul_(product.view_as(total), likeness.view(n, 1, p, 1, p))
        return total.view_as(product)

    def transposed(self, values: torch.Tensor) -> torch.Tensor:
        """The Jacobian's transpose times ``values`` [N, R]: [N, K]."""
        n, p, m = self.values.shape
        parts = []
        for inputs, slopes in zip(self.inputs, self.slopes, strict=True):
            weighted = (slopes * values.unsqueeze(1)).unflatten(2, (m, p)).sum(2)  # [N, O, P]
            parts += [torch.matmul(weighted, inputs.mT).flatten(1), weighted.sum(2)]
        return torch.cat(parts, 1)


def linearise(siren: Siren, vectors: torch.Tensor, coords: torch.Tensor) -> Linearisation:
    """Networks [N, K] at coords [P, D], shared by all, or [N, P, D]."""
    n, p, m = len(vectors), coords.shape[-2], siren.m
    forward = _forward(siren, vectors, coords, Workspace())
    values = forward.values
    derivative = values * (1 - values) if siren.sigmoid else torch.ones_like(values)
    slope = torch.diag_embed(derivative.mT).permute(0, 2, 3, 1).reshape(n, m, m * p)
    slopes = [slope]
    for layer in reversed(range(siren.layers - 1)):
        slope = torch.bmm(forward.weights[layer + 1].mT, slope).unflatten(2, (m, p))
        slope = (slope * forward.cosines[layer].unsqueeze(2)).flatten(2)
        slopes.append(slope * siren.omega(layer))
    return Linearisation(values.mT, tuple(forward.inputs), tuple(reversed(slopes)))
