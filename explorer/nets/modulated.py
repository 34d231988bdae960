"""A SIREN shared by many signals, each with shift modulations from a latent of its own (MedFuncta, section 2).

Sine layer k is sin(omega_k (W_k h + b_k + M_k latent)), omega_1 to omega_K on a straight line; from the second layer on
it is added to what it was given (in the released code, not in the paper). The output is linear, plus an offset: values
are taken to lie in [0, 1]. Weights start as those of a SIREN of frequency omega_k; M starts uniform in ±1/sqrt(latent).

Shape legend: N signals, P points, D axes, M channels, K sine layers, F width, L latent.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch.nn import functional

Parameters = Mapping[str, torch.Tensor]


class Folded(NamedTuple):
    """Parameters ready for many evaluations: omega multiplied in, and cast. A sine layer is sin(W h + shift).

    Args:
        modulation: [K F, L], from latents to shifts.
        bias: [K F], the shifts of the latent 0.
        first: [F, D].
        hidden: K - 1 times [F, F].
        last: [M, F].
        offset: [M].
    """

    modulation: torch.Tensor
    bias: torch.Tensor
    first: torch.Tensor
    hidden: tuple[torch.Tensor, ...]
    last: torch.Tensor
    offset: torch.Tensor

    @property
    def dtype(self) -> torch.dtype:
        """In which the large products run; what is small keeps the parameters' own."""
        return self.modulation.dtype


@dataclass(frozen=True, kw_only=True)
class ModulatedSiren:
    """The shape of a modulated SIREN; its parameters and latents are passed in.

    Args:
        d: axes of the domain.
        m: channels of the values.
        width: outputs of each sine layer.
        layers: linear maps, the output's included, at least 2.
        latent: numbers that stand for a signal.
        omega_1: frequency of the first sine layer.
        omega_k: frequency of the last.
        skip: whether a sine layer is added to its input.
        offset: added to the output.
    """

    d: int
    m: int
    width: int
    layers: int
    latent: int
    omega_1: float
    omega_k: float
    skip: bool = True
    offset: float = 0.5

    @cached_property
    def omegas(self) -> tuple[float, ...]:
        """Frequencies of the sine layers."""
        return tuple(torch.linspace(self.omega_1, self.omega_k, self.layers - 1, dtype=torch.float64).tolist())

    def initial(self, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Fresh parameters: ``first`` [F, D], ``hidden`` [K - 1, F, F], ``last`` [M, F], ``bias`` [K, F],
        ``last_bias`` [M], ``modulation`` [K, F, L]."""

        def uniform(bound: float, *shape: int) -> torch.Tensor:
            return (2 * torch.rand(*shape, generator=generator) - 1) * bound

        k, f = len(self.omegas), self.width
        bounds = [1 / self.d, *(math.sqrt(6 / f) / omega for omega in self.omegas[1:])]
        # The released code would give the output the frequency that follows in the schedule.
        last = math.sqrt(6 / f) / (self.omega_k + (self.omega_k - self.omega_1) / max(k - 1, 1))
        return {
            "first": uniform(bounds[0], f, self.d),
            "hidden": torch.stack([uniform(bound, f, f) for bound in bounds[1:]]) if k > 1 else torch.empty(0, f, f),
            "last": uniform(last, self.m, f),
            "bias": torch.stack([uniform(bound, f) for bound in bounds]),
            "last_bias": uniform(last, self.m),
            "modulation": uniform(1 / math.sqrt(self.latent), k, f, self.latent),
        }

    def fold(self, parameters: Parameters, dtype: torch.dtype) -> Folded:
        """Parameters for evaluations whose large products run in ``dtype``."""
        omegas = torch.tensor(self.omegas, dtype=parameters["bias"].dtype, device=parameters["bias"].device)
        hidden = parameters["hidden"] * omegas[1:, None, None]
        return Folded(
            modulation=(parameters["modulation"] * omegas[:, None, None]).flatten(0, 1).to(dtype),
            bias=(parameters["bias"] * omegas[:, None]).flatten(),
            first=parameters["first"] * omegas[0],
            hidden=tuple(weight.to(dtype) for weight in hidden),
            last=parameters["last"],
            offset=parameters["last_bias"] + self.offset,
        )

    def shifts(self, folded: Folded, latents: torch.Tensor) -> torch.Tensor:
        """What latents [N, L] add inside the sines: [N, K, F]."""
        return self.shift_tangents(folded, latents) + folded.bias.view(-1, self.width)

    def shift_tangents(self, folded: Folded, tangents: torch.Tensor) -> torch.Tensor:
        """How shifts move when latents move by ``tangents`` [N, L]: [N, K, F]."""
        moved = functional.linear(tangents.to(folded.modulation.dtype), folded.modulation)
        return moved.to(folded.bias.dtype).unflatten(1, (-1, self.width))

    def pull_back(self, folded: Folded, gradient: torch.Tensor) -> torch.Tensor:
        """A gradient for shifts [N, K, F] as one for latents [N, L]."""
        return (gradient.flatten(1).to(folded.modulation.dtype) @ folded.modulation).to(gradient.dtype)

    def values(self, folded: Folded, shifts: torch.Tensor, coords: torch.Tensor) -> torch.Tensor:
        """The functions [N, P, M] at coords [P, D], shared by all, or [N, P, D]."""
        return functional.linear(self.features(folded, shifts, coords), folded.last, folded.offset)

    def features(self, folded: Folded, shifts: torch.Tensor, coords: torch.Tensor) -> torch.Tensor:
        """What the output layer is given: [N, P, F]."""
        hidden = (functional.linear(coords, folded.first) + shifts[:, 0, None]).sin().to(folded.dtype)
        for weight, shift in zip(folded.hidden, shifts[:, 1:].to(folded.dtype).unbind(1), strict=True):
            sine = (functional.linear(hidden, weight) + shift[:, None]).sin()
            hidden = hidden + sine if self.skip else sine
        return hidden.to(folded.last.dtype)

    @torch.no_grad()
    def loss_and_gradient(
        self, folded: Folded, shifts: torch.Tensor, coords: torch.Tensor, values: torch.Tensor, weights: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Squared errors summed with weights [N, P], and their gradient for shifts: [N] and [N, K, F].

        What automatic differentiation would give, without its copies: this is where fitting spends its time.
        """
        angles = [functional.linear(coords, folded.first) + shifts[:, 0, None]]
        hidden = angles[0].sin().to(folded.dtype)
        for weight, shift in zip(folded.hidden, shifts[:, 1:].to(folded.dtype).unbind(1), strict=True):
            angles.append(functional.linear(hidden, weight).add_(shift[:, None]))
            sine = angles[-1].sin()
            hidden = hidden.add_(sine) if self.skip else sine
        errors = functional.linear(hidden.to(folded.last.dtype), folded.last, folded.offset) - values
        weighted = errors * weights.unsqueeze(-1)
        pull = (2 * weighted).to(folded.dtype) @ folded.last.to(folded.dtype)
        gradient = torch.empty_like(shifts)
        for k in range(len(folded.hidden), 0, -1):
            inside = angles[k].cos_().mul_(pull)
            gradient[:, k] = inside.sum(1)
            if self.skip:
                pull.flatten(0, 1).addmm_(inside.flatten(0, 1), folded.hidden[k - 1])
            else:
                pull = inside @ folded.hidden[k - 1]
        gradient[:, 0] = angles[0].cos_().mul_(pull).sum(1)
        return (weighted * errors).sum((1, 2)), gradient

    @torch.no_grad()
    def slope_gradients(
        self,
        folded: Folded,
        shifts: torch.Tensor,
        tangents: torch.Tensor,
        coords: torch.Tensor,
        values: torch.Tensor,
        weights: torch.Tensor,
        totals: Folded,
    ) -> torch.Tensor:
        """The gradient of the slope of ``loss_and_gradient``'s loss as shifts move by ``tangents`` [N, K, F].

        Values and how they move go forward and back side by side, so that one product serves both.

        Args:
            totals: to ``first``, ``hidden``, ``last`` and ``offset`` the slope's own gradients are added.

        Returns:
            Those for shifts and for tangents: [2, N, K, F].
        """
        low, high = folded.dtype, folded.last.dtype
        both = torch.stack([shifts, tangents])
        angle = functional.linear(coords, folded.first) + shifts[:, 0, None]
        layers = [(angle.sin(), angle.cos(), tangents[:, 0, None])]  # sines, cosines, and how what is inside moves
        states = [torch.stack([layers[0][0], layers[0][1] * tangents[:, 0, None]]).to(low)]
        for weight, shift in zip(folded.hidden, both[:, :, 1:].to(low).unbind(2), strict=True):
            angle, turn = functional.linear(states[-1], weight).add_(shift[:, :, None])
            sine, cosine = angle.sin(), angle.cos_()
            layers.append((sine, cosine, turn))
            states.append(torch.empty_like(states[-1]))
            if self.skip:
                torch.add(states[-2][0], sine, out=states[-1][0])
                torch.addcmul(states[-2][1], cosine, turn, out=states[-1][1])
            else:
                states[-1][0] = sine
                torch.mul(cosine, turn, out=states[-1][1])

        last = states[-1].to(high)
        given, moved = functional.linear(last, folded.last)
        pull = 2 * weights.unsqueeze(-1) * torch.stack([moved, given + folded.offset - values])
        totals.last.add_(_rows(pull).T @ _rows(last))
        totals.offset.add_(pull[0].sum((0, 1)))
        pull = pull.to(low) @ folded.last.to(low)

        gradient = torch.empty_like(both)
        for k in range(len(layers) - 1, -1, -1):
            sine, cosine, turn = layers[k]
            pull = pull.to(cosine.dtype)
            inside = pull * cosine
            inside[0].addcmul_(pull[1], sine.mul_(turn), value=-1)
            gradient[:, :, k] = inside.sum(2)
            if not k:
                totals.first.add_(_rows(inside[0]).T @ _rows(coords.expand(*inside.shape[1:3], -1)))
                break
            totals.hidden[k - 1].add_(_rows(inside).T @ _rows(states[k - 1]))
            if self.skip:
                _rows(pull).addmm_(_rows(inside), folded.hidden[k - 1])
            else:
                pull = inside @ folded.hidden[k - 1]
        return gradient


def _rows(tensor: torch.Tensor) -> torch.Tensor:
    """[..., F] as a matrix; a view."""
    return tensor.flatten(0, -2)
