"""One SIREN for each signal, from a common start.

Source: "Implicit Neural Representation as vectorizer for classification task applied to diverse data structures".
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from explorer.artifacts import Arrays, Artifact
from explorer.codes import Checkpoint, Domain
from explorer.errors import InvalidInput
from explorer.fits import FitConfig, Plan, fit, fit_all
from explorer.interpolation import Units
from explorer.messages import Progress
from explorer.nets.regression import Regression
from explorer.nets.siren import CONVENTION, Siren
from explorer.nets.standards import standardised, standards
from explorer.observations import Observations
from explorer.representations.base import (
    FUNCTION,
    Fitted,
    Networks,
    Pointwise,
    Report,
    check_domain,
    check_fields,
    domain_of,
    silent,
    unkept,
)
from explorer.signals import SignalSet

_SOLVABLE = 2048  # unknowns of a second-order correction, for each signal
_ACTIVATIONS = 2**26  # numbers that the layers of a chunk may hold
_META_STEPS = 8  # of Adam, for each signal, before the start follows them


@dataclass(frozen=True, kw_only=True)
class SirenConfig(FitConfig):
    """What can be chosen about the networks and their fits. The defaults are ours; see ``presets`` for the paper's.

    Args:
        widths: outputs of each sine layer.
        omega_0: frequency of the first sine layer: how fine the detail it can follow.
        hidden_omega: frequency of the others.
        sigmoid: whether values pass through a sigmoid.
        standardise: whether channels are brought to mean 0 and deviation 1 over the training set; else their lowest and
            highest values to -1 and 1 (0 and 1 with a sigmoid).
        start: where all fits begin: at ``random`` weights; at the ``mean`` of the networks of a few samples, as in the
            paper; or at weights learned so that few steps lead far (``meta``; Nichol et al. 2018).
        start_samples: samples of each class that the mean is taken of; ten times as many in all without labels.
        meta_rounds: rounds of learning the start, of one chunk of signals each.
        corrections: second-order steps after those of Adam. Each takes as long as ten of Adam and can double the dB.
        points: samples of each signal that a step of Adam looks at, others at each; 0 for all.
        standards: training signals that are fitted to learn which weights vary, and how much.
    """

    widths: tuple[int, ...] = (32, 32)
    omega_0: float = 10.0
    hidden_omega: float = 10.0
    sigmoid: bool = False
    standardise: bool = False
    start: Literal["random", "mean", "meta"] = "mean"
    start_samples: int = 2
    meta_rounds: int = 100
    steps: int = 40
    learning_rate: float = 3e-3
    final_learning_rate: float = 1e-3
    corrections: int = 0
    warm_steps: int = 6
    points: int = 4096
    standards: int = 200

    def __post_init__(self):
        super().__post_init__()
        check_fields(self, (("widths",), 1, 2**16))
        if not self.widths:
            raise InvalidInput("Got no widths; expected one sine layer or more.")
        if self.standardise and self.sigmoid:
            raise InvalidInput("Got standardise with sigmoid, whose values end at 0 and 1; expected one of them.")

    def plan_of(self, steps: int, first: float, last: float, **others: Any) -> Plan:
        return super().plan_of(steps, first, last, corrections=self.corrections, **others)


_FINE = SirenConfig(widths=(64, 64, 64), omega_0=30.0, hidden_omega=30.0)
# Networks of about a hundred weights, as small sets of small signals and their weight spaces want them.
_COMPACT = SirenConfig(
    widths=(8, 8), start="meta", steps=60, learning_rate=1e-2, final_learning_rate=3e-3, warm_steps=8
)
_PAPER = SirenConfig(
    widths=(128, 64),
    omega_0=30.0,
    hidden_omega=1.0,
    sigmoid=True,
    steps=500,
    learning_rate=1e-3,
    final_learning_rate=1e-3,
)


class SirenFits(Fitted, Networks, Pointwise):
    """Networks of their own for all signals, whose weights are the code.

    Codes are ``weights`` [n, K] as ``Siren.layout`` orders them, ``psnr_db`` [n] and ``steps`` [n] of each fit, and
    ``snapshots`` [n, S, K] where the configuration asks for them.
    """

    name = "siren"
    spaces = ("code", FUNCTION)
    amortised = False
    points = ("weights",)
    Config = SirenConfig
    presets = {
        "default": SirenConfig(),
        "compact": _COMPACT,
        "exact": dataclasses.replace(_FINE, steps=20, corrections=4, psnr_db=80.0),
        "pictures": dataclasses.replace(_FINE, start="random", steps=1000, final_learning_rate=1e-5, standards=20),
        "paper-best": _PAPER,
        "paper-siren": dataclasses.replace(_PAPER, widths=(64,) * 5, sigmoid=False),
    }

    def train(
        self,
        config: SirenConfig,
        signals: SignalSet,
        *,
        seed: int,
        resume: Artifact | None = None,
        report: Report = silent,
    ) -> Checkpoint:
        domain, rng, heard = domain_of(signals), np.random.default_rng(seed), unkept(report)
        shift, scale = _scaling(config, signals)
        fitting = _Fitting(config, domain, shift, scale, self.device)
        start = fitting.siren.initial(1, torch.Generator().manual_seed(seed))[0].numpy()
        quiet = dataclasses.replace(config.plan, snapshots=())
        if config.start == "mean":
            few = signals[_of_each_class(signals, config.start_samples, rng)]
            start = fitting.run(Observations(few), start, quiet, seed, None, heard)["networks"].mean(0)
        elif config.start == "meta":
            start = fitting.learn_start(signals, start, seed, resume, report)
        known = signals[np.sort(rng.permutation(len(signals))[: config.standards])]
        weights = fitting.run(Observations(known), start, quiet, seed, None, heard)["networks"]
        arrays = {"start": start, "values.shift": shift, "values.scale": scale, **standards(weights)}
        return self.checkpoint(config, signals, arrays, seed=seed, convention=CONVENTION)

    def encode(
        self,
        checkpoint: Checkpoint,
        observations: Observations,
        *,
        seed: int = 0,
        resume: Artifact | None = None,
        start: Arrays | None = None,
        report: Report = silent,
    ) -> dict[str, np.ndarray]:
        """Code arrays; with ``start``, codes of the same signals at another resolution, fits go on from there."""
        check_domain(checkpoint.domain, observations.signals)
        fitting = self._fitting(checkpoint)
        first, plan = checkpoint.arrays["start"], fitting.config.plan
        if start is not None:
            first, plan = start["weights"], fitting.config.warm_plan
        codes = fitting.run(observations, first, plan, seed, resume, report)
        return {"weights": codes.pop("networks"), **codes}

    def slopes(self, checkpoint: Checkpoint, codes: Arrays, coords: np.ndarray, orders: Sequence[int]) -> np.ndarray:
        values = self._fitting(checkpoint).siren.decode(codes["weights"], coords, self.device, orders)
        return values * checkpoint.arrays["values.scale"] + (0 if any(orders) else checkpoint.arrays["values.shift"])

    def code_vectors(self, checkpoint: Checkpoint, codes: Arrays, space: str) -> np.ndarray:
        return standardised(codes["weights"], checkpoint.arrays)

    def layers(self, checkpoint: Checkpoint) -> tuple[str, ...]:
        return tuple(map(str, range(self._fitting(checkpoint).siren.layers)))

    def parameters(self, checkpoint: Checkpoint, codes: Arrays) -> dict[str, np.ndarray]:
        return self._fitting(checkpoint).siren.layout.named(codes["weights"])

    def networks(self, checkpoint: Checkpoint, parameters: Arrays) -> dict[str, np.ndarray]:
        return {"weights": self._fitting(checkpoint).siren.layout.vectors(parameters)}

    def symmetry(self, checkpoint: Checkpoint) -> tuple[Units, ...]:
        return self._fitting(checkpoint).siren.symmetry

    def _fitting(self, checkpoint: Checkpoint) -> "_Fitting":
        if (said := checkpoint.training.get("convention")) != CONVENTION:
            raise InvalidInput(f"Got a checkpoint of SIRENs in the convention {said!r}; expected {CONVENTION!r}.")
        arrays = checkpoint.arrays
        config = self.config(overrides=checkpoint.config)
        return _Fitting(config, checkpoint.domain, arrays["values.shift"], arrays["values.scale"], self.device)


class _Fitting:
    """The fits of one configuration to signals of one domain.

    Args:
        shift, scale: float32 [m], what brings values to about -1 to 1: (values - shift) / scale.
    """

    def __init__(self, config: SirenConfig, domain: Domain, shift: np.ndarray, scale: np.ndarray, device: str):
        self.config, self.shift, self.scale, self.device = config, shift, scale, device
        self.siren = Siren(
            d=domain.d,
            m=domain.m,
            widths=tuple(config.widths),
            omega_0=config.omega_0,
            hidden_omega=config.hidden_omega,
            sigmoid=config.sigmoid,
        )
        low, high = domain.value_range
        self._units = torch.from_numpy(scale / np.float32(high - low)).to(device)

    def run(
        self,
        observations: Observations,
        start: np.ndarray,
        plan: Plan,
        seed: int,
        resume: Artifact | None,
        report: Report,
    ) -> dict[str, np.ndarray]:
        """``fit_all`` of observations, from one start [K] or one for each [n, K]."""
        self._affordable(observations)

        return fit_all(
            lambda rows: self._problem(observations, rows, seed),
            start,
            plan,
            n=len(observations),
            device=self.device,
            chunk=self._chunk(observations.points),
            resume=resume,
            report=report,
        )

    def learn_start(
        self, signals: SignalSet, start: np.ndarray, seed: int, resume: Artifact | None, report: Report
    ) -> np.ndarray:
        """A start from which few steps lead far: it follows the mean of short fits (Reptile, Nichol et al. 2018)."""
        rounds, first = self.config.meta_rounds, 0
        if resume is not None:
            start, first = resume.arrays["start"], int(resume.meta["round"])
        short = dataclasses.replace(
            self.config.plan, steps=_META_STEPS, corrections=0, snapshots=(), check_every=_META_STEPS
        )
        observations = Observations(signals)
        size = min(self._chunk(observations.points), len(signals))
        for round in range(first, rounds):
            rows = np.sort(np.random.default_rng((seed, round)).permutation(len(signals))[:size])
            problem = self._problem(observations, rows, seed)
            fitted = fit(problem, torch.tensor(start, device=self.device).repeat(size, 1), short)
            towards = fitted.networks.mean(0).cpu().numpy()
            start = start + np.float32(1 - round / rounds) * (towards - start)
            report(
                Progress(
                    step=round + 1,
                    total=rounds,
                    message="learning the start",
                    metrics={"psnr_db": float(fitted.psnr_db.mean())},
                ),
                state=lambda: Artifact("training", {"start": start}, {"round": round + 1}),  # noqa: B023
            )
        return start

    def _problem(self, observations: Observations, rows: slice | np.ndarray, seed: int) -> Regression:
        batch = observations.batch(rows)
        return Regression(
            siren=self.siren,
            coords=torch.from_numpy(np.ascontiguousarray(batch.coords)).to(self.device),
            values=torch.from_numpy((batch.values - self.shift) / self.scale).to(self.device),
            weights=None if batch.weights is None else torch.from_numpy(batch.weights).to(self.device),
            units=self._units,
            points=self.config.points,
            seed=seed,
        )

    def _chunk(self, points: int) -> int:
        drawn = min(points, self.config.points or points)
        return max(1, min(self.config.chunk, _ACTIVATIONS // (drawn * sum(self.siren.widths))))

    def _affordable(self, observations: Observations) -> None:
        values, weights = observations.points * self.siren.m, self.siren.layout.size
        if self.config.corrections and min(values, weights) > _SOLVABLE:
            raise InvalidInput(
                f"Got {self.config.corrections} corrections for networks of {weights} weights and signals of {values} "
                f"values; expected at most {_SOLVABLE} of either. Set corrections to 0 and take more steps."
            )


def _scaling(config: SirenConfig, signals: SignalSet) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale of each channel: float32 [m]. A constant channel keeps its size."""
    low, high = signals.decoded(np.stack([np.nanmin(signals.values, 0), np.nanmax(signals.values, 0)]))
    if config.standardise:
        shift, scale = _moments(signals)
    elif config.sigmoid:
        shift, scale = low, high - low
    else:
        shift, scale = (low + high) / 2, (high - low) / 2
    return shift.astype(np.float32), np.where(high > low, scale, 1).astype(np.float32)


def _moments(signals: SignalSet) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each channel, in float64 and in blocks, for sums of millions of values."""
    total, squares, count = np.zeros(signals.m), np.zeros(signals.m), np.zeros(signals.m)
    for part in np.array_split(signals.values, math.ceil(len(signals.values) / 2**20)):
        values = signals.decoded(part).astype(np.float64)
        total += np.nansum(values, 0)
        squares += np.nansum(values**2, 0)
        count += (~np.isnan(values)).sum(0)
    mean = total / count
    return mean, np.sqrt(np.maximum(squares / count - mean**2, 0))


def _of_each_class(signals: SignalSet, each: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of ``each`` signals of every class, or of ten times as many where there are no labels."""
    order = rng.permutation(len(signals))
    if signals.labels is None or (signals.labels < 0).all():
        return np.sort(order[: 10 * each])
    labels = signals.labels[order]
    return np.sort(np.concatenate([order[labels == c][:each] for c in np.unique(labels[labels >= 0])]))
