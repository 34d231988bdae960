"""Anchored clouds of latents, read by a decoder that all signals share.

Source: "ARC: Anchored Representation Clouds for High-Resolution INR Classification", section 3.2 and appendix A.

Shape legend: N signals, P samples of all of them, A anchors of all of them, D axes, M channels, Z latents of an anchor,
n neighbours.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch

from explorer.artifacts import Arrays, Artifact
from explorer.clouds import PREFIX, Cloud
from explorer.codes import Checkpoint, Domain, join, take
from explorer.edits import EDITS, apply
from explorer.fits import FitConfig, Plan, finished, fit, hearing
from explorer.fitting import draws, minimise
from explorer.grids import grid_coords
from explorer.messages import Progress
from explorer.nets.anchors import draw_anchors, gradient_norms, grids_of, standing
from explorer.nets.blocks import blocks, part
from explorer.nets.cloud_fits import CloudFits
from explorer.nets.decoder import CloudDecoder, places_of
from explorer.nets.nearest import nearest
from explorer.nets.pairs import pairs
from explorer.nets.precision import matmul_dtype
from explorer.nets.redraw import farthest_of, moved_places, nearest_here, reach_of, touched
from explorer.nets.warm import parameters_of
from explorer.observations import Batch, Observations, uniform
from explorer.representations.base import (
    FUNCTION,
    Drawing,
    Editable,
    Fitted,
    Report,
    Window,
    check_domain,
    check_fields,
    domain_of,
    silent,
    unkept,
    window_coords,
    window_lines,
)
from explorer.signals import SignalSet

_FIRST_LATENTS = 1e-4  # the largest at the start of a fit (appendix A)
_CHECK_EVERY = 20  # steps of a fit; a look at all samples costs as much as four of them
_DECODED = 2**13  # points decoded at a time, few enough to stay near the processor
_CHUNK_POINTS = 2**21  # samples of the signals fitted at once; a signal that has more is fitted alone
_TRAINING_POINTS = 2**22  # samples that the decoder's training holds
_PLACES = {1: 25, 2: 5, 3: 3}  # along each axis, at which a cloud is pooled for its vector


@dataclass(frozen=True, kw_only=True)
class ArcConfig(FitConfig):
    """What can be chosen about clouds, their decoder and their fits. The defaults are ours; "paper-arc" the paper's.

    Args:
        neighbors: anchors that a point looks at.
        latent: numbers of each anchor.
        share: anchors for each sample of a signal; flat places get none.
        least: anchors of a signal at the least, where it has so many samples.
        anchors: so many for every signal, whatever its size; 0 to go by the share.
        sight: how far from an anchor places are told apart, in usual distances of a neighbour; farther ones look as if
            they lay there. What is empty may lie very far from any anchor, where a decoder would only guess. 0 for no
            bound.
        jitter: how far anchors stray from the samples that they are drawn at, in cells of the grid, so that no two
            are equally near to a sample.
        train_signals: signals on which the decoder is trained.
        train_steps: steps of that training.
        train_batch: signals of one of them.
        train_points: samples of each of these.
        train_learning_rate: at the first step.
        train_decay: how it falls: along a cosine, or late, from three fifths of the steps on in a line, which fits the
            signals learned from in fewer steps and others less well.
        train_finer: how many times as fine as the signals' own the grids of that training are, so that the decoder
            learns what lies between samples, to be linear; where signals have few, it shows.
        points: share of a signal's samples that a step looks at, drawn afresh.
    """

    neighbors: int = 4
    latent: int = 32
    share: float = 0.05
    least: int = 16
    anchors: int = 0
    sight: float = 1.5
    jitter: float = 1.0
    train_signals: int = 100
    train_steps: int = 3000
    train_batch: int = 32
    train_points: int = 98
    train_learning_rate: float = 1e-2
    train_decay: Literal["cosine", "late"] = "cosine"
    train_finer: int = 1
    steps: int = 150
    learning_rate: float = 2e-2
    final_learning_rate: float = 5e-4
    warm_steps: int = 50
    points: float = 0.25

    def __post_init__(self):
        super().__post_init__()
        check_fields(
            self,
            (("neighbors", "latent", "least"), 1, 4096),
            (("train_signals", "train_steps", "train_batch", "train_points"), 1, 10**9),
            (("train_finer",), 1, 64),
            (("anchors",), 0, 10**9),
            (("share", "points"), 1e-6, 1),
            (("jitter",), 0, 1),
            (("sight",), 0, 1e9),
        )

    @property
    def warm_plan(self) -> Plan:
        """Anchors stand elsewhere at another resolution, so latents have further to go than at the last rate."""
        return self.plan_of(self.warm_steps, self.learning_rate / 2, self.final_learning_rate)

    def plan_of(self, steps: int, first: float, last: float, **others: Any) -> Plan:
        return super().plan_of(steps, first, last, check_every=_CHECK_EVERY, **others)


class Arc(Fitted, Editable):
    """Clouds of anchored latents.

    Codes are a ``clouds.Cloud`` and, for each signal, ``psnr_db`` [N] and ``steps`` [N] of its fit; where the
    configuration asks for snapshots also ``cloud/snapshots`` [A, S, Z], the latents on the way.
    """

    name = "arc"
    spaces = (FUNCTION, "code")
    amortised = False
    points = ()
    paths = ("aligned",)
    edits = tuple(EDITS)
    Config = ArcConfig
    presets = {
        "default": ArcConfig(),
        "compact": ArcConfig(latent=16, train_finer=3, train_steps=2000, steps=100),
        "pictures": ArcConfig(latent=24, train_steps=2000, steps=200, learning_rate=3e-2),
        "paper-arc": ArcConfig(
            sight=0.0,
            least=4,
            jitter=0.0,
            train_steps=500,
            train_batch=100,
            train_points=196,
            train_learning_rate=5e-3,
            steps=500,
            learning_rate=5e-3,
            final_learning_rate=5e-3,
        ),
    }

    def train(
        self,
        config: ArcConfig,
        signals: SignalSet,
        *,
        seed: int,
        resume: Artifact | None = None,
        report: Report = silent,
    ) -> Checkpoint:
        fitting = Fitting(config, domain_of(signals), self.device)
        few = np.sort(np.random.default_rng(seed).permutation(len(signals))[: config.train_signals])
        known = Observations(signals[few])
        parameters = fitting.learn(_finer(known, config.train_finer), seed, resume, report)
        # Codes as they will be, with the decoder at rest, say how far each latent ranges.
        quiet = dataclasses.replace(config.plan, snapshots=())
        codes = fitting.run(known, parameters, quiet, seed, None, None, unkept(report))
        latents = Cloud.of(codes).latents
        deviation = latents.std(0)
        scale = {"latents.mean": latents.mean(0), "latents.deviation": np.where(deviation > 0, deviation, 1)}
        arrays = {**{name: tensor.cpu().numpy() for name, tensor in parameters.items()}, **scale}
        return self.checkpoint(config, signals, {k: v.astype(np.float32) for k, v in arrays.items()}, seed=seed)

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
        plan = fitting.config.plan if start is None else fitting.config.warm_plan
        parameters = parameters_of(checkpoint, self.device)
        return fitting.run(observations, parameters, plan, seed, resume, start, report)

    def at_step(self, codes: Arrays, step: int) -> dict[str, np.ndarray]:
        return dataclasses.replace(Cloud.of(codes), latents=codes[f"{PREFIX}snapshots"][:, step]).arrays

    def decode(self, checkpoint: Checkpoint, codes: Arrays, coords: np.ndarray) -> np.ndarray:
        cloud, fitting, (p, d) = Cloud.of(codes), self._fitting(checkpoint), coords.shape[-2:]
        values = np.empty((len(cloud), p, checkpoint.domain.m), np.float32)
        for rows, points in blocks(len(cloud), p, _DECODED):
            shape = (rows.stop - rows.start, points.stop - points.start)
            asked = np.broadcast_to(part(coords, rows, points), (*shape, d)).reshape(-1, d)
            whose = np.repeat(np.arange(rows.start, rows.stop), shape[1])
            near = fitting.near(cloud, asked, whose)
            values[rows, points] = fitting.read(checkpoint, cloud, asked, near).reshape(*shape, -1)
        return values

    def code_vectors(self, checkpoint: Checkpoint, codes: Arrays, space: str) -> np.ndarray:
        """Latents pooled where they lie: sums over the anchors near each place of a coarse grid, [N, places Z]."""
        cloud = Cloud.of(codes)
        latents = (cloud.latents - checkpoint.arrays["latents.mean"]) / checkpoint.arrays["latents.deviation"]
        side = _PLACES.get(cloud.d, 2)
        places, width = grid_coords((side,) * cloud.d), 1.25 / side
        vectors = np.zeros((len(cloud), len(places), latents.shape[1]), np.float32)
        for vector, place in zip(vectors.swapaxes(0, 1), places, strict=True):
            near = np.exp(-np.square((cloud.positions - place) / width).sum(1) / 2)
            vector[:] = np.add.reduceat(near[:, None] * latents, cloud.offsets[:-1], axis=0) / cloud.sizes[:, None]
        return vectors.reshape(len(cloud), -1)

    def interpolate(
        self, checkpoint: Checkpoint, start: Arrays, end: Arrays, at: np.ndarray, method: str = "aligned"
    ) -> dict[str, np.ndarray]:
        """Anchors of one cloud go straight to those of the other that an optimal assignment gives them."""
        one, other = Cloud.of(start), Cloud.of(end)
        pairs = self._pairs(checkpoint, one, other) if ((0 < at) & (at < 1)).any() else None
        return join([_between(one, other, pairs, float(t)).arrays for t in at])

    def blend(self, checkpoint: Checkpoint, codes: Arrays, weights: np.ndarray) -> dict[str, np.ndarray]:
        """The heaviest cloud, drawn to each of the others in turn."""
        order = np.argsort(-weights, kind="stable")
        mean, total = Cloud.of(take(codes, order[:1])), weights[order[0]]
        for row in order[1:]:
            if weights[row] > 0:
                total += weights[row]
                other = Cloud.of(take(codes, [row]))
                mean = _between(mean, other, self._pairs(checkpoint, mean, other), float(weights[row] / total))
        return mean.arrays

    def edit(
        self, checkpoint: Checkpoint, codes: Arrays, edits: Sequence[Any], other: Callable[[int], Arrays]
    ) -> dict[str, np.ndarray]:
        return apply(edits, Cloud.of(codes), lambda row: Cloud.of(other(row))).arrays

    def anchors(self, codes: Arrays) -> np.ndarray:
        return Cloud.of(codes).positions

    def draw(
        self, checkpoint: Checkpoint, code: Arrays, resolution: Sequence[int], window: Window | None = None
    ) -> Drawing:
        cloud, fitting = Cloud.of(code), self._fitting(checkpoint)
        coords = window_coords(checkpoint.domain, resolution, window)
        values = np.empty((len(coords), checkpoint.domain.m), np.float32)
        reach = np.empty(len(coords), np.float32)
        for _, points in blocks(1, len(coords), _DECODED):
            near = fitting.near(cloud, coords[points], np.zeros(points.stop - points.start, np.int64))
            values[points] = fitting.read(checkpoint, cloud, coords[points], near)
            reach[points] = reach_of(cloud, coords[points], near)
        reach = reach.reshape(resolution)
        return Drawing(values.reshape(*resolution, -1), reach, farthest_of(reach))

    def redraw(
        self, checkpoint: Checkpoint, code: Arrays, edited: Arrays, drawing: Drawing, window: Window | None = None
    ) -> tuple[tuple[tuple[int, int], ...], np.ndarray, np.ndarray]:
        before, after, fitting = Cloud.of(code), Cloud.of(edited), self._fitting(checkpoint)
        lines = window_lines(drawing.reach.shape, window)
        box, which = touched(moved_places(before, after), lines, drawing.reach, drawing.farthest)
        part = tuple(slice(*side) for side in box)
        values = drawing.values[part].copy()
        coords = np.stack(np.meshgrid(*(line[side] for line, side in zip(lines, part, strict=True)), indexing="ij"), -1)
        asked, reach = coords[which], drawing.reach[part][which]
        fresh = np.empty((len(asked), values.shape[-1]), np.float32)
        for first in range(0, len(asked), _DECODED):
            points = slice(first, first + _DECODED)
            near = nearest_here(after, asked[points], reach[points], fitting.decoder.neighbors, self.device)
            fresh[points] = fitting.read(checkpoint, after, asked[points], near)
        values[which] = fresh
        return box, values, which

    def _pairs(self, checkpoint: Checkpoint, one: Cloud, other: Cloud) -> tuple[np.ndarray, np.ndarray]:
        """Anchors of two clouds matched by place and content."""
        crowd = len(one.positions) ** (1 / one.d)
        scale = checkpoint.arrays["latents.deviation"] * math.sqrt(one.latents.shape[1])
        points = [np.concatenate([c.positions * crowd, c.latents / scale], 1).astype(np.float64) for c in (one, other)]
        return pairs(points[0], points[1], one.d)

    def _fitting(self, checkpoint: Checkpoint) -> "Fitting":
        return _fitting(checkpoint, self.device)


@lru_cache(maxsize=16)
def _fitting(checkpoint: Checkpoint, device: str) -> "Fitting":
    # A decoder from before there was a bound has learned without one.
    return Fitting(Arc.config(overrides={"sight": 0.0, **checkpoint.config}), checkpoint.domain, device)


def _between(one: Cloud, other: Cloud, pairs: tuple[np.ndarray, np.ndarray] | None, t: float) -> Cloud:
    """Matched clouds of one signal each, a part of the way from one to the other; exact at both ends."""
    if pairs is None or t in (0, 1):
        return other if t == 1 else one
    mine, theirs = pairs

    def mixed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a[mine] + np.float32(t) * (b[theirs] - a[mine])

    return Cloud(
        positions=mixed(one.positions, other.positions),
        latents=mixed(one.latents, other.latents),
        frames=mixed(one.frames, other.frames),
        offsets=np.array([0, len(mine)]),
    )


class Fitting:
    """The clouds and the decoder of one configuration over one domain."""

    def __init__(self, config: ArcConfig, domain: Domain, device: str):
        self.config, self.device, self.dtype = config, device, matmul_dtype(device)
        self.decoder = CloudDecoder(d=domain.d, m=domain.m, neighbors=config.neighbors, latent=config.latent)
        low, high = domain.value_range
        self._low, self._span = low, high - low

    # -- the decoder

    def learn(self, known: Observations, seed: int, resume: Artifact | None, report: Report) -> dict[str, torch.Tensor]:
        """The decoder's parameters, from clouds that are fitted together with it."""
        config, generator = self.config, torch.Generator().manual_seed(seed)
        rows = slice(0, max(1, _TRAINING_POINTS // known.points))
        _, problem = self._prepared(known, rows, {}, seed)
        parameters = self.decoder.initial(generator)
        first = _FIRST_LATENTS * (2 * torch.rand(len(problem) * problem.slots, config.latent, generator=generator) - 1)
        moved = {name: tensor.to(self.device) for name, tensor in {**parameters, "latents": first}.items()}
        starts, together = np.cumsum(problem.counts) - problem.counts, min(config.train_batch, len(problem))
        each = config.train_batch * config.train_points // together
        falling = _late if config.train_decay == "late" else _cosine

        def loss_at(step: int) -> torch.Tensor:
            rng = draws(seed, step)
            chosen = rng.choice(len(problem), together, replace=False)[:, None]
            index = starts[chosen] + (rng.random((together, each)) * problem.counts[chosen]).astype(np.int64)
            kept = torch.from_numpy(index.ravel()).to(self.device)
            cast = {name: tensor.to(self.dtype) for name, tensor in moved.items()}
            neighbors, places = problem.neighbors.index_select(0, kept), problem.places.index_select(0, kept)
            values = self.decoder(cast, cast["latents"], neighbors, places.to(self.dtype))
            squares = (values.float() - problem.values.index_select(0, kept)).square().mean(1)
            return (squares if problem.weights is None else squares * problem.weights[kept]).mean()

        minimise(
            moved,
            loss_at,
            steps=config.train_steps,
            learning_rate_at=lambda step: config.train_learning_rate * falling(step / config.train_steps),
            report=report,
            resume=resume,
            metrics=lambda loss: {"psnr_db": -10 * math.log10(max(loss, 1e-14))},
        )
        return {name: moved[name] for name in parameters}

    def near(self, cloud: Cloud, coords: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The nearest anchors [P, n] of points [P, D], each asking its signal's."""
        return nearest(cloud.positions, cloud.offsets, coords, rows, self.config.neighbors, self.device)

    def read(self, checkpoint: Checkpoint, cloud: Cloud, coords: np.ndarray, near: np.ndarray) -> np.ndarray:
        """Values float32 [P, M] at points [P, D] whose nearest anchors [P, n] are known."""
        if near.size < len(cloud.positions):  # what few points ask for is small beside the cloud
            used, within = np.unique(near, return_inverse=True)
            cloud, near = cloud.some(used), within.reshape(near.shape)
        parameters, neighbors = parameters_of(checkpoint, self.device), torch.from_numpy(near).to(self.device)
        places, latents = self._seen(cloud, coords, neighbors)
        values = self.decoder(parameters, latents, neighbors, places)
        return values.mul_(self._span).add_(self._low).cpu().numpy()

    def _seen(self, cloud: Cloud, coords: np.ndarray, neighbors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        points, positions, frames, latents = (
            torch.tensor(array, device=self.device) for array in (coords, cloud.positions, cloud.frames, cloud.latents)
        )
        return places_of(points, positions, frames, neighbors, self.config.sight), latents

    # -- fits

    def run(
        self,
        observations: Observations,
        parameters: dict[str, torch.Tensor],
        plan: Plan,
        seed: int,
        resume: Artifact | None,
        start: Arrays | None,
        report: Report,
    ) -> dict[str, np.ndarray]:
        """Codes of all observations, chunk after chunk."""
        n, chunk = len(observations), max(1, min(self.config.chunk, _CHUNK_POINTS // observations.points))
        parts, done = ([dict(resume.arrays)], finished(resume, n, chunk)) if resume else ([], 0)
        for first in range(done, n, chunk):
            rows = slice(first, min(first + chunk, n))
            old = None if start is None else Cloud.of(take(start, rows))
            anchors, problem = self._prepared(observations, rows, parameters, seed, old)
            latents = anchors.latents
            there = np.arange(problem.slots) < anchors.sizes[:, None]
            padded = np.zeros((*there.shape, self.config.latent), np.float32)
            padded[there] = latents
            first_latents = torch.from_numpy(padded).flatten(1).to(self.device)
            fitted = fit(problem, first_latents, plan, hearing(report, rows, n, plan))
            latents = fitted.networks.view(*there.shape, -1).cpu().numpy()[there]
            found = {"psnr_db": fitted.psnr_db.cpu().numpy(), "steps": fitted.steps.cpu().numpy()}
            if plan.snapshots:
                kept = fitted.snapshots.view(len(there), -1, there.shape[1], latents.shape[1]).transpose(1, 2)
                found[f"{PREFIX}snapshots"] = kept.cpu().numpy()[there]
                found["snapshot_steps"] = np.tile(np.array(plan.snapshots, np.int32), (len(there), 1))
            parts.append({**dataclasses.replace(anchors, latents=latents).arrays, **found})
            report(
                Progress(
                    step=rows.stop, total=n, message="fitting", metrics={"psnr_db": float(found["psnr_db"].mean())}
                ),
                state=lambda: Artifact("fits", join(parts), {"n": n, "chunk": chunk}),
            )
        return join(parts)

    def _first(self, signals: SignalSet, batch: Batch, grids: np.ndarray | None, norms: np.ndarray, seed: int) -> Cloud:
        """Anchors as drawn, with small latents and without frames."""
        config = self.config
        positions, offsets = draw_anchors(
            signals,
            batch,
            grids,
            norms,
            share=config.share,
            least=config.least,
            most=config.anchors,
            jitter=config.jitter,
            seed=seed,
        )
        sizes = np.diff(offsets)
        lots = 2 * uniform(seed, signals.keys, int(sizes.max()) * config.latent, stream=5) - 1
        there = np.arange(sizes.max()) < sizes[:, None]
        latents = _FIRST_LATENTS * lots.reshape(*there.shape, config.latent)[there]
        frames = np.zeros((len(positions), positions.shape[1], positions.shape[1]), np.float32)
        return Cloud(positions=positions, latents=latents.astype(np.float32), frames=frames, offsets=offsets)

    def _prepared(
        self,
        observations: Observations,
        rows: slice,
        parameters: dict[str, torch.Tensor],
        seed: int,
        cloud: Cloud | None = None,
    ) -> tuple[Cloud, CloudFits]:
        """Clouds of some signals where fits begin, and how their samples lie to them; with ``cloud`` from there."""
        signals, batch = observations.signals[rows], observations.batch(rows)
        grids = grids_of(signals, observations.sampling, batch)
        norms = gradient_norms(batch, grids)
        counted, n = standing(signals, batch, grids, norms, seed), len(signals)
        whose, points = np.nonzero(counted)
        counted = counted[whose, points]
        coords = np.ascontiguousarray(batch.coords[points] if batch.coords.ndim == 2 else batch.coords[whose, points])
        counts = np.bincount(whose, minlength=n)
        if cloud is None:
            cloud = self._first(signals, batch, grids, norms, seed)
            near = self.near(cloud, coords, whose)
            # In units of what is usual where its signal is not empty: a neighbour lies about 1 away along each axis.
            squares, close = np.square(coords[:, None] - cloud.positions[near]).mean((1, 2)), counted <= 1
            close |= (np.bincount(whose, close, minlength=n) == 0)[whose]
            usual = np.sqrt(np.bincount(whose, squares * close, minlength=n) / np.bincount(whose, close, minlength=n))
            frames = np.eye(cloud.d) / np.where(usual > 0, usual, 1)[:, None, None]
            cloud = dataclasses.replace(cloud, frames=np.repeat(frames, cloud.sizes, 0).astype(np.float32))
        else:
            near = self.near(cloud, coords, whose)
        places, _ = self._seen(cloud, coords, torch.from_numpy(near).to(self.device))
        slots = int(cloud.sizes.max())
        padded = np.arange(len(cloud.positions)) + cloud.owners * slots - cloud.offsets[cloud.owners]

        def weighing(samples: np.ndarray) -> torch.Tensor:
            """Of each signal's samples 1 on average."""
            samples = samples * (counts / np.bincount(whose, samples, minlength=n))[whose]
            return torch.from_numpy(samples.astype(np.float32)).to(self.device)

        # Flat samples count in a fit as the few that they are; else it would be one of what is empty.
        room = None if batch.weights is None else batch.weights[whose, points]
        sparse = bool((counted > 1).any())
        problem = CloudFits(
            decoder=self.decoder,
            parameters=parameters,
            neighbors=torch.from_numpy(padded[near]).to(self.device),
            places=places,
            values=torch.from_numpy((batch.values[whose, points] - self._low) / self._span).to(self.device),
            weights=None if room is None else weighing(room),
            stands=None if room is None and not sparse else weighing(counted if room is None else counted * room),
            counts=counts,
            slots=slots,
            share=self.config.points,
            seed=seed,
            dtype=self.dtype,
        )
        return cloud, problem


def _finer(known: Observations, times: int) -> Observations:
    """The same signals on a grid so many times as fine, where they have one grid."""
    if times == 1 or not known.sampling.is_grid:
        return known
    return Observations(known.signals, tuple(times * size for size in known.sampling.size))


def _cosine(share: float) -> float:
    """From 1 down to almost 0."""
    return 0.001 + 0.999 * (1 + math.cos(math.pi * share)) / 2


def _late(share: float) -> float:
    """1 for three fifths of the way, then in a line down to almost 0."""
    return min(1.0, 0.001 + (1 - share) / 0.4)
