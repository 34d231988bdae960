"""Signals as convolution operators that act on positional encodings (O-INR).

Source: "Operator-theoretic implicit neural representation".
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from explorer.artifacts import Arrays, Artifact
from explorer.codes import Checkpoint, Domain
from explorer.errors import InvalidInput
from explorer.fits import FitConfig, Plan, fit_all, spread
from explorer.fitting import minimise
from explorer.grids import resample_known
from explorer.interpolation import Units, linear, mean
from explorer.messages import Progress
from explorer.nets.derivative import derivative
from explorer.nets.kernels import Continuous, Discrete, Kernel, Released
from explorer.nets.lattice import Encoding, Lattice, levels_within
from explorer.nets.operator import Operator
from explorer.nets.operator_fits import OperatorFits, Points, Target, tiles
from explorer.nets.precision import matmul_dtype
from explorer.nets.standards import standardised, standards
from explorer.observations import Observations, uniform
from explorer.representations.base import (
    FUNCTION,
    Differentiable,
    Fitted,
    Networks,
    Report,
    check_domain,
    check_fields,
    silent,
    unkept,
)
from explorer.signals import SignalSet

_ACTIVATIONS = 2**26  # numbers that the layers of a chunk may hold
_RENDERED = 2**24  # the same where no gradient is kept
_FINEST = 8  # cells between two nodes of a kernel; renders that are finer are interpolated
_AT_ONCE = 64  # grids that are interpolated at a time
_SEARCH = 4  # places that are tried between two frames of a sequence


@dataclass(frozen=True, kw_only=True)
class OInrConfig(FitConfig):
    """What can be chosen about the operators and their fits. The defaults are ours; see ``presets`` for the paper's.

    Args:
        widths: channels of each sine layer.
        levels: frequencies of the encoding along each axis, each twice the one before.
        capped: whether levels that the signals' grid cannot carry (Nyquist) are left out.
        noise: whether one more channel of the encoding is noise, drawn once and kept with the checkpoint.
        bias: whether layers have one.
        kernel: ``continuous``, a function of distance that acts alike at every resolution; ``discrete``, a weight for
            each neighbouring sample; ``released``, the kernel network of the paper's code.
        nodes: samples of the kernel along each axis.
        pitch: distance between them, in samples of the signals' own grid at the coarsest of the scales; for the
            continuous kernel.
        gain: size of the first weights, against those of the paper's code.
        sobel: whether derivatives of the encoding are Sobel's, as in the paper's code, and not exact.
        start: where fits begin: all at the same ``random`` weights; at the ``mean`` of the networks of a few signals;
            or each at weights of its ``own``, as in the paper.
        start_samples: signals that the mean is taken of.
        scales: shares of the observed resolution at which signals are fitted too, in turn with all of it.
        crop: samples along each axis that a step looks at, a box drawn afresh; 0 for all.
        early: share of the steps, the first, that fit the kernels' middle nodes alone, to scattered samples; the others
            then go from a fifth of the final learning rate to a fiftieth, so as not to undo that. 0 for none.
        early_cells: signals of at most so many cells are fitted without such steps. Larger ones, of which a box shows
            little, are learned far sooner with them.
        early_rate: the learning rate at the first of them.
        scattered: samples that each of them looks at.
        holdout: share of the samples that fits do not see; a fit then ends with the network that is best at those.
        check_every: steps between looks at the PSNR.
        standards: training signals that are fitted to learn which weights vary, and how much; with 0 vectors are the
            weights' differences from the common start.
        sequence: whether one operator stands for all signals in their order, each at a shift of the encoding of its own
            (eq. 8), which then is its code.
        first_shift: of the first signal of a sequence.
        last_shift: one past the last.
        batch: signals of a sequence that a step looks at; 0 for all.
    """

    widths: tuple[int, ...] = (8, 8)
    levels: int = 10
    capped: bool = True
    noise: bool = False
    bias: bool = False
    kernel: Literal["continuous", "discrete", "released"] = "continuous"
    nodes: int = 3
    pitch: float = 1.0
    gain: float = 2.0
    sobel: bool = False
    start: Literal["random", "mean", "own"] = "mean"
    start_samples: int = 20
    steps: int = 60
    learning_rate: float = 2e-2
    final_learning_rate: float = 1e-3
    warm_steps: int = 10
    scales: tuple[float, ...] = (1.0,)
    crop: int = 0
    early: float = 0.0
    early_cells: int = 2**17
    early_rate: float = 2e-2
    scattered: int = 4096
    holdout: float = 0.0
    check_every: int = 10
    standards: int = 200
    chunk: int = 32
    sequence: bool = False
    first_shift: float = 0.0
    last_shift: float = 1.0
    batch: int = 4

    def __post_init__(self):
        super().__post_init__()
        check_fields(
            self,
            (("widths",), 1, 2**16),
            (("levels",), 1, 24),
            (("nodes",), 1, 15),
            (("pitch", "gain"), 1e-9, 1e9),
            (("scales",), 1e-6, 1),
            (("holdout",), 0, 0.99),
            (("early",), 0, 0.99),
            (("early_cells",), 0, 2**62),
            (("early_rate",), 1e-12, 1e3),
            (("check_every",), 1, 10**9),
            (("scattered",), 1, 2**22),
        )
        if not self.widths or not self.scales:
            raise InvalidInput(
                f"Got widths {self.widths} and scales {self.scales}; expected one number or more in each."
            )
        if self.nodes % 2 == 0:
            raise InvalidInput(f"Got nodes {self.nodes}; expected an odd number.")
        if self.sequence and self.schedule != "cosine":
            raise InvalidInput("Got schedule = 'plateau' for a sequence; expected 'cosine', which needs no checks.")
        if self.holdout and self.scales != (1.0,):
            raise InvalidInput("Got holdout with scales, whose coarser samples are means of all; expected one of them.")
        if self.early and (self.sequence or self.kernel == "released" or self.scales != (1.0,)):
            raise InvalidInput(
                "Got early steps for a sequence, the released kernel or several scales; expected signals of their own, "
                "at one resolution, and kernels with a middle. Set early to 0."
            )
        if self.kernel == "discrete" and self.scales != (1.0,):
            raise InvalidInput(
                "Got scales for a discrete kernel, which acts at one resolution; choose a continuous one."
            )

    def plan_of(self, steps: int, first: float, last: float, **others: Any) -> Plan:
        betas = (0.9, 0.99) if self.crop else (0.8, 0.95)  # crops are noisy
        return super().plan_of(steps, first, last, check_every=self.check_every, betas=betas, **others)


_PAPER = OInrConfig(
    widths=(64, 128, 64),
    capped=False,
    kernel="discrete",
    gain=1.0,
    sobel=True,
    start="own",
    steps=1000,
    learning_rate=1e-3,
    final_learning_rate=1e-3,
    standards=0,
    chunk=4,
)


class OInr(Fitted, Networks, Differentiable):
    """Operators of their own for all signals, whose weights are the code; or one operator for a sequence of signals.

    Codes are ``weights`` [n, K] as ``Operator.layout`` orders them, ``psnr_db`` [n] and ``steps`` [n] of each fit, and
    ``snapshots`` [n, S, K] where the configuration asks for them. Codes of a sequence are ``gamma`` [n, 1], the shift
    of the encoding, and ``psnr_db`` [n].

    Functions live on the grid of the checkpoint's domain and are linear between its samples; renders by a kernel that
    acts at every resolution are evaluated at their own.
    """

    name = "oinr"
    spaces = ("code", FUNCTION)
    amortised = False
    points = ("weights",)
    Config = OInrConfig
    presets = {
        "default": OInrConfig(),
        "compact": OInrConfig(widths=(4, 4)),
        "pictures": OInrConfig(
            widths=(64, 128, 64),
            start="random",
            steps=4000,
            learning_rate=5e-3,
            final_learning_rate=2.5e-4,
            gain=3.5,
            crop=32,
            early=0.75,
            check_every=200,
            standards=0,
            chunk=1,
        ),
        # Whole solids at each step: boxes of them leave a small operator undecided about inside and outside for long.
        "solids": OInrConfig(
            widths=(16, 16),
            start="random",
            gain=3.5,
            steps=300,
            learning_rate=1e-2,
            final_learning_rate=5e-4,
            check_every=50,
            standards=0,
            chunk=1,
        ),
        # A rate and first weights with which operators fit slices of a solid soon, and say something between them.
        "sequence": OInrConfig(
            widths=(64, 64, 64),
            bias=True,
            kernel="discrete",
            gain=3.5,
            steps=1000,
            learning_rate=1e-2,
            final_learning_rate=5e-4,
            sequence=True,
        ),
        "paper-172k": _PAPER,
        "paper-130k": dataclasses.replace(_PAPER, widths=(64,) * 4, learning_rate=3e-3, final_learning_rate=3e-3),
        "paper-1m-3d": dataclasses.replace(_PAPER, widths=(64, 128, 128, 64), levels=8),
        "paper-sequence": dataclasses.replace(
            _PAPER, widths=(64, 128, 256, 256, 128, 64), bias=True, sequence=True, steps=16_000, batch=1
        ),
    }

    # -- making checkpoints and codes

    def train(
        self,
        config: OInrConfig,
        signals: SignalSet,
        *,
        seed: int,
        resume: Artifact | None = None,
        report: Report = silent,
    ) -> Checkpoint:
        shift, scale = _span(signals)
        arrays: dict[str, np.ndarray] = {"values.shift": shift, "values.scale": scale}
        if config.noise:
            shape = signals.reference_shape
            arrays["noise"] = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
        blank = self.checkpoint(config, signals, arrays, seed=seed)
        fitting = _Fitting(config, blank.domain, arrays, self.device)
        start = fitting.operator.initial(1, torch.Generator().manual_seed(seed))[0].numpy()
        observations = Observations(signals)
        if config.sequence:
            gammas = fitting.gammas(len(signals))
            arrays |= {"start": fitting.learn(observations, start, gammas, seed, resume, report), "gammas": gammas}
            return self.checkpoint(config, signals, arrays, seed=seed)
        order = np.random.default_rng(seed).permutation(len(signals))
        quiet, heard = dataclasses.replace(fitting.plan, snapshots=()), unkept(report)
        if config.start == "mean":
            few = signals[np.sort(order[: config.start_samples])]
            start = fitting.run(Observations(few), start, quiet, seed, None, heard)["networks"].mean(0)
        arrays["start"] = start
        weights = start[None]
        if config.standards:
            known = Observations(signals[np.sort(order[: config.standards])])
            weights = fitting.run(known, fitting.starts(known, start, seed), quiet, seed, None, heard)["networks"]
        return self.checkpoint(config, signals, arrays | standards(weights), seed=seed)

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
        """Code arrays; with ``start``, codes of the same signals at another resolution, fits go on from there.

        Signals of a sequence's operator are found along it; they need be neither its own nor in its order.
        """
        check_domain(checkpoint.domain, observations.signals)
        fitting = self._fitting(checkpoint)
        if fitting.config.sequence:
            return fitting.placed(observations, checkpoint.arrays["start"], checkpoint.arrays["gammas"], report)
        first, plan = fitting.starts(observations, checkpoint.arrays["start"], seed), fitting.plan
        if start is not None:
            first, plan = start["weights"], fitting.config.warm_plan
        codes = fitting.run(observations, first, plan, seed, resume, report)
        return {"weights": codes.pop("networks"), **codes}

    # -- functions

    def decode(self, checkpoint: Checkpoint, codes: Arrays, coords: np.ndarray) -> np.ndarray:
        lattice = Lattice.over(checkpoint.domain.shape)
        grids = self._fitting(checkpoint).values(*_networks(checkpoint, codes), lattice)
        return _at(grids, lattice, coords, self.device)

    def render(
        self,
        checkpoint: Checkpoint,
        codes: Arrays,
        resolution: Sequence[int],
        window: Sequence[tuple[float, float]] | None = None,
    ) -> np.ndarray:
        return self.derivative(checkpoint, codes, (0,) * checkpoint.domain.d, resolution, window)

    def derivative(
        self,
        checkpoint: Checkpoint,
        codes: Arrays,
        orders: Sequence[int],
        resolution: Sequence[int],
        window: Sequence[tuple[float, float]] | None = None,
    ) -> np.ndarray:
        domain, fitting = checkpoint.domain, self._fitting(checkpoint)
        if not len(resolution) == len(orders) == domain.d or (window is not None and len(window) != domain.d):
            raise InvalidInput(f"Got resolution {tuple(resolution)}; expected {domain.d} numbers, and as many windows.")
        wanted, own = Lattice.over(resolution, window), Lattice.over(domain.shape)
        networks = _networks(checkpoint, codes)
        ratios = [o / w for o, w in zip(own.spacing, wanted.spacing, strict=True)]
        if isinstance(fitting.operator.kernel, Discrete) or max(ratios) > _FINEST:
            # On a lattice that is always the same, and linear between its cells.
            if not isinstance(fitting.operator.kernel, Discrete):
                own = Lattice.over([_FINEST * size for size in domain.shape])
            box, inner = own.around(wanted)
            grids = fitting.values(*networks, own[box], orders)
            coords = np.stack(np.meshgrid(*map(wanted.centres, range(domain.d)), indexing="ij"), -1)
            found = _at(grids, inner, coords.reshape(-1, domain.d).astype(np.float32), self.device)
            return found.reshape(-1, *resolution, domain.m)
        # Never coarser than the signals' own grid, which would not carry the encoding: finer, and then the mean.
        parts = [max(1, math.ceil(1 / ratio - 1e-6)) for ratio in ratios]
        grids = fitting.values(*networks, wanted.divided(parts), orders)
        for axis, part in enumerate(parts, start=1):
            grids = grids.reshape(*grids.shape[:axis], -1, part, *grids.shape[axis + 1 :]).mean(axis + 1)
        return grids

    # -- codes as points and as networks

    def code_vectors(self, checkpoint: Checkpoint, codes: Arrays, space: str) -> np.ndarray:
        return codes["gamma"] if "gamma" in codes else standardised(codes["weights"], checkpoint.arrays)

    def interpolate(
        self, checkpoint: Checkpoint, start: Arrays, end: Arrays, at: np.ndarray, method: str = "linear"
    ) -> dict[str, np.ndarray]:
        """Between frames of a sequence the encoding's shift goes straight: frames in between."""
        if "gamma" in start:
            return {"gamma": linear(start["gamma"], end["gamma"], at)}
        return super().interpolate(checkpoint, start, end, at, method)

    def blend(self, checkpoint: Checkpoint, codes: Arrays, weights: np.ndarray) -> dict[str, np.ndarray]:
        if "gamma" in codes:
            return {"gamma": mean(codes["gamma"], weights)}
        return super().blend(checkpoint, codes, weights)

    def layers(self, checkpoint: Checkpoint) -> tuple[str, ...]:
        fitting = self._fitting(checkpoint)
        return () if fitting.config.sequence else tuple(map(str, range(len(fitting.operator.sizes))))

    def parameters(self, checkpoint: Checkpoint, codes: Arrays) -> dict[str, np.ndarray]:
        return {} if "gamma" in codes else self._fitting(checkpoint).operator.layout.named(codes["weights"])

    def networks(self, checkpoint: Checkpoint, parameters: Arrays) -> dict[str, np.ndarray]:
        return {"weights": self._fitting(checkpoint).operator.layout.vectors(parameters)} if parameters else {}

    def symmetry(self, checkpoint: Checkpoint) -> tuple[Units, ...]:
        fitting = self._fitting(checkpoint)
        return () if fitting.config.sequence else fitting.operator.symmetry

    def _fitting(self, checkpoint: Checkpoint) -> "_Fitting":
        config = self.config(overrides=checkpoint.config)
        return _Fitting(config, checkpoint.domain, checkpoint.arrays, self.device)


class _Fitting:
    """The fits of one configuration to signals of one domain.

    Args:
        arrays: ``values.shift`` and ``values.scale`` float32 [m], what brings values to about -1 to 1; ``noise`` [*S].
    """

    def __init__(self, config: OInrConfig, domain: Domain, arrays: Arrays, device: str):
        self.config, self.domain, self.device = config, domain, device
        self.shift, self.scale = arrays["values.shift"], arrays["values.scale"]
        levels = (config.levels,) * domain.d
        if config.capped:
            coarsest = [max(1, round(size * min(config.scales))) for size in domain.shape]
            levels = levels_within(coarsest, config.levels)
        self._early = config.early if math.prod(domain.shape) > config.early_cells else 0.0
        self.encoding = Encoding(levels=levels, noise=arrays.get("noise"), sobel=config.sobel)
        self.operator = Operator(
            d=domain.d,
            inputs=self.encoding.channels,
            widths=tuple(config.widths),
            m=domain.m,
            kernel=self._kernel(),
            bias=config.bias,
            gain=config.gain,
            pointwise=self._early > 0,
        )
        low, high = domain.value_range
        self._units = torch.from_numpy(self.scale / np.float32(high - low)).to(device)

    def _kernel(self) -> Kernel:
        d, size = self.domain.d, self.config.nodes
        if self.config.kernel == "continuous":
            coarsest = self.config.pitch / min(self.config.scales)
            return Continuous(d=d, size=size, pitch=tuple(coarsest * 2 / n for n in self.domain.shape))
        return (Discrete if self.config.kernel == "discrete" else Released)(d=d, size=size)

    @property
    def _width(self) -> int:
        """Numbers that an operator holds at each cell."""
        return self.operator.inputs + sum(self.operator.widths)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self.device)

    @property
    def plan(self) -> Plan:
        """From the start, for signals of the domain's size."""
        config, rate = self.config, self.config.final_learning_rate / 5
        if not self._early:
            return config.plan
        early = max(1, min(round(self._early * config.steps), config.steps - 1))
        plan = config.plan_of(max(1, config.steps - early), rate, rate / 10)
        plan = dataclasses.replace(plan, early_steps=early, early_rate=config.early_rate)
        return dataclasses.replace(plan, snapshots=spread(plan.total, config.snapshots))

    # -- one operator for each signal

    def starts(self, observations: Observations, common: np.ndarray, seed: int) -> np.ndarray:
        """Where fits begin: [K], or [n, K] drawn from the seed and the signals' ids."""
        if self.config.start != "own":
            return common
        draws = uniform(seed, observations.signals.keys, self.operator.layout.size, stream=3)
        return ((2 * draws - 1) * self.operator.bounds.numpy()).astype(np.float32)

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

        cells = max(observations.points, math.prod(self.domain.shape))
        return fit_all(
            lambda rows: self._problem(list(self._targets(observations, rows, seed)), seed, plan.early_steps),
            start,
            plan,
            n=len(observations),
            device=self.device,
            chunk=max(1, min(self.config.chunk, _ACTIVATIONS // (cells * self._width))),
            resume=resume,
            report=report,
        )

    def _problem(self, targets: Sequence[Target], seed: int, early_steps: int = 0) -> OperatorFits:
        config = self.config
        return OperatorFits(
            operator=self.operator,
            targets=tuple(targets),
            units=self._units,
            crop=config.crop,
            batch=config.batch if config.sequence else 0,
            early_steps=early_steps,
            scattered=config.scattered,
            seed=seed,
            dtype=matmul_dtype(self.device),
        )

    def _targets(self, observations: Observations, rows: slice, seed: int) -> Iterator[Target]:
        """Signals at each of the scales, on lattices where the kernel can act there, else at points."""
        sampling, batch = observations.sampling, observations.batch(rows)
        values = (batch.values - self.shift) / self.scale
        weights = batch.weights
        if weights is None:
            weights = np.full(values.shape[:2], 1 / values.shape[1], np.float32)
        seen, judged = self._held_out(weights, seed)
        discrete = isinstance(self.operator.kernel, Discrete)
        if not sampling.is_grid or (discrete and sampling.size != self.domain.shape):
            lattice = Lattice.over(self.domain.shape)
            coords = np.broadcast_to(batch.coords, (len(values), *batch.coords.shape[-2:]))
            yield Target(
                lattice=lattice,
                functions=self._functions(lattice, None),
                values=self._tensor(values.transpose(0, 2, 1)[None]),
                seen=self._tensor(seen[None]),
                judged=self._tensor(judged[None]),
                points=Points.on(lattice, coords, self.device),
            )
            return
        grids = values.reshape(len(values), *sampling.size, -1)
        for scale in sorted(self.config.scales):
            size = tuple(max(1, round(scale * n)) for n in sampling.size)
            lattice, smaller, parts = Lattice.over(size), grids, (seen, judged)
            if size != sampling.size:
                known = weights.reshape(len(grids), *sampling.size, 1) > 0
                smaller = resample_known(np.where(known, grids, np.float32(np.nan)), size)
                there = (~np.isnan(smaller).any(-1)).reshape(len(grids), -1).astype(np.float32)
                parts = (there / there.sum(1, keepdims=True),) * 2
                smaller = np.nan_to_num(smaller)
            yield Target(
                lattice=lattice,
                functions=self._functions(lattice, None),
                values=self._tensor(np.moveaxis(smaller, -1, 1)[None]),
                seen=self._tensor(parts[0].reshape(1, len(grids), *size)),
                judged=self._tensor(parts[1].reshape(1, len(grids), *size)),
            )

    def _held_out(self, weights: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Weights [n, P] for the gradient and for the PSNR, rows sum to 1: the same, or of different samples."""
        if not self.config.holdout:
            return weights, weights
        held = np.random.default_rng((seed, 1)).random(weights.shape[1]) < self.config.holdout
        seen, judged = np.where(held, 0, weights), np.where(held, weights, 0)
        if not (seen.any(1).all() and judged.any(1).all()):
            raise InvalidInput(
                f"Got {weights.shape[1]} samples to hold out a share of {self.config.holdout}; expected some on both "
                "sides. Set holdout to 0."
            )
        return seen / seen.sum(1, keepdims=True), judged / judged.sum(1, keepdims=True)

    # -- one operator for a sequence

    def gammas(self, n: int) -> np.ndarray:
        """The shift of each of n signals (eq. 8): float32 [n, 1]."""
        low, high = self.config.first_shift, self.config.last_shift
        return (low + (high - low) * np.arange(n, dtype=np.float32) / n)[:, None]

    def learn(
        self,
        observations: Observations,
        start: np.ndarray,
        gammas: np.ndarray,
        seed: int,
        resume: Artifact | None,
        report: Report,
    ) -> np.ndarray:
        """Weights [K] of an operator that takes each signal's shifted encoding to that signal."""
        if not observations.sampling.is_grid:
            raise InvalidInput("Got signals that are no grids of one shape; expected such for a sequence.")
        own = list(self._targets(observations, slice(0, len(observations)), seed))
        targets = [
            dataclasses.replace(
                target,
                functions=self._functions(target.lattice, gammas),
                values=target.values.transpose(0, 1),
                seen=target.seen.transpose(0, 1) / len(gammas),
                judged=target.judged.transpose(0, 1) / len(gammas),
            )
            for target in own
        ]
        problem, plan = self._problem(targets, seed), self.config.plan
        weights = torch.tensor(start[None], device=self.device)
        minimise(
            {"weights": weights},
            lambda step: problem.loss(weights, step),
            steps=plan.steps,
            learning_rate_at=plan.rate,
            resume=resume,
            report=report,
            metrics=lambda loss: {"psnr_db": -10 * math.log10(max(loss, 1e-14) * self._mean_unit)},
        )
        return weights[0].cpu().numpy()

    @property
    def _mean_unit(self) -> float:
        """What turns a squared error, channels summed, into the mean over channels of those in shares of the range."""
        return float(self._units.square().mean()) / self.domain.m

    def placed(
        self, observations: Observations, weights: np.ndarray, gammas: np.ndarray, report: Report
    ) -> dict[str, np.ndarray]:
        """Where along a sequence each signal lies: the best of a fine row of shifts, refined by a parabola."""
        n, lattice = len(observations), Lattice.over(self.domain.shape)
        tried = np.linspace(gammas[0], gammas[-1], _SEARCH * (len(gammas) - 1) + 1, dtype=np.float32)
        found = {"gamma": np.empty((n, 1), np.float32), "psnr_db": np.empty(n, np.float32)}
        low, high = self.domain.value_range
        network = weights[None]
        for rows, batch in observations.batches(2**20):
            count, points = batch.values.shape[:2]
            shares = np.full((count, points), 1 / points, np.float32) if batch.weights is None else batch.weights

            def error(grids: np.ndarray, batch=batch, shares=shares, count=count) -> np.ndarray:
                values = _at(np.broadcast_to(grids, (count, *grids.shape[1:])), lattice, batch.coords, self.device)
                return (np.square(values - batch.values).mean(-1) * shares).sum(1) / (high - low) ** 2

            errors = np.stack([error(self.values(network, shift[None], lattice)) for shift in tried])
            at = errors.argmin(0)
            near = np.stack([errors[np.clip(at + k, 0, len(tried) - 1), np.arange(count)] for k in (-1, 0, 1)])
            bend = near[0] - 2 * near[1] + near[2]
            inside = (at > 0) & (at < len(tried) - 1) & (bend > 0)
            step = np.where(inside, (near[0] - near[2]) / (2 * np.where(inside, bend, 1)), 0)
            spacing = (tried[-1] - tried[0]) / max(len(tried) - 1, 1)
            found["gamma"][rows] = tried[at] + (step[:, None] * spacing).astype(np.float32)
            found["psnr_db"][rows] = -10 * np.log10(np.maximum(near[1], 1e-14))
            report(Progress(step=rows.stop, total=n, message="finding places in the sequence"))
        return found

    # -- values

    def _functions(self, lattice: Lattice, gammas: np.ndarray | None) -> torch.Tensor:
        """What operators are given, [B, C, *S]: the encoding, or as often as there are shifts [B, 1]."""
        encoded = self.encoding(lattice, device=self.device)[None]
        return encoded if gammas is None else encoded + self._shifts(gammas)

    def _shifts(self, gammas: np.ndarray) -> torch.Tensor:
        return torch.tensor(gammas, device=self.device).view(-1, *(1,) * (1 + self.domain.d))

    @torch.no_grad()
    def values(
        self, networks: np.ndarray, gammas: np.ndarray | None, lattice: Lattice, orders: Sequence[int] = ()
    ) -> np.ndarray:
        """Functions, or their derivatives, on a lattice: float32 [n, *S, m], in bounded memory.

        Args:
            networks: [n, K]; or [1, K] with ``gammas`` [n, 1].
        """
        orders = tuple(orders) or (0,) * self.domain.d
        n = len(networks if gammas is None else gammas)
        result = np.empty((n, *lattice.shape, self.domain.m), np.float32)
        reach = self.operator.reach(lattice.spacing)
        still = torch.zeros(self.domain.d, dtype=torch.float64, device=self.device)
        whole = tuple(slice(0, size) for size in lattice.shape)
        most = max(1, _RENDERED // (self._width * self.operator.copies(lattice.spacing)))
        for box in tiles(whole, most):
            grown, inner = lattice[box].grown(reach)
            chunk = max(1, most // math.prod(grown.shape))
            for first in range(0, n, chunk):
                rows = slice(first, min(first + chunk, n))
                weights = torch.tensor(networks if gammas is not None else networks[rows], device=self.device)
                shifts = None if gammas is None else self._shifts(gammas[rows])

                def moved(
                    shift: torch.Tensor, grown=grown, inner=inner, weights=weights, shifts=shifts
                ) -> torch.Tensor:
                    place = shift if any(orders) else None
                    encoded = self.encoding(grown, place, order=sum(orders), device=self.device)[None]
                    given = encoded if shifts is None else encoded + shifts
                    return self.operator(weights, given, grown.spacing, inner=inner)

                found = derivative(moved, still, orders).flatten(0, 1).movedim(1, -1)
                result[(rows, *box)] = found.cpu().numpy()
        return result * self.scale + (0 if any(orders) else self.shift)


def _span(signals: SignalSet) -> tuple[np.ndarray, np.ndarray]:
    """What brings each channel's lowest and highest values to -1 and 1: shift and scale, float32 [m]."""
    low, high = signals.decoded(np.stack([np.nanmin(signals.values, 0), np.nanmax(signals.values, 0)]))
    return ((low + high) / 2).astype(np.float32), np.where(high > low, (high - low) / 2, 1).astype(np.float32)


def _networks(checkpoint: Checkpoint, codes: Arrays) -> tuple[np.ndarray, np.ndarray | None]:
    """Weights and shifts, as ``_Fitting.values`` takes them."""
    if "gamma" in codes:
        return checkpoint.arrays["start"][None], codes["gamma"]
    return codes["weights"], None


def _at(grids: np.ndarray, lattice: Lattice, coords: np.ndarray, device: str) -> np.ndarray:
    """Grids [n, *S, m] at coords [P, d] or [n, P, d]: float32 [n, P, m]."""
    n = len(grids)
    result = np.empty((n, coords.shape[-2], grids.shape[-1]), np.float32)
    for row in range(0, n, _AT_ONCE):
        rows = slice(row, min(row + _AT_ONCE, n))
        own = coords[rows] if coords.ndim == 3 else coords[None]
        points = Points.on(lattice, own, device)
        values = torch.from_numpy(np.ascontiguousarray(np.moveaxis(grids[rows], -1, 1))).to(device)
        result[rows] = points(values).transpose(1, 2).cpu().numpy()
    return result
