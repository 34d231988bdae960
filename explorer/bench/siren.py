"""Siren: a network for each signal."""

from dataclasses import replace
from typing import NamedTuple

import torch

from explorer.bench import Row, blocks, compared, peak_mib, row
from explorer.fits import Plan, fit, fit_all
from explorer.grids import grid_coords, resample
from explorer.nets.regression import Regression
from explorer.nets.siren import Siren
from explorer.observations import Observations
from explorer.readers import load
from explorer.representations import base

_SIGNALS, _SINGLES, _MANY = 256, 8, 60_000
_START = Plan(steps=24, learning_rate=3e-3, final_learning_rate=3e-4)


class _Goal(NamedTuple):
    """A PSNR, how we fit until it is reached, and the learning rate and betas by which the loop is there soonest."""

    metric: str
    psnr_db: float
    plan: Plan
    points: int
    from_mean: bool
    loop: tuple[float, tuple[float, float]]


def _plan(steps: int, check: int, rate: float = 1.5e-3, corrections: int = 0) -> Plan:
    last = rate / 10
    return Plan(steps=steps, learning_rate=rate, final_learning_rate=last, check_every=check, corrections=corrections)


_QUICK, _SLOW, _LATE = (2e-3, (0.8, 0.95)), (1e-3, (0.8, 0.95)), (2e-3, (0.9, 0.999))
_GOALS = (
    _Goal("to 30 dB", 30, _plan(16, 14), 261, True, _QUICK),
    _Goal("to 40 dB", 40, _plan(28, 24), 261, True, _QUICK),
    _Goal("to 40 dB, fresh start", 40, _plan(36, 32, 2.5e-3), 261, False, _QUICK),
    _Goal("to 50 dB", 50, _plan(40, 34), 261, True, _SLOW),
    _Goal("to 80 dB, fresh start", 80, _plan(20, 20, 2e-3, corrections=6), 0, False, _LATE),
)


def run() -> list[Row]:
    """Digits of 28 x 28, a SIREN of 3 x 64 for each, against a plain loop over the same networks.

    All ours begin at one start: the network of the digits' mean, whose fit is part of the time, or a fresh one. A step
    looks at a third of the pixels, the next at others; PSNR is that of all pixels. The loop, from a fresh network for
    each digit, is torch's own Adam on all pixels, with the learning rate, of 1e-3, 2e-3, 3e-3 and 5e-3, and the betas,
    of (0.9, 0.999), (0.9, 0.99) and (0.8, 0.95), that take the fewest steps; it stops at the very step that gets there.
    """
    name, n, some = "fit 28x28 3x64", _SIGNALS, _SINGLES
    network = Siren(d=2, m=1, widths=(64, 64, 64))
    digits = load("digits")
    grids = resample(digits.values.reshape(-1, *digits.reference_shape, 1)[:n], (28, 28))
    values = torch.from_numpy(2 * grids.reshape(n, -1, 1) - 1)
    coords = torch.from_numpy(grid_coords((28, 28)))

    def regression(values: torch.Tensor, points: int = 0) -> Regression:
        units = torch.tensor([0.5])
        return Regression(siren=network, coords=coords, values=values, weights=None, units=units, points=points)

    def ours(goal: _Goal) -> None:
        start = network.initial(1, torch.Generator().manual_seed(0))
        if goal.from_mean:
            start = fit(regression(values.mean(0, keepdim=True)), start, _START).networks
        fitted = fit_all(
            lambda rows: regression(values[rows], goal.points),
            start[0].numpy(),
            replace(goal.plan, psnr_db=goal.psnr_db),
            n=n,
            chunk=8,
            device="cpu",
            resume=None,
            report=base.silent,
        )
        assert (fitted["psnr_db"] >= goal.psnr_db).mean() > 0.98

    def one_at_a_time(goal: _Goal) -> None:
        rate, betas = goal.loop
        for i in range(0, n, n // some):
            vector = network.initial(1, torch.Generator().manual_seed(i)).requires_grad_(True)
            optimiser = torch.optim.Adam([vector], lr=rate, betas=betas)
            enough, loss = 4 * 10 ** (-goal.psnr_db / 10), torch.inf
            while loss > enough:
                optimiser.zero_grad()
                error = (network(vector, coords) - values[i]).square().mean()
                error.backward()
                optimiser.step()
                loss = error.item()

    rows = []
    for goal in _GOALS:
        taken, ratio, spread = compared(
            lambda: ours(goal),  # noqa: B023 (called in this turn)
            lambda: one_at_a_time(goal),  # noqa: B023
            share=some / n,
            rounds=5,
        )
        rows.append(row(name, goal.metric, 1000 * taken / n, "ms/signal", "one network at a time", ratio, spread))
    return [*rows, row("fit 28x28 1x8", f"peak memory, {_MANY:,} signals", peak_mib("siren.fit_many"), "MiB")]


def fit_many() -> None:
    """The work whose memory is measured: images, fitted shortly."""
    images, method = blocks(_MANY), base.get("siren")
    config = method.config(overrides={"widths": [8], "steps": 2, "start": "random", "standards": 16})
    method.encode(method.train(config, images, seed=0), Observations(images))
