"""Speed and memory on this machine. Every ratio is taken in one run, ours and the baseline in turn, with its spread."""

import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from explorer.codes import Checkpoint
from explorer.fits import Plan, fit_all
from explorer.fitting import draws
from explorer.grids import grid_coords, resample
from explorer.nets import cavia
from explorer.nets.modulated import ModulatedSiren, Parameters
from explorer.nets.precision import matmul_dtype
from explorer.nets.regression import Regression
from explorer.nets.samples import Samples, source_of
from explorer.nets.siren import Siren
from explorer.observations import Observations
from explorer.readers import load
from explorer.representations import base
from explorer.signals import SignalSet

Row = dict[str, Any]


def row(
    name: str,
    metric: str,
    value: float,
    unit: str,
    baseline: str = "",
    ratio: float | None = None,
    spread: float | None = None,
) -> Row:
    """One line of the table; ``ratio`` above 1 is better than the baseline, ``spread`` half its interquartile range."""
    return dict(name=name, metric=metric, value=value, unit=unit, baseline=baseline, ratio=ratio, spread=spread)


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compared(
    ours: Callable[[], Any], baseline: Callable[[], Any], *, share: float = 1.0, rounds: int = 7
) -> tuple[float, float, float]:
    """Both in turn, after a warm-up of each.

    Args:
        share: how much of our work the baseline does; its time is scaled up.

    Returns:
        Our median seconds, the median of baseline / ours, and half the interquartile range of that ratio.
    """
    ours(), baseline()
    pairs = [(seconds(ours), seconds(baseline) / share) for _ in range(rounds)]
    low, middle, high = statistics.quantiles([theirs / mine for mine, theirs in pairs], n=4)
    return statistics.median(mine for mine, _ in pairs), middle, (high - low) / 2


def matmul_rate(dtype: torch.dtype, size: int = 2048) -> float:
    """Floating point operations a second of this machine's own large matrix product."""
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    torch.mm(a, b)
    return 2 * size**3 / min(seconds(lambda: torch.mm(a, b)) for _ in range(5))


def _images(n: int) -> SignalSet:
    """28 x 28 images of random blocks; only their number and size matter here."""
    blocks = np.random.default_rng(0).integers(0, 256, (n, 7, 7), np.uint8)
    return SignalSet.from_grids(blocks.repeat(4, 1).repeat(4, 2), axes=["y", "x"], name="blocks")


def _encoder(images: SignalSet) -> tuple[base.Representation, Checkpoint]:
    method = base.get("hypernetwork")
    return method, method.train(method.config(overrides={"steps": 5}), images[:64], seed=0)


def encode() -> list[Row]:
    """10,000 images of 28 x 28 through the hypernetwork, against the same encoder one signal at a time."""
    name, n, some = "encode 28x28", 10_000, 500
    images = _images(n)
    method, checkpoint = _encoder(images)
    every, singles = Observations(images), [Observations(images[i]) for i in range(some)]

    def one_at_a_time() -> None:
        for single in singles:
            method.encode(checkpoint, single)

    taken, ratio, spread = compared(lambda: method.encode(checkpoint, every), one_at_a_time, share=some / n)
    width, dtype = checkpoint.config["point_width"], matmul_dtype("cpu")
    # What each point costs: its value and two square layers; the layer of its coordinates is shared by all signals.
    operations = n * every.points * 2 * (images.m * width + 2 * width * width)
    share = operations / taken / matmul_rate(dtype)
    return [
        row(name, "throughput", n / taken, "signals/s", "one signal at a time", ratio, spread),
        row(name, "share of matrix-product rate", share, str(dtype).removeprefix("torch.")),
        row("encode 28x28 at 112", "peak memory, 70,000 signals", _peak_mib("encode_many"), "MiB"),
    ]


def encode_many() -> None:
    """The work whose memory is measured: 70,000 images seen at 112 x 112."""
    images = _images(70_000)
    method, checkpoint = _encoder(images)
    method.encode(checkpoint, Observations(images, 112))


def _peak_mib(function: str) -> float:
    """The most memory that a function of this file takes, in a process of its own."""
    code = (
        "import resource, explorer.bench as bench\n"
        f"bench.{function}()\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


# ---------------------------------------------------------------------------------------------------------------------
# Functa: the networks, batches and context ratios of two released configurations, on digits of 28 x 28


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

    def fit(self, contexts: Sequence[Samples], create_graph: bool) -> torch.Tensor:
        latents = torch.zeros(len(contexts[0].values), self._net.latent, requires_grad=True)
        for context in contexts:
            (slope,) = torch.autograd.grad(self(latents, context).sum(), latents, create_graph=create_graph)
            latents = latents - _INNER_RATE * slope
        return latents

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


def functa() -> list[Row]:
    """A step of MedFuncta's meta-learning and a fit, against the released algorithm written plainly."""
    return [line for size, setting in _FUNCTA.items() for line in _functa(size, *setting)]


def _functa(size: str, net: ModulatedSiren, batch: int, context: int) -> list[Row]:
    dtype, rng = matmul_dtype("cpu"), np.random.default_rng(0)
    whole = source_of(load("digits"), "cpu").draw(np.arange(batch), (28, 28), 0, rng)
    points = len(whole.coords)
    ours = {name: tensor.requires_grad_() for name, tensor in net.initial(torch.Generator().manual_seed(0)).items()}
    plain = _PlainFuncta(net, ours)

    def contexts(step: int) -> list[Samples]:
        kept = [draws(step, i).choice(points, context, replace=False) for i in range(_INNER_STEPS)]
        return [Samples(whole.coords[index], whole.values[:, index], None) for index in kept]

    def our_loss(step: int) -> torch.Tensor:
        seen = contexts(step)
        return cavia.meta_loss(
            net, ours, lambda i, _: seen[i], whole, steps=len(seen), rate=_INNER_RATE, first_order=False, dtype=dtype
        )

    def plain_loss(step: int) -> torch.Tensor:
        return plain(plain.fit(contexts(step), create_graph=True), whole).mean()

    def our_fit() -> torch.Tensor:
        with torch.no_grad():
            folded = net.fold(ours, dtype)
            latents = folded.bias.new_zeros(batch, net.latent)
            for _ in range(_FIT_STEPS):
                latents, _losses = cavia.descend(net, folded, latents, whole, _INNER_RATE)
        return latents

    def plain_fit(network: _PlainFuncta) -> torch.Tensor:
        return network.fit([whole] * _FIT_STEPS, create_graph=False)

    # Products of the square layers, in passes over the samples: an inner step goes forward and back; its part of the
    # meta-gradient does so for values and for how they move, with gradients for weights; so does the outer loss.
    square = 2 * (net.layers - 2) * net.width**2 * batch
    learning = square * (_INNER_STEPS * (2 + 6) * context + 3 * points)
    fitting = square * _FIT_STEPS * 2 * points

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
    name: str, batch: int, timed: tuple[float, float, float], operations: int, above_db: float
) -> list[Row]:
    (taken, ratio, spread), dtype, released = timed, matmul_dtype("cpu"), "the released algorithm"
    share = operations / taken / matmul_rate(dtype)
    return [
        row(name, "time", taken / batch, "s/image", released, ratio, spread),
        row(name, "PSNR above the baseline's after as many steps", above_db, "dB", released),
        row(name, "share of matrix-product rate", share, str(dtype).removeprefix("torch.")),
    ]


# ---------------------------------------------------------------------------------------------------------------------
# Siren: a network for each signal


def siren() -> list[Row]:
    """256 digits of 28 x 28, a SIREN of 3 x 64 for each, against a plain loop over the same networks.

    Both start from fresh networks and look at all pixels. The loop is torch's own Adam at the learning rate that
    reaches 40 dB soonest, of 5e-4, 1e-3, 2e-3 and 3e-3; it stops at the very step that gets there.
    """
    name, n, some = "fit 28x28 3x64", 256, 8
    network = Siren(d=2, m=1, widths=(64, 64, 64))
    digits = load("digits")
    grids = resample(digits.values.reshape(-1, *digits.reference_shape, 1)[:n], (28, 28))
    values = torch.from_numpy(2 * grids.reshape(n, -1, 1) - 1)
    coords = torch.from_numpy(grid_coords((28, 28)))

    def ours(plan: Plan) -> None:
        def problem_of(rows: slice) -> Regression:
            return Regression(
                siren=network, coords=coords, values=values[rows], weights=None, units=torch.tensor([0.5])
            )

        def start_of(rows: slice) -> torch.Tensor:
            return network.initial(1, torch.Generator().manual_seed(0)).repeat(rows.stop - rows.start, 1)

        fitted = fit_all(problem_of, start_of, plan, n=n, chunk=16, resume=None, report=base.silent)
        assert (fitted["psnr_db"] >= plan.psnr_db).mean() > 0.98

    def one_at_a_time(psnr_db: float) -> None:
        for i in range(some):
            vector = network.initial(1, torch.Generator().manual_seed(i)).requires_grad_(True)
            optimiser = torch.optim.Adam([vector], lr=2e-3)
            enough, loss = 4 * 10 ** (-psnr_db / 10), torch.inf
            while loss > enough:
                optimiser.zero_grad()
                error = (network(vector, coords) - values[i]).square().mean()
                error.backward()
                optimiser.step()
                loss = error.item()

    rows = []
    for psnr_db, steps, corrections in ((30, 40, 0), (40, 60, 0), (50, 80, 0), (80, 20, 6)):
        plan = Plan(
            steps=steps,
            learning_rate=2e-3,
            final_learning_rate=5e-4,
            corrections=corrections,
            psnr_db=psnr_db,
            check_every=5,
        )
        taken, ratio, spread = compared(
            lambda: ours(plan),  # noqa: B023 (called in this turn)
            lambda: one_at_a_time(psnr_db),  # noqa: B023
            share=some / n,
            rounds=5,
        )
        rows.append(
            row(name, f"to {psnr_db} dB", 1000 * taken / n, "ms/signal", "one network at a time", ratio, spread)
        )
    return [*rows, row("fit 28x28 1x8", "peak memory, 60,000 signals", _peak_mib("fit_many"), "MiB")]


def fit_many() -> None:
    """The work whose memory is measured: 60,000 images, fitted shortly."""
    images, method = _images(60_000), base.get("siren")
    config = method.config(overrides={"widths": [8], "steps": 2, "start": "random", "standards": 16})
    method.encode(method.train(config, images, seed=0), Observations(images))


BENCHMARKS: dict[str, Callable[[], list[Row]]] = {"encode": encode, "siren": siren, "functa": functa}
