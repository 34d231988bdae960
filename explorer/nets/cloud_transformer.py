"""A small point transformer that tells classes of anchored clouds.

Each anchor knows its latents and where it lies in its cloud, and attends to its nearest ones by where they lie from it;
where the cloud itself lies it is not told. After Zhao et al. 2021 ("Point Transformer") and ARC, section 3.3, whose
augmentations are the edits of clouds.

Shape legend: N clouds, A anchors of all of them, D axes, Z latents, K neighbours, W width, H heads, C classes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch.nn import functional

from explorer.clouds import Cloud
from explorer.codes import take
from explorer.edits import push, rotation, shift, transform
from explorer.errors import InvalidInput
from explorer.nets.nearest import nearest

_WIDTH, _BLOCKS, _NEAR, _PLACE = 96, 2, 8, 16
_HEADS, _HEAD = 4, 8  # narrow: what is gathered for every pair of neighbours takes most of the time
_WAVES = (1.0, 2.0, 4.0)  # in which an anchor is told where it lies, in radians for each extent of clouds
_BATCH = 16  # few, so that there are many steps: these are what a classifier lacks
_LEARNING_RATE, _WEIGHT_DECAY, _SMOOTHING, _DROPOUT, _WARM = 3e-3, 0.02, 0.05, 0.2, 0.1
_ANCHORS = 2**15  # asked about at a time

Report = Callable[[int, int], None]
"""Hears of the step and how many there are; an exception of its ends the training."""

Augmentation = Literal["noise", "points", "thin", "mix"]
"""Noise on latents; anchors pushed, turned and scaled; some of them gone; a part of another cloud (ARC, table 5)."""


@dataclass(frozen=True, kw_only=True)
class Learning:
    """How a classifier of clouds learns.

    Args:
        epochs: passes over the training clouds.
        least_steps: steps at the least, where these are few.
        augment: how clouds are changed, anew in each pass. Mixes need many passes before they help.
        normalise: latents are brought to mean 0 and deviation 1 one by one (``each``), all alike (``whole``), or
            not (``none``).
    """

    epochs: int = 24
    least_steps: int = 600
    augment: tuple[Augmentation, ...] = ("noise", "points", "thin")
    normalise: Literal["each", "whole", "none"] = "each"


@dataclass(frozen=True)
class _Batch:
    """Clouds as the network takes them: latents and places in the cloud [A, Z + D (1 + 2 waves)], neighbours [A, K],
    their places [A, K, D] and sizes [N]."""

    anchors: torch.Tensor
    neighbors: torch.Tensor
    places: torch.Tensor
    sizes: torch.Tensor


def fit_clouds(
    clouds: Cloud, classes: np.ndarray, seed: int, learning: Learning | None = None, report: Report | None = None
) -> Callable[[Cloud], np.ndarray]:
    """Train it, with AdamW down a cosine; on the CPU, so that one seed is one classifier everywhere.

    Args:
        clouds: of N signals.
        classes: int64 [N], from 0 up.
        seed: of the weights, the batches, the augmentations and the dropout.

    Returns:
        From clouds of n signals to classes [n].
    """
    learning = learning or Learning()
    if len(classes) != len(clouds):
        raise InvalidInput(f"Got {len(classes)} labels for {len(clouds)} clouds; expected one for each.")
    generator, count = torch.Generator().manual_seed(seed), int(classes.max()) + 1
    mean, deviation = _scale(clouds, learning)
    spacing, extent = _spacing(clouds), _extent(clouds)

    def prepared(part: Cloud) -> _Batch:
        near = nearest(part.positions, part.offsets, part.positions, part.owners, _NEAR)
        away = (part.positions[near] - part.positions[:, None]) / spacing
        within = (part.positions - _middles(part)[part.owners]) / np.float32(extent)
        waves = [wave(np.float32(many) * within) for many in _WAVES for wave in (np.sin, np.cos)]
        return _Batch(
            anchors=torch.from_numpy(np.concatenate([(part.latents - mean) / deviation, within, *waves], 1)),
            neighbors=torch.from_numpy(near),
            places=torch.from_numpy(away),
            sizes=torch.from_numpy(part.sizes),
        )

    weights = _initial(clouds.latents.shape[1], clouds.d, count, generator)
    steps = max(learning.epochs * math.ceil(len(clouds) / _BATCH), learning.least_steps)
    optimiser = torch.optim.AdamW(weights.values(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY, fused=True)
    order = np.zeros(0, int)
    for step in range(steps):
        rng = np.random.default_rng((seed, step))
        if len(order) < _BATCH:
            order = np.concatenate([order, rng.permutation(len(clouds))])
        rows, order = order[:_BATCH], order[_BATCH:]
        part = Cloud.of(take(clouds.arrays, rows))
        wanted = np.eye(count, dtype=np.float32)[classes[rows]]
        part, wanted = _augmented(part, wanted, rng, extent, learning.augment)
        share = step / steps
        rate = min(1.0, share / _WARM) * (1 + math.cos(math.pi * share)) / 2
        optimiser.param_groups[0]["lr"] = _LEARNING_RATE * max(rate, 1e-3)
        optimiser.zero_grad()
        scores = _scores(weights, prepared(part), generator)
        functional.cross_entropy(scores, torch.from_numpy(wanted), label_smoothing=_SMOOTHING).backward()
        optimiser.step()
        if report is not None:
            report(step + 1, steps)

    @torch.inference_mode()
    def predict(asked: Cloud) -> np.ndarray:
        size = max(1, _ANCHORS // max(1, int(asked.sizes.max(initial=1))))
        parts = [slice(first, first + size) for first in range(0, len(asked), size)]
        batches = (prepared(Cloud.of(take(asked.arrays, part))) for part in parts)
        return np.concatenate([_scores(weights, batch).argmax(1).numpy() for batch in batches])

    return predict


def _scale(clouds: Cloud, learning: Learning) -> tuple[np.ndarray, np.ndarray]:
    """What is taken from latents, and what they are divided by: float32 [Z] each."""
    if learning.normalise == "none":
        return np.zeros(clouds.latents.shape[1], np.float32), np.ones(clouds.latents.shape[1], np.float32)
    axis = 0 if learning.normalise == "each" else None
    mean, deviation = clouds.latents.mean(axis), clouds.latents.std(axis)
    whole = np.broadcast_to(np.where(deviation > 0, deviation, 1), clouds.latents.shape[1:])
    return np.broadcast_to(mean, whole.shape).astype(np.float32), whole.astype(np.float32)


def _spacing(clouds: Cloud) -> np.float32:
    """How far the neighbours lie away, usually."""
    near = nearest(clouds.positions, clouds.offsets, clouds.positions, clouds.owners, _NEAR)
    away = clouds.positions[near] - clouds.positions[:, None]
    return np.float32(np.sqrt(np.square(away).mean()) or 1)


def _middles(clouds: Cloud) -> np.ndarray:
    """Of each cloud's anchors: float32 [N, D]."""
    return np.add.reduceat(clouds.positions, clouds.offsets[:-1], axis=0) / clouds.sizes[:, None].astype(np.float32)


def _extent(clouds: Cloud) -> float:
    """How far along an axis anchors lie from the middle of their cloud, usually."""
    return float(np.sqrt(np.square(clouds.positions - _middles(clouds)[clouds.owners]).mean())) or 1.0


# ---------------------------------------------------------------------------------------------------------------------
# The network


def _initial(latent: int, d: int, classes: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    shapes = {"in": (latent + d * (1 + 2 * len(_WAVES)), _WIDTH), "second": (_WIDTH, _WIDTH)}
    for block in range(_BLOCKS):
        shapes |= {
            f"{block}.query": (_WIDTH, 3 * _HEADS * _HEAD),
            f"{block}.place": (d, _PLACE),
            f"{block}.bias": (_PLACE, _HEADS),
            f"{block}.value": (_PLACE, _HEADS * _HEAD),
            f"{block}.out": (_HEADS * _HEAD, _WIDTH),
            f"{block}.wide": (_WIDTH, 2 * _WIDTH),
            f"{block}.narrow": (2 * _WIDTH, _WIDTH),
        }
    shapes |= {"pooled": (2 * _WIDTH, _WIDTH), "classes": (_WIDTH, classes)}
    weights = {}
    for name, (inputs, outputs) in shapes.items():
        bound = math.sqrt(3 / inputs)
        weights[name] = bound * (2 * torch.rand(inputs, outputs, generator=generator) - 1)
        weights[f"{name}+"] = torch.zeros(outputs)
    return {name: tensor.requires_grad_(True) for name, tensor in weights.items()}


def _scores(weights: dict[str, torch.Tensor], batch: _Batch, generator: torch.Generator | None = None) -> torch.Tensor:
    """[N, C]; with a generator some of the pooled features are dropped."""

    def linear(name: str, x: torch.Tensor) -> torch.Tensor:
        return x @ weights[name] + weights[f"{name}+"]

    def normal(x: torch.Tensor) -> torch.Tensor:
        return functional.layer_norm(x, x.shape[-1:])

    x, (anchors, near) = linear("second", linear("in", batch.anchors).relu()), batch.neighbors.shape
    index = batch.neighbors.flatten()
    for block in range(_BLOCKS):
        query, key, value = linear(f"{block}.query", normal(x)).chunk(3, 1)
        place = linear(f"{block}.place", batch.places).relu()
        seen = torch.cat([key, value], 1).index_select(0, index).view(anchors, near, 2, _HEADS, -1)
        # Sums of products; as products of matrices, which would be tiny, they take many times as long.
        match = (query.view(anchors, 1, _HEADS, -1) * seen[:, :, 0]).sum(-1)
        heed = (match / math.sqrt(_HEAD) + linear(f"{block}.bias", place)).softmax(1)
        value = seen[:, :, 1] + linear(f"{block}.value", place).view(anchors, near, _HEADS, -1)
        x = x + linear(f"{block}.out", (heed.unsqueeze(-1) * value).sum(1).flatten(1))
        x = x + linear(f"{block}.narrow", linear(f"{block}.wide", normal(x)).relu())
    x = normal(x)
    pooled = torch.cat([torch.segment_reduce(x, how, lengths=batch.sizes) for how in ("mean", "max")], 1)
    hidden = linear("pooled", pooled).relu()
    if generator is not None:
        hidden = hidden * (torch.rand(hidden.shape, generator=generator) >= _DROPOUT) / (1 - _DROPOUT)
    return linear("classes", hidden)


# ---------------------------------------------------------------------------------------------------------------------
# Augmentations: the edits of clouds, each signal with parameters of its own


def _augmented(
    clouds: Cloud, wanted: np.ndarray, rng: np.random.Generator, extent: float, ways: tuple[Augmentation, ...]
) -> tuple[Cloud, np.ndarray]:
    """Clouds and what is wanted of them [N, C], both changed. Lengths go by the ``extent`` of clouds."""
    n, d, owners = len(clouds), clouds.d, clouds.owners
    if "points" in ways:
        middles = _middles(clouds)
        clouds = push(
            clouds,
            (middles + extent * rng.uniform(-2, 2, (n, d)))[owners],
            extent * rng.normal(0, 0.2, (n, d))[owners],
            extent * rng.uniform(1, 3, n)[owners],
        )
        matrix = np.eye(d) * rng.uniform(0.88, 1.13, (n, 1, d))
        if d > 1:
            matrix = rotation(rng.uniform(-0.26, 0.26, n), d) @ matrix
        clouds = transform(clouds, matrix[owners], middles[owners], frames=False)
    if "noise" in ways:
        noise = 0.1 * clouds.latents.std(0) * rng.normal(size=clouds.latents.shape)
        clouds = replace(clouds, latents=(clouds.latents + noise).astype(np.float32))
    if "thin" in ways:
        clouds = _thinned(clouds, rng)
    return _mixed(clouds, wanted, rng, extent) if "mix" in ways and rng.random() < 0.5 else (clouds, wanted)


def _thinned(clouds: Cloud, rng: np.random.Generator) -> Cloud:
    """Up to a quarter of each cloud's anchors go."""
    gone = rng.random(len(clouds.positions)) < rng.uniform(0, 0.25, len(clouds))[clouds.owners]
    gone[clouds.offsets[:-1]] = False  # one stays
    return clouds.pick(~gone)


def _mixed(clouds: Cloud, wanted: np.ndarray, rng: np.random.Generator, extent: float) -> tuple[Cloud, np.ndarray]:
    """What lies beyond a line in each cloud comes from another one, laid upon it (ARCMix by side)."""
    n, partner, middles = len(clouds), rng.permutation(len(clouds)), _middles(clouds)
    other = Cloud.of(take(clouds.arrays, partner))
    other = shift(other, (middles - middles[partner])[other.owners])
    normal = rng.normal(size=(n, clouds.d))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    at = extent * rng.uniform(-1.5, 1.5, n)
    own, theirs = (
        ((c.positions - middles[c.owners]) * normal[c.owners]).sum(1) < at[c.owners] for c in (clouds, other)
    )
    own[clouds.offsets[:-1]] = True  # one stays
    mixed = Cloud.joined(clouds, own, other, ~theirs)
    share = (np.bincount(clouds.owners[own], minlength=n) / mixed.sizes)[:, None].astype(np.float32)
    return mixed, share * wanted + (1 - share) * wanted[partner]
