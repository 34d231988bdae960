"""Functa: one network shared by all signals, and a latent for each that shifts its sines (MedFuncta)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch

from explorer.artifacts import Arrays, Artifact
from explorer.codes import Checkpoint, Domain
from explorer.fitting import draws, minimise
from explorer.messages import Progress
from explorer.nets import cavia
from explorer.nets.blocks import blocks, part
from explorer.nets.derivative import derivative
from explorer.nets.modulated import ModulatedSiren, Parameters
from explorer.nets.precision import matmul_dtype
from explorer.nets.samples import Samples, source_of
from explorer.nets.warm import parameters_of
from explorer.observations import Batch, Observations
from explorer.representations.base import (
    FUNCTION,
    Pointwise,
    Report,
    check_domain,
    check_fields,
    domain_of,
    fine_grids,
    silent,
    training_grids,
)
from explorer.signals import SignalSet

# How much is fitted and decoded at a time, so that memory is bounded for any set.
_FIT_POINTS = 2**20
_DECODE_ACTIVATIONS = 2**22


@dataclass(frozen=True, kw_only=True)
class FunctaConfig:
    """A modulated SIREN, its meta-learning, and the fit of latents.

    Args:
        latent: numbers that stand for a signal.
        width: outputs of each sine layer.
        layers: linear maps of the network, the output's included.
        omega_1: frequency of the first sine layer.
        omega_k: frequency of the last; those between lie on a straight line.
        skip: whether each sine layer but the first is added to its input.
        offset: added to the output, whose values lie in [0, 1].
        resolutions: sizes of the grids seen in training, one drawn for each step; none for 1/2, 1 and 3/2 times the
            signals' own, so that the functions are smooth between samples.
        across: whether latents that are fitted on one grid are asked for on another, no coarser than the signals' own,
            so that every grid must give the same function; else they are asked for where they were fitted.
        context: samples that an inner step of the training looks at, at random or those with the largest gradient.
        context_ratio: the share of the samples that it looks at.
        inner_steps: steps of a latent's fit in training.
        inner_rate: learning rate of a latent's fit, in training and after.
        first_order: leave out the second-order terms of the meta-gradient.
        fit_steps: steps of a latent's fit after training.
        fit_ratio: share of the samples that such a step looks at, at least 64, one share after the other; the last
            three steps look at all of them.
        fit_momentum: what share of a move of such a fit is made once more, at most (Nesterov); the released fits take
            longer steps instead, and end a little lower. It fits closer, and codes stray more between resolutions.
        thin: whether a grid finer than all that training saw is fitted on as many of its samples as the finest of them
            has, so that a fit's cost has a limit.
        batch: signals in a step.
        steps: steps of the training.
        learning_rate: of the shared parameters at the start; it falls to 0 by cosine.
        weight_decay: of the shared parameters.
        clip: the largest norm of a step's gradient.
    """

    latent: int = 64
    width: int = 64
    layers: int = 5
    omega_1: float = 10.0
    omega_k: float = 30.0
    skip: bool = True
    offset: float = 0.5
    resolutions: tuple[int, ...] = ()
    across: bool = True
    context: Literal["random", "gradient"] = "random"
    context_ratio: float = 0.25
    inner_steps: int = 10
    inner_rate: float = 0.1
    first_order: bool = False
    fit_steps: int = 20
    fit_ratio: float = 1.0
    fit_momentum: float = 0.0
    thin: bool = True
    batch: int = 32
    steps: int = 2000
    learning_rate: float = 3e-4
    weight_decay: float = 0.0
    clip: float = 1.0

    def __post_init__(self):
        check_fields(
            self,
            (("latent",), 1, 2**20),
            (("width", "batch", "resolutions"), 1, 4096),
            (("layers",), 2, 64),
            (("inner_steps", "fit_steps"), 1, 1000),
            (("steps",), 1, 10**9),
            (("omega_1", "omega_k", "inner_rate", "learning_rate", "clip"), 1e-9, 1e4),
            (("weight_decay", "offset"), 0, 1),
            (("fit_momentum",), 0, 0.99),
            (("context_ratio", "fit_ratio"), 1e-6, 1),
        )

    def grids(self, domain: Domain) -> list[tuple[int, ...]]:
        """The grids seen in training."""
        return training_grids(domain, self.resolutions, (0.5, 1.5))


def _medfuncta(
    size: int,
    *,
    latent: int,
    batch: int,
    ratio: float = 0.25,
    layers: int = 15,
    width: int = 256,
    omega_k: float = 75.0,
) -> FunctaConfig:
    """The released configurations, which differ in these numbers alone."""
    return FunctaConfig(
        latent=latent,
        width=width,
        layers=layers,
        omega_k=omega_k,
        resolutions=(size,),
        context_ratio=ratio,
        inner_rate=1e-2,
        fit_ratio=0.25,
        fit_momentum=0.7,
        across=False,
        thin=False,
        batch=batch,
        steps=1_000_000,
        learning_rate=3e-6,
        weight_decay=1e-2,
    )


class Functa(Pointwise):
    """Meta-learned latents ("MedFuncta: a unified framework for learning efficient medical neural fields").

    Codes are ``latents`` [n, latent]. Values are brought to [0, 1] by the domain's range. Coordinates are cell centres,
    so that grids of all sizes speak of the same places; the released code puts its outermost samples on the edges.
    """

    name = "functa"
    spaces = ("code", FUNCTION)
    amortised = True
    points = ("latents",)
    Config = FunctaConfig
    presets = {
        "default": FunctaConfig(),
        "medfuncta-1d": _medfuncta(187, latent=64, batch=64, ratio=1.0, layers=8, width=64, omega_k=70.0),
        "medfuncta-2d-64": _medfuncta(64, latent=2048, batch=24),
        "medfuncta-2d-128": _medfuncta(128, latent=8192, batch=8),
        "medfuncta-2d-224": _medfuncta(224, latent=16384, batch=4, ratio=0.1),
        "medfuncta-3d": _medfuncta(32, latent=8192, batch=4),
    }

    def train(
        self,
        config: FunctaConfig,
        signals: SignalSet,
        *,
        seed: int,
        resume: Artifact | None = None,
        report: Report = silent,
    ) -> Checkpoint:
        domain, grids = domain_of(signals), config.grids(domain_of(signals))
        fine = fine_grids(grids, domain)
        net, source, dtype = _net(config, domain), source_of(signals, self.device), matmul_dtype(self.device)
        initial = net.initial(torch.Generator().manual_seed(seed))
        parameters = {name: tensor.to(self.device) for name, tensor in initial.items()}
        n = len(signals)

        def loss_at(step: int) -> torch.Tensor:
            rng = draws(seed, step)
            rows = rng.choice(n, min(config.batch, n), replace=False)
            grid = grids[rng.integers(len(grids))]
            whole = _scaled(source.draw(rows, grid, 0, rng), domain)
            asked = whole
            if config.across:
                asked = _scaled(source.draw(rows, fine[rng.integers(len(fine))], 0, rng), domain)
            count = max(1, round(config.context_ratio * whole.values.shape[1]))

            def context_at(step: int, latents: torch.Tensor) -> Samples:
                if config.context == "gradient":
                    return cavia.steepest(net, parameters, latents, whole, count)
                return _scaled(source.draw(rows, grid, count, rng), domain)

            return cavia.meta_loss(
                net,
                parameters,
                context_at,
                asked,
                steps=config.inner_steps,
                rate=config.inner_rate,
                first_order=config.first_order,
                dtype=dtype,
            )

        minimise(
            parameters,
            loss_at,
            steps=config.steps,
            learning_rate_at=lambda step: config.learning_rate * (1 + math.cos(math.pi * step / config.steps)) / 2,
            weight_decay=config.weight_decay,
            clip=config.clip,
            resume=resume,
            report=report,
            metrics=lambda loss: {"psnr_db": _psnr_db(loss)},
        )
        latents = self._fit(config, domain, parameters, Observations(signals), report)
        arrays = {name: tensor.cpu().numpy() for name, tensor in parameters.items()}
        arrays |= {"code.mean": latents.mean(0), "code.scale": 1 / np.maximum(latents.std(0), 1e-6)}
        resolutions = [list(grid) for grid in grids]
        return self.checkpoint(config, signals, arrays, seed=seed, resolutions=resolutions, steps=config.steps)

    def encode(
        self, checkpoint: Checkpoint, observations: Observations, *, seed: int = 0, report: Report = silent
    ) -> dict[str, np.ndarray]:
        domain = checkpoint.domain
        check_domain(domain, observations.signals)
        config, parameters = self.config(overrides=checkpoint.config), parameters_of(checkpoint, self.device)
        return {"latents": self._fit(config, domain, parameters, observations, report)}

    def slopes(self, checkpoint: Checkpoint, codes: Arrays, coords: np.ndarray, orders: Sequence[int]) -> np.ndarray:
        domain, latents = checkpoint.domain, codes["latents"]
        net = _net(self.config(overrides=checkpoint.config), domain)
        low, high = domain.value_range
        values = np.empty((len(latents), coords.shape[-2], domain.m), np.float32)
        with torch.no_grad():
            folded = net.fold(parameters_of(checkpoint, self.device), torch.float32)
            for rows, points in blocks(*values.shape[:2], _DECODE_ACTIVATIONS // net.width):
                function = partial(net.values, folded, net.shifts(folded, self._tensor(latents[rows])))
                decoded = derivative(function, self._tensor(part(coords, rows, points)), orders)
                values[rows, points] = decoded.cpu().numpy()
        return values * np.float32(high - low) + np.float32(0 if any(orders) else low)

    def code_vectors(self, checkpoint: Checkpoint, codes: Arrays, space: str) -> np.ndarray:
        return (codes["latents"] - checkpoint.arrays["code.mean"]) * checkpoint.arrays["code.scale"]

    def _fit(
        self, config: FunctaConfig, domain: Domain, parameters: Parameters, observations: Observations, report: Report
    ) -> np.ndarray:
        """Latents from 0 by ``fit_steps`` steps on all samples: float32 [n, latent]."""
        net, n = _net(config, domain), len(observations)
        latents = np.empty((n, config.latent), np.float32)
        kept = _thinned(config, domain, observations) if config.thin else None
        with torch.no_grad():
            folded = net.fold(parameters, matmul_dtype(self.device))
            for rows, batch in observations.batches(_FIT_POINTS):
                samples = _scaled(self._samples(batch, kept), domain)

                def heard(step: int, losses: torch.Tensor, rows: slice = rows) -> None:
                    done = rows.start + (rows.stop - rows.start) * (step + 1) / config.fit_steps
                    psnr_db = sum(map(_psnr_db, losses.tolist())) / len(losses)
                    report(Progress(step=int(done), total=n, message="fitting", metrics={"psnr_db": psnr_db}))

                fitted = cavia.fit(
                    net,
                    folded,
                    samples,
                    steps=config.fit_steps,
                    rate=config.inner_rate,
                    ratio=config.fit_ratio,
                    momentum=config.fit_momentum,
                    heard=heard,
                )
                latents[rows] = fitted.cpu().numpy()
        return latents

    def _samples(self, batch: Batch, kept: np.ndarray | None) -> Samples:
        coords, values, weights = batch.coords, batch.values, batch.weights
        if kept is not None and weights is None:
            coords, values = coords[kept], values[:, kept]
        return Samples(self._tensor(coords), self._tensor(values), None if weights is None else self._tensor(weights))

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.tensor(array, dtype=torch.float32, device=self.device)


def _net(config: FunctaConfig, domain: Domain) -> ModulatedSiren:
    return ModulatedSiren(
        d=domain.d,
        m=domain.m,
        width=config.width,
        layers=config.layers,
        latent=config.latent,
        omega_1=config.omega_1,
        omega_k=config.omega_k,
        skip=config.skip,
        offset=config.offset,
    )


def _thinned(config: FunctaConfig, domain: Domain, observations: Observations) -> np.ndarray | None:
    """Positions of the samples nearest to those of the finest grid in training; None where there are no more."""
    finest, size = max(config.grids(domain), key=math.prod), observations.sampling.size
    if not observations.sampling.is_grid or observations.points <= math.prod(finest):
        return None
    nearest = [((np.arange(few) + 0.5) * many / few).astype(int) for few, many in zip(finest, size, strict=True)]
    return np.ravel_multi_index(np.ix_(*map(np.unique, nearest)), size).ravel()


def _scaled(samples: Samples, domain: Domain) -> Samples:
    """The samples with values in [0, 1]."""
    low, high = domain.value_range
    return samples._replace(values=(samples.values - low) / (high - low))


def _psnr_db(loss: float) -> float:
    return -10 * math.log10(max(loss, 1e-12))
