"""The paper's method: one hypernetwork gives every function the weights of its own small SIREN."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
import torch

from explorer.artifacts import Arrays, Artifact
from explorer.codes import Checkpoint, Domain
from explorer.errors import InvalidInput
from explorer.fitting import draws, minimise
from explorer.interpolation import Units
from explorer.messages import Progress
from explorer.nets import settling
from explorer.nets.blocks import Array, blocks, part
from explorer.nets.hypernet import Hypernet, Parameters
from explorer.nets.precision import matmul_dtype
from explorer.nets.samples import GridSource, Samples, moments, source_of
from explorer.nets.siren import Siren
from explorer.nets.warm import parameters_of
from explorer.observations import Batch, Observations
from explorer.representations.base import (
    FUNCTION,
    Networks,
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

# How much is encoded at a time: little enough to stay near the processor, and to bound memory for any set.
_ENCODE_POINTS = 2**16
_PREDICTED = 2**14

# A coordinate of a code is not blown up beyond this share of the typical deviation.
_LEAST_DEVIATION = 0.03

# Whitening learns from so many signals, and counts what differs between grids so many times.
_WHITENED = 5000
_STEADINESS = 100.0

# How the layers that settle codes are learned: from so many signals, in so many steps of so many of them. Of too few
# signals they would learn each by heart, and others would drift more.
_SETTLED = 20_000
_LEAST_SETTLED = 5000
_SETTLING_STEPS = 7000
_SETTLING_BATCH = 256
_SETTLING_RATE = 3e-3
_SETTLING_DECAY = 1e-2


@dataclass(frozen=True, kw_only=True)
class HypernetworkConfig:
    """A hypernetwork and its training.

    Args:
        width: outputs of each sine layer of the SIREN that stands for a signal.
        layers: linear maps of that SIREN, the output's included.
        omega_0: frequency of all its sine layers: how fine the detail it can follow.
        point_width: width of the network that looks at each sample.
        features: random Fourier features of a coordinate, an even number.
        feature_scale: deviation of their frequencies, in cycles over an axis.
        trunk: layers between the mean over a signal's samples and the heads that give the weights.
        head_gain: how far signals' networks spread at the start; 1 is about as far as fresh SIRENs differ.
        standardise: whether values are brought to mean 0 and deviation 1 over the training set.
        resolutions: sizes of the grids seen in training, one drawn for each step; none for 1/2, 1, 3/2 and 2 times the
            signals' own.
        across: whether a signal seen on one grid is asked for on another, no coarser than its own, so that every grid
            must give the same function; else it is asked for where it was seen.
        points: samples of each signal in a step, drawn afresh; 0 for all.
        evenly: whether these samples lie evenly over the domain, so that a mean over them is near that over all, from
            which codes are made; else they are drawn at random.
        batch: signals in a step.
        epochs: passes over the signals, as far as the two limits on steps allow.
        min_steps: steps of the training at least, for small sets.
        max_steps: steps of the training at most, for large sets.
        learning_rate: at the start.
        final_learning_rate: at the end.
        decay: the way from one to the other, by cosine or power law.
        whiten: principal components of the weights in the space "code", scaled to variance 1 and less where they
            differ between grids; 0 for all weights, each scaled to variance 1.
        settle: width of layers that learn, when all else has, to give from any of the grids seen in training the code
            that a signal's own samples give; 0 for none, as for fewer than 5000 signals.
    """

    width: int = 16
    layers: int = 4
    omega_0: float = 10.0
    point_width: int = 128
    features: int = 32
    feature_scale: float = 1.0
    trunk: int = 2
    head_gain: float = 0.3
    standardise: bool = True
    resolutions: tuple[int, ...] = ()
    across: bool = True
    points: int = 64
    evenly: bool = False
    batch: int = 32
    epochs: int = 450
    min_steps: int = 3000
    max_steps: int = 40_000
    learning_rate: float = 8e-3
    final_learning_rate: float = 1e-4
    decay: Literal["cosine", "power"] = "cosine"
    whiten: int = 0
    settle: int = 0

    def __post_init__(self):
        check_fields(
            self,
            (("width", "point_width", "features", "batch", "resolutions"), 1, 4096),
            (("layers",), 2, 64),
            (("trunk",), 0, 64),
            (("settle",), 0, 4096),
            (("points", "epochs", "min_steps", "whiten"), 0, 10**9),
            (("max_steps",), 1, 10**9),
            (("omega_0", "feature_scale", "head_gain", "learning_rate", "final_learning_rate"), 1e-9, 1e4),
        )
        if self.features % 2:
            raise InvalidInput(f"Got features {self.features}; expected an even number.")

    def steps(self, n: int) -> int:
        """Steps of a training on n signals."""
        return min(max(self.epochs * math.ceil(n / self.batch), self.min_steps), self.max_steps)

    def learning_rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step."""
        first, last = self.learning_rate, self.final_learning_rate
        if self.decay == "power":
            return first * (1 + step) ** (math.log(last / first) / math.log(max(steps, 2)))
        return last + (first - last) * (1 + math.cos(math.pi * step / steps)) / 2

    def grids(self, domain: Domain) -> list[tuple[int, ...]]:
        """The grids seen in training."""
        return training_grids(domain, self.resolutions, (0.5, 1.5, 2))


# The paper's decoder (81 weights for gray images), trained our way; large sets such as MNIST have the signals for it.
_COMPACT = HypernetworkConfig(
    width=5,
    point_width=64,
    evenly=True,
    batch=64,
    epochs=100,
    max_steps=38_000,
    whiten=20,
    settle=256,
)

# What the paper states; where it says nothing, the plainest reading.
_PAPER = HypernetworkConfig(
    width=5,
    omega_0=30.0,
    feature_scale=1 / (2 * math.pi),  # deviation 1 in radians, as in the work it names (Rahimi and Recht 2007)
    point_width=64,
    trunk=0,
    standardise=False,
    across=False,
    points=0,
    min_steps=0,
    max_steps=10**9,
    learning_rate=3e-4,
    final_learning_rate=1e-4,
    decay="power",
)


class Hypernetwork(Networks, Pointwise):
    """Amortised weights of small networks (paper, section 2.4 and appendix D).

    Codes are ``weights`` [n, dz], each signal's SIREN in the order of ``Siren.layout``, and ``pooled``
    [n, point_width], the mean over its samples from which they come.

    The default differs from the paper's recipe where measurements said so: a smoother decoder (omega_0 10) of width 16,
    values of deviation 1, heads that speak in units of a SIREN's own start, a larger learning rate on random subsets of
    points, and reconstruction across grids, which is what makes clusters hold still between resolutions.
    """

    name = "hypernetwork"
    spaces = (FUNCTION, "code", "pooled")
    amortised = True
    points = ("weights", "pooled")
    Config = HypernetworkConfig
    presets = {
        "default": HypernetworkConfig(),
        "compact": _COMPACT,
        "paper-mnist": replace(_PAPER, resolutions=(14, 28, 56), batch=128, epochs=500),
        "paper-kvasir": replace(_PAPER, width=32, resolutions=(64, 128, 256), batch=64, epochs=100),
        "paper-ering": replace(_PAPER, resolutions=(33, 65, 130), batch=16, epochs=100),
    }

    def train(
        self,
        config: HypernetworkConfig,
        signals: SignalSet,
        *,
        seed: int,
        resume: Artifact | None = None,
        report: Report = silent,
    ) -> Checkpoint:
        domain, grids = domain_of(signals), config.grids(domain_of(signals))
        fine = fine_grids(grids, domain)
        net, source, dtype = _net(config, domain), source_of(signals, self.device), matmul_dtype(self.device)
        mean, deviation = moments(signals) if config.standardise else (0.0, 1.0)
        generator = torch.Generator().manual_seed(seed)
        fixed = {
            "frequencies": net.frequencies(config.feature_scale, generator).to(self.device),
            "values": torch.tensor([mean, deviation], device=self.device),
        }
        learned = {name: tensor.to(self.device) for name, tensor in net.initial(generator).items()}
        parameters, steps = fixed | learned, config.steps(len(signals))

        def loss_at(step: int) -> torch.Tensor:
            rng, rows = draws(seed, step), _rows(seed, step, min(config.batch, len(signals)), len(signals))

            def draw(among: list[tuple[int, ...]]) -> Samples:
                return source.draw(rows, among[rng.integers(len(among))], config.points, rng, config.evenly)

            seen = draw(grids)
            asked = draw(fine) if config.across else seen
            pooled = net.pool(parameters, _unit(seen.coords), (seen.values - mean) / deviation, seen.weights, dtype)
            given = net.siren(net.predict(parameters, pooled), _unit(asked.coords))
            errors = (given - (asked.values - mean) / deviation).square().sum(-1)
            return errors.mean() if asked.weights is None else (errors * asked.weights).sum(1).mean()

        def psnr(loss: float) -> dict[str, float]:
            error = math.sqrt(loss / domain.m) * deviation / (domain.value_range[1] - domain.value_range[0])
            return {"psnr_db": -20 * math.log10(max(error, 1e-6))}

        minimise(
            learned,
            loss_at,
            steps=steps,
            learning_rate_at=lambda step: config.learning_rate_at(step, steps),
            resume=resume,
            report=report,
            metrics=psnr,
        )
        codes = self._encode(net, parameters, Observations(signals), report)
        if isinstance(source, GridSource) and (config.whiten or config.settle):
            more, scales = self._across_grids(config, net, parameters, signals, grids, codes, seed, report)
            parameters |= more
        else:
            scales = _scales(codes, codes["weights"][None], config.whiten)
        arrays = {name: tensor.cpu().numpy() for name, tensor in parameters.items()} | scales
        resolutions = [list(grid) for grid in grids]
        return self.checkpoint(config, signals, arrays, seed=seed, resolutions=resolutions, steps=steps)

    def encode(
        self, checkpoint: Checkpoint, observations: Observations, *, seed: int = 0, report: Report = silent
    ) -> dict[str, np.ndarray]:
        check_domain(checkpoint.domain, observations.signals)
        return self._encode(self._net_of(checkpoint), parameters_of(checkpoint, self.device), observations, report)

    def slopes(self, checkpoint: Checkpoint, codes: Arrays, coords: np.ndarray, orders: Sequence[int]) -> np.ndarray:
        values = self._net_of(checkpoint).siren.decode(codes["weights"], _unit(coords), self.device, orders)
        mean, deviation = checkpoint.arrays["values"]
        # Axes are half as long as ours, so slopes along them are twice as steep.
        return values * (deviation / 2 ** sum(orders)) + (0 if any(orders) else mean)

    def code_vectors(self, checkpoint: Checkpoint, codes: Arrays, space: str) -> np.ndarray:
        mean, scale = checkpoint.arrays[f"{space}.mean"], checkpoint.arrays[f"{space}.scale"]
        centred = codes["pooled" if space == "pooled" else "weights"] - mean
        return _scaled(centred, scale)

    def layers(self, checkpoint: Checkpoint) -> tuple[str, ...]:
        return tuple(map(str, range(self._net_of(checkpoint).siren.layers)))

    def parameters(self, checkpoint: Checkpoint, codes: Arrays) -> dict[str, np.ndarray]:
        return self._net_of(checkpoint).siren.layout.named(codes["weights"])

    def networks(self, checkpoint: Checkpoint, parameters: Arrays) -> dict[str, np.ndarray]:
        return {"weights": self._net_of(checkpoint).siren.layout.vectors(parameters)}

    def symmetry(self, checkpoint: Checkpoint) -> tuple[Units, ...]:
        return self._net_of(checkpoint).siren.symmetry

    def _net_of(self, checkpoint: Checkpoint) -> Hypernet:
        return _net(self.config(overrides=checkpoint.config), checkpoint.domain)

    def _encode(
        self, net: Hypernet, parameters: Parameters, observations: Observations, report: Report
    ) -> dict[str, np.ndarray]:
        weights = np.empty((len(observations), net.siren.layout.size), np.float32)
        pooled = np.empty((len(observations), net.width), np.float32)
        with torch.no_grad():
            for rows, batch in observations.batches(_ENCODE_POINTS):
                features = self._pool(net, parameters, batch)
                pooled[rows] = features.cpu().numpy()
                weights[rows] = net.predict(parameters, features).cpu().numpy()
                report(Progress(step=rows.stop, total=len(observations), message="encoding"))
        return {"weights": weights, "pooled": pooled}

    def _across_grids(
        self,
        config: HypernetworkConfig,
        net: Hypernet,
        parameters: Parameters,
        signals: SignalSet,
        grids: list[tuple[int, ...]],
        codes: Arrays,
        seed: int,
        report: Report,
    ) -> tuple[Parameters, dict[str, np.ndarray]]:
        """What is learned from what some signals look like on each grid: layers that settle codes, and scales.

        Args:
            codes: of all signals, from their own samples.
        """
        settles = config.settle and len(signals) >= _LEAST_SETTLED
        few = np.random.default_rng(seed).permutation(len(signals))[: _SETTLED if settles else _WHITENED]
        seen = [self._encode(net, parameters, Observations(signals[few], grid), report)["pooled"] for grid in grids]

        def scales(parameters: Parameters) -> dict[str, np.ndarray]:
            own = {"pooled": codes["pooled"], "weights": self._predicted(net, parameters, codes["pooled"])}
            across = [self._predicted(net, parameters, pooled[:_WHITENED]) for pooled in seen]
            return _scales(own, np.stack(across), config.whiten)

        if not settles:
            return {}, scales(parameters)
        coarsest = min(range(len(grids)), key=lambda index: math.prod(grids[index]))
        scale = self._tensor(scales(parameters)["code.scale"])
        target = self._tensor(codes["weights"][few])
        with torch.no_grad():
            features = torch.stack([net.through_trunk(parameters, self._tensor(pooled)) for pooled in seen])
        fixed = settling.standards(features)
        fresh = settling.initial(net.width, config.settle, torch.Generator().manual_seed(seed))
        learned = {name: tensor.to(self.device) for name, tensor in fresh.items()}

        def loss_at(step: int) -> torch.Tensor:
            # Every other signal is seen on the coarsest grid, where most is to be learned.
            rng, batch = draws(seed, step), _SETTLING_BATCH
            among = np.where(rng.random(batch) < 0.5, coarsest, rng.integers(len(grids), size=batch))
            rows = torch.from_numpy(rng.integers(len(few), size=batch))
            settled = settling.settled(fixed | learned, features[torch.from_numpy(among), rows])
            return _scaled(net.heads(parameters, settled) - target[rows], scale).square().sum(-1).mean()

        minimise(
            learned,
            loss_at,
            steps=_SETTLING_STEPS,
            learning_rate_at=lambda step: _SETTLING_RATE * (1 + math.cos(math.pi * step / _SETTLING_STEPS)) / 2,
            weight_decay=_SETTLING_DECAY,
            report=lambda now, state=None: report(Progress(step=now.step, total=now.total, message="settling")),
        )
        more = fixed | learned
        return more, scales({**parameters, **more})

    def _predicted(self, net: Hypernet, parameters: Parameters, pooled: np.ndarray) -> np.ndarray:
        """Weights [n, dz] from pooled features [n, point_width]."""
        weights = np.empty((len(pooled), net.siren.layout.size), np.float32)
        with torch.no_grad():
            for start in range(0, len(pooled), _PREDICTED):
                part = slice(start, start + _PREDICTED)
                weights[part] = net.predict(parameters, self._tensor(pooled[part])).cpu().numpy()
        return weights

    def _pool(self, net: Hypernet, parameters: Parameters, batch: Batch) -> torch.Tensor:
        """The mean over all points, summed over blocks of them."""
        n, p = batch.values.shape[:2]
        mean, deviation = parameters["values"]
        dtype, pooled = matmul_dtype(self.device), torch.zeros(n, net.width, device=self.device)
        for rows, points in blocks(n, p, _ENCODE_POINTS):
            coords = _unit(self._tensor(part(batch.coords, rows, points)))
            values = (self._tensor(batch.values[rows, points]) - mean) / deviation
            weights = None if batch.weights is None else self._tensor(batch.weights[rows, points])
            share = values.shape[1] / p if weights is None else 1.0
            pooled[rows] += net.pool(parameters, coords, values, weights, dtype) * share
        return pooled

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.tensor(array, dtype=torch.float32, device=self.device)


def _net(config: HypernetworkConfig, domain: Domain) -> Hypernet:
    siren = Siren(
        d=domain.d,
        m=domain.m,
        widths=(config.width,) * (config.layers - 1),
        omega_0=config.omega_0,
        hidden_omega=config.omega_0,
    )
    return Hypernet(
        siren=siren,
        width=config.point_width,
        features=config.features,
        trunk=config.trunk,
        head_gain=config.head_gain,
    )


def _scaled(vectors: Array, scale: Array) -> Array:
    """Vectors [n, dz] by a matrix [dz, k], or each of their coordinates by a number [dz]."""
    return vectors @ scale if scale.ndim == 2 else vectors * scale


def _unit(coords: Array) -> Array:
    """The paper's coordinates, [0, 1] on each axis, from ours."""
    return (coords + 1) / 2


@lru_cache(maxsize=4)
def _pass(seed: int, epoch: int, n: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch, n)).permutation(n)


def _rows(seed: int, step: int, batch: int, n: int) -> np.ndarray:
    """The signals of a step, from shuffled passes over all of them, one after the other."""
    epochs, places = np.divmod(np.arange(step * batch, (step + 1) * batch), n)
    return np.concatenate([_pass(seed, int(epoch), n)[places[epochs == epoch]] for epoch in np.unique(epochs)])


def _scales(codes: Arrays, across: np.ndarray, whiten: int) -> dict[str, np.ndarray]:
    """What the spaces "code" and "pooled" subtract and multiply by, from the training signals' codes.

    Args:
        across: weights [G, n, dz] of some of the signals, as each of the grids shows them.
    """
    scales = {}
    for space, array in (("code", codes["weights"]), ("pooled", codes["pooled"])):
        scales[f"{space}.mean"] = array.mean(0)
        deviations = array.std(0)
        # What hardly varied in training says little, and may vary much more elsewhere.
        least = max(_LEAST_DEVIATION * float(np.sqrt(np.square(deviations).mean())), 1e-6)
        scales[f"{space}.scale"] = 1 / np.maximum(deviations, least)
    if whiten:
        scales["code.scale"] = _whitening(across, whiten)
    return {name: array.astype(np.float32) for name, array in scales.items()}


def _whitening(across: np.ndarray, components: int) -> np.ndarray:
    """The matrix [dz, k] onto the first principal components of weights [G, n, dz], scaled to variance 1, and less
    where a signal's weights differ between the G grids.

    A direction in which signals have variance 1, and one signal has variance s between grids, is scaled by
    1 / sqrt(1 + 100 s): so whitening does not blow up what depends on the grid.
    """
    across = across.astype(np.float64)
    mean = across.mean(0)
    variances, axes = np.linalg.eigh(np.cov(mean.T, bias=True))
    kept = np.flatnonzero(variances > 1e-9 * variances[-1])[::-1][:components]
    axes = axes[:, kept] / np.sqrt(variances[kept])
    strays = ((across - mean) @ axes).reshape(-1, len(kept))
    between_grids, turned = np.linalg.eigh(strays.T @ strays / len(strays))
    axes = axes @ turned / np.sqrt(1 + _STEADINESS * np.maximum(between_grids, 0))
    return axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(len(kept))])  # one of two equal choices, always one
