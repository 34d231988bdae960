"""Meta-learning of shared parameters through the fits of latents (CAVIA: Zintgraf et al. 2019; MedFuncta, section 2).

An inner loop fits each signal's latent from 0 by a few steps of gradient descent; the outer loss is what the fits
reach, and its gradient goes through them, second-order terms and all. Signals are summed over, so that a latent's steps
depend on its own signal alone.

The chain rule is run by hand, from the last inner step to the first. A step is latent - rate * gradient, so a pull on
what it gave becomes a pull on what it took, less rate * Hessian @ pull; and Hessian @ pull is the gradient of one
number, the loss's slope along the pull. So one inner step at a time is in memory, whatever their count.

Shape legend: N signals, P points, M channels, K sine layers, F width, L latent, T inner steps.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch.nn import functional

from explorer.nets.blocks import blocks, part
from explorer.nets.modulated import Folded, ModulatedSiren, Parameters
from explorer.nets.samples import Samples

# Activations of one layer in work at a time: few enough for those of all layers to stay near the processor.
_ACTIVATIONS_CPU, _ACTIVATIONS_GPU = 2**17, 2**26
_LEAST_SHARE, _ON_ALL = 64, 3  # samples that tell a fit's step enough; steps at its end that see all

Context = Callable[[int, torch.Tensor], Samples]
"""What an inner step sees, from its number and the latents it starts at."""


@torch.no_grad()
def descend(
    net: ModulatedSiren, folded: Folded, latents: torch.Tensor, samples: Samples, rate: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """One inner step: the latents [N, L] after it, and the mean squared errors [N] before it."""
    shifts = net.shifts(folded, latents).detach()
    gradient, losses = torch.zeros_like(shifts), torch.zeros_like(shifts[:, 0, 0])
    for rows, block in _blocks(net, samples):
        loss, slope = net.loss_and_gradient(folded, shifts[rows], *block)
        losses[rows] += loss
        gradient[rows] += slope
    return latents - rate * net.pull_back(folded, gradient), losses


def fit(
    net: ModulatedSiren,
    folded: Folded,
    samples: Samples,
    *,
    steps: int,
    rate: float,
    ratio: float = 1.0,
    momentum: float = 0.0,
    heard: Callable[[int, torch.Tensor], None] = lambda step, losses: None,
) -> torch.Tensor:
    """Latents [N, L] from 0.

    Args:
        ratio: each step looks at about this share of the samples, one share after the other; the last three look at
            all. Samples that lie unevenly, or are few, are always looked at whole.
        momentum: the share of a move that is made once more before the next step (Nesterov 1983); it grows from 0 up to
            this. The released code takes longer steps instead, as long as one on a random share would be.
        heard: called after each step with the mean squared errors [N] that it saw before it.
    """
    latents = ahead = folded.bias.new_zeros(len(samples.values), net.latent)
    shares = _shares(samples, ratio)
    for step in range(steps):
        seen = shares[step % len(shares)] if step < steps - _ON_ALL else samples
        before = latents
        latents, losses = descend(net, folded, ahead, seen, rate)
        ahead = latents + min(momentum, step / (step + 3)) * (latents - before)
        heard(step, losses)
    return latents


def _shares(samples: Samples, ratio: float) -> list[Samples]:
    """All samples, in random shares."""
    points = samples.values.shape[1]
    count = 1 if samples.weights is not None else max(1, min(round(1 / ratio), points // _LEAST_SHARE))
    order = np.random.default_rng(0).permutation(points)
    return [samples.take(np.sort(order[first::count])) for first in range(count)] if count > 1 else [samples]


def meta_loss(
    net: ModulatedSiren,
    parameters: Parameters,
    context_at: Context,
    outer: Samples,
    *,
    steps: int,
    rate: float,
    first_order: bool,
    dtype: torch.dtype,
) -> torch.Tensor:
    """The mean loss on ``outer`` of latents fitted in ``steps`` inner steps: a scalar to call ``backward`` on.

    Args:
        context_at: the samples of an inner step, drawn anew for each.
        first_order: leave out how a step's direction depends on the parameters and the latents.
        dtype: in which the large products run.
    """
    n = len(outer.values)
    with torch.no_grad():
        folded = net.fold(parameters, dtype)
        trail, contexts = [folded.bias.new_zeros(n, net.latent)], []
        for step in range(steps):
            contexts.append(context_at(step, trail[-1]))
            trail.append(descend(net, folded, trail[-1], contexts[-1], rate)[0])

    pulls = _Pulls(net, folded)
    value, latent_pull = pulls.of_loss(trail[-1], outer)
    for latents, context in zip(trail[-2::-1], contexts[::-1], strict=True):
        if first_order:
            break
        latent_pull = latent_pull + pulls.of_slope(latents, -rate * latent_pull, context)
    return pulls.attached(value, parameters) / n


@torch.no_grad()
def steepest(
    net: ModulatedSiren, parameters: Parameters, latents: torch.Tensor, samples: Samples, count: int
) -> Samples:
    """Of each signal the ``count`` samples that pull hardest on the output layer (GradNCP: Tack et al. 2023)."""
    folded = net.fold(parameters, parameters["bias"].dtype)
    shifts = net.shifts(folded, latents)
    n, p = samples.values.shape[:2]
    norms = torch.zeros(n, p, dtype=latents.dtype, device=latents.device)
    budget = (_ACTIVATIONS_GPU if norms.is_cuda else _ACTIVATIONS_CPU) // net.width
    for rows, points in blocks(n, p, budget):
        hidden = net.features(folded, shifts[rows], part(samples.coords, rows, points))
        errors = functional.linear(hidden, folded.last, folded.offset) - samples.values[rows, points]
        norms[rows, points] = errors.norm(dim=-1) * (1 + hidden.square().sum(-1)).sqrt()
    if samples.weights is not None:
        norms = norms.masked_fill(samples.weights == 0, -1)
    kept = norms.topk(count, dim=1).indices

    def gathered(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.gather(1, kept.unsqueeze(-1).expand(-1, -1, tensor.shape[-1]))

    coords = samples.coords.expand(n, p, -1) if samples.coords.ndim == 2 else samples.coords
    weights = None
    if samples.weights is not None:
        weights = samples.weights.gather(1, kept)
        weights = weights / weights.sum(1, keepdim=True)
    return Samples(gathered(coords), gathered(samples.values), weights)


class _Pulls:
    """Collects the outer loss's gradient, term by term, for parameters in their folded form."""

    def __init__(self, net: ModulatedSiren, folded: Folded):
        self._net, self._folded = net, folded
        zeros = [torch.zeros_like(tensor, dtype=folded.bias.dtype) for tensor in _network(folded)]
        self._totals = _with_network(folded, zeros)
        self._at: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._along: list[tuple[torch.Tensor, torch.Tensor]] = []

    def of_loss(self, latents: torch.Tensor, samples: Samples) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss, summed over signals, and its pull on the latents [N, L]."""
        net = self._net
        leaves = [tensor.detach().requires_grad_() for tensor in _network(self._folded)]
        folded = _with_network(self._folded, leaves)
        shifts = net.shifts(folded, latents).detach()
        total, pull = torch.zeros_like(shifts[0, 0, 0]), torch.zeros_like(shifts)
        for rows, (coords, values, weights) in _blocks(net, samples):
            leaf = shifts[rows].detach().requires_grad_()
            errors = net.values(folded, leaf, coords) - values
            loss = (errors.square() * weights.unsqueeze(-1)).sum()
            total += loss.detach()
            at, *gradients = torch.autograd.grad(loss, [leaf, *leaves], materialize_grads=True)
            pull[rows] += at
            for kept, gradient in zip(_network(self._totals), gradients, strict=True):
                kept += gradient
        self._at.append((latents, pull))
        return total, net.pull_back(folded, pull)

    def of_slope(self, latents: torch.Tensor, along: torch.Tensor, samples: Samples) -> torch.Tensor:
        """The pull on the latents [N, L] of the loss's slope along a direction of theirs [N, L]."""
        net, folded = self._net, self._folded
        shifts, tangents = net.shifts(folded, latents), net.shift_tangents(folded, along)
        pulls = torch.zeros_like(torch.stack([shifts, tangents]))
        for rows, block in _blocks(net, samples):
            pulls[:, rows] += net.slope_gradients(folded, shifts[rows], tangents[rows], *block, self._totals)
        self._at.append((latents, pulls[0]))
        self._along.append((along, pulls[1]))
        return net.pull_back(folded, pulls[0])

    def attached(self, value: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        """The value, with the gradient that was collected as its own."""
        net, folded = self._net, self._net.fold(parameters, value.dtype)
        terms = [(tensor * total).sum() for tensor, total in zip(_network(folded), _network(self._totals), strict=True)]
        # Latents enter by a linear map: all their terms are one product, however many steps they come from.
        for shifts_of, pairs in ((net.shifts, self._at), (net.shift_tangents, self._along)):
            if pairs:
                latents, pulls = (torch.cat(tensors) for tensors in zip(*pairs, strict=True))
                terms.append((shifts_of(folded, latents) * pulls).sum())
        carrier = torch.stack(terms).sum()
        return value + (carrier - carrier.detach())


def _network(folded: Folded) -> list[torch.Tensor]:
    return [folded.first, folded.last, folded.offset, *folded.hidden]


def _with_network(folded: Folded, tensors: Sequence[torch.Tensor]) -> Folded:
    """With others of their kind in place of ``_network``'s."""
    first, last, offset, *hidden = tensors
    return folded._replace(first=first, last=last, offset=offset, hidden=tuple(hidden))


def _blocks(
    net: ModulatedSiren, samples: Samples
) -> Iterator[tuple[slice, tuple[torch.Tensor, torch.Tensor, torch.Tensor]]]:
    """Signals x points cut into blocks that are quick to work on: their rows; coords, values, weights.

    Weights are such that squared errors, summed over points and channels, give each signal's mean.
    """
    coords, values, weights = samples
    n, p, m = values.shape
    budget = (_ACTIVATIONS_GPU if values.is_cuda else _ACTIVATIONS_CPU) // net.width
    for rows, points in blocks(n, p, budget):
        piece = values[rows, points]
        share = weights[rows, points] / m if weights is not None else piece.new_full(piece.shape[:2], 1 / (p * m))
        yield rows, (part(coords, rows, points), piece, share)
