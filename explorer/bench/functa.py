"""Functa: the networks, batches and context ratios of two released configurations, on digits of 28 x 28."""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from explorer.bench import Row, compared, matmul_rate, row
from explorer.fitting import draws
from explorer.nets import cavia
from explorer.nets.modulated import ModulatedSiren, Parameters
from explorer.nets.precision import matmul_dtype
from explorer.nets.samples import Samples, source_of
from explorer.readers import load


class _Setting(NamedTuple):
    net: ModulatedSiren
    batch: int
    context: int  # samples of an inner step


_FUNCTA = {
    "8x64": _Setting(
        ModulatedSiren(d=2, m=1, width=64, layers=8, latent=64, omega_1=10.0, omega_k=40.0), batch=16, context=784
    ),
    "15x256": _Setting(
        ModulatedSiren(d=2, m=1, width=256, layers=15, latent=2048, omega_1=10.0, omega_k=75.0), batch=4, context=196
    ),
}
_INNER_STEPS, _FIT_STEPS, _INNER_RATE, _OUTER_RATE = 10, 20, 0.1, 3e-5
_FIT_RATIO, _FIT_MOMENTUM = 0.25, 0.7  # of our fits: the share of the samples that a step looks at, and their momentum


class _PlainFuncta(torch.nn.Module):
    """MedFuncta's algorithm written plainly, as released: coordinates repeated for each signal, layers modulated one by
    one, all derivatives automatic, float32."""

    def __init__(self, net: ModulatedSiren, parameters: Parameters):
        super().__init__()
        self._net = net
        weights = [parameters["first"], *parameters["hidden"], parameters["last"]]
        biases = [*parameters["bias"], parameters["last_bias"]]
        lines = [torch.nn.Linear(weight.shape[1], weight.shape[0]) for weight in weights]
        modulations = [torch.nn.Linear(net.latent, net.width, bias=False) for _ in net.omegas]
        own = [line.weight for line in lines + modulations] + [line.bias for line in lines]
        with torch.no_grad():
            for mine, given in zip(own, [*weights, *parameters["modulation"], *biases], strict=True):
                mine.copy_(given)
        self.lines, self.modulations = torch.nn.ModuleList(lines), torch.nn.ModuleList(modulations)

    def forward(self, latents: torch.Tensor, samples: Samples) -> torch.Tensor:
        """Each signal's mean squared error."""
        hidden = samples.coords.repeat(len(latents), 1, 1)
        *lines, last = self.lines
        for k, (line, modulation) in enumerate(zip(lines, self.modulations, strict=True)):
            sine = torch.sin(self._net.omegas[k] * (line(hidden) + modulation(latents).unsqueeze(1)))
            hidden = hidden + sine if k else sine
        return (last(hidden) + self._net.offset - samples.values).square().mean((1, 2))

    def learned(self, contexts: Sequence[Samples]) -> torch.Tensor:
        """Latents by the inner loop of the training, whose steps can be differentiated."""
        latents = self._start(contexts[0])
        for context in contexts:
            latents = latents - _INNER_RATE * self._slope(latents, context, create_graph=True)
        return latents

    def fitted(self, contexts: Sequence[Samples], whole: Samples) -> torch.Tensor:
        """Latents by the loop after the training: steps on all samples, each as long as one on a context would be."""
        latents = self._start(whole)
        for context in contexts:
            length, slope = self._slope(latents, context).norm(dim=1), self._slope(latents, whole)
            latents = latents - _INNER_RATE * (length / (slope.norm(dim=1) + 1e-16)).unsqueeze(1) * slope
        return latents

    def _start(self, samples: Samples) -> torch.Tensor:
        return torch.zeros(len(samples.values), self._net.latent, requires_grad=True)

    def _slope(self, latents: torch.Tensor, samples: Samples, create_graph: bool = False) -> torch.Tensor:
        return torch.autograd.grad(self(latents, samples).sum(), latents, create_graph=create_graph)[0]

    def psnr_db(self, latents: torch.Tensor, samples: Samples) -> float:
        with torch.no_grad():
            return float(-10 * self(latents, samples).log10().mean())


def _improving(parameters: Sequence[torch.Tensor], loss_at: Callable[[int], torch.Tensor]) -> Callable[[], None]:
    """Makes one step of the outer loop each time it is called."""
    optimiser, steps = torch.optim.AdamW(parameters, lr=_OUTER_RATE, fused=True), itertools.count()

    def improve() -> None:
        optimiser.zero_grad()
        loss_at(next(steps)).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()

    return improve


def run() -> list[Row]:
    """A step of MedFuncta's meta-learning and a fit, against the released algorithm written plainly.

    Our fits look at a quarter of the samples in turn but for their last three steps; a released one looks at all, and
    at a quarter besides, for the length of its step.
    """
    return [line for size, setting in _FUNCTA.items() for line in _functa(size, *setting)]


def _functa(size: str, net: ModulatedSiren, batch: int, context: int) -> list[Row]:
    dtype, rng = matmul_dtype("cpu"), np.random.default_rng(0)
    whole = source_of(load("digits"), "cpu").draw(np.arange(batch), (28, 28), 0, rng)
    points = len(whole.coords)
    ours = {name: tensor.requires_grad_() for name, tensor in net.initial(torch.Generator().manual_seed(0)).items()}
    plain = _PlainFuncta(net, ours)

    def contexts(step: int, count: int = _INNER_STEPS) -> list[Samples]:
        kept = [draws(step, i).choice(points, context, replace=False) for i in range(count)]
        return [Samples(whole.coords[index], whole.values[:, index], None) for index in kept]

    def our_loss(step: int) -> torch.Tensor:
        seen = contexts(step)
        return cavia.meta_loss(
            net, ours, lambda i, _: seen[i], whole, steps=len(seen), rate=_INNER_RATE, first_order=False, dtype=dtype
        )

    def plain_loss(step: int) -> torch.Tensor:
        return plain(plain.learned(contexts(step)), whole).mean()

    def our_fit() -> torch.Tensor:
        with torch.no_grad():
            return cavia.fit(
                net,
                net.fold(ours, dtype),
                whole,
                steps=_FIT_STEPS,
                rate=_INNER_RATE,
                ratio=_FIT_RATIO,
                momentum=_FIT_MOMENTUM,
            )

    def plain_fit(network: _PlainFuncta) -> torch.Tensor:
        return network.fitted(contexts(0, _FIT_STEPS), whole)

    # Products of the square layers, in passes over the samples: an inner step goes forward and back; its part of the
    # meta-gradient does so for values and for how they move, with gradients for weights; so does the outer loss.
    square = 2 * (net.layers - 2) * net.width**2 * batch
    learning = square * (_INNER_STEPS * (2 + 6) * context + 3 * points)
    fitting = square * 2 * points * (_FIT_RATIO * (_FIT_STEPS - 3) + 3)

    learned = compared(
        _improving(list(ours.values()), our_loss), _improving(list(plain.parameters()), plain_loss), rounds=5
    )
    twin = _PlainFuncta(net, ours)  # in float32, with what ours learned
    fitted = compared(our_fit, lambda: plain_fit(twin), rounds=5)
    decibels = (
        twin.psnr_db(our_fit(), whole),
        twin.psnr_db(plain_fit(twin), whole),
        plain.psnr_db(plain_fit(plain), whole),
    )
    return [
        *_against_released(f"meta-step {size}", batch, learned, learning, decibels[1] - decibels[2]),
        *_against_released(f"fit {size}", batch, fitted, fitting, decibels[0] - decibels[1]),
    ]


def _against_released(
    name: str, batch: int, timed: tuple[float, float, float], operations: float, above_db: float
) -> list[Row]:
    (taken, ratio, spread), dtype, released = timed, matmul_dtype("cpu"), "the released algorithm"
    share = operations / taken / matmul_rate(dtype)
    return [
        row(name, "time", taken / batch, "s/image", released, ratio, spread),
        row(name, "PSNR above the baseline's after as many steps", above_db, "dB", released),
        row(name, "share of matrix-product rate", share, str(dtype).removeprefix("torch.")),
    ]
