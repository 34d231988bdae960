"""Siren: a network for each signal."""

import torch

from explorer.bench import Row, blocks, compared, peak_mib, row
from explorer.fits import Plan, fit_all
from explorer.grids import grid_coords, resample
from explorer.nets.regression import Regression
from explorer.nets.siren import Siren
from explorer.observations import Observations
from explorer.readers import load
from explorer.representations import base

_SIGNALS, _SINGLES, _MANY = 256, 8, 60_000
_PLANS = (  # PSNR, steps, first and last learning rate, corrections
    (30, 40, 2e-3, 5e-4, 0),
    (40, 24, 3e-3, 3e-4, 0),
    (50, 36, 3e-3, 3e-4, 0),
    (80, 20, 2e-3, 5e-4, 6),
)


def run() -> list[Row]:
    """Digits of 28 x 28, a SIREN of 3 x 64 for each, against a plain loop over the same networks.

    Both start from fresh networks and look at all pixels. The loop is torch's own Adam at the learning rate that
    reaches 40 dB soonest, of 5e-4, 1e-3, 2e-3 and 3e-3; it stops at the very step that gets there.
    """
    name, n, some = "fit 28x28 3x64", _SIGNALS, _SINGLES
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

        fitted = fit_all(problem_of, start_of, plan, n=n, chunk=8, resume=None, report=base.silent)
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
    for psnr_db, steps, first, last, corrections in _PLANS:
        plan = Plan(
            steps=steps,
            learning_rate=first,
            final_learning_rate=last,
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
    return [*rows, row("fit 28x28 1x8", f"peak memory, {_MANY:,} signals", peak_mib("siren.fit_many"), "MiB")]


def fit_many() -> None:
    """The work whose memory is measured: images, fitted shortly."""
    images, method = blocks(_MANY), base.get("siren")
    config = method.config(overrides={"widths": [8], "steps": 2, "start": "random", "standards": 16})
    method.encode(method.train(config, images, seed=0), Observations(images))
