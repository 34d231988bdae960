"""Arc: clouds fitted, and edited, against the paper's algorithm written plainly, with the same frozen decoder."""

import dataclasses
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
import skimage.data
import torch
from scipy.ndimage import sobel
from scipy.spatial import cKDTree
from torch.nn import functional

from explorer.artifacts import Artifact
from explorer.bench import Row, compared, matmul_rate, row, seconds
from explorer.clouds import Cloud
from explorer.codes import Checkpoint
from explorer.edits import Move, Push
from explorer.errors import InvalidInput
from explorer.grids import resample
from explorer.messages import Progress
from explorer.nets.precision import matmul_dtype
from explorer.observations import Observations
from explorer.readers import load
from explorer.representations.arc import Arc, Fitting
from explorer.representations.base import domain_of, silent
from explorer.signals import SignalSet

_RELEASED = "one image at a time"
_NEAR, _SHARE, _RATE, _PARTS = 4, 0.05, 5e-3, 4  # of the paper, appendix A
_MOST_STEPS, _LOOK = 4000, 10
_LEARNT, _FITTED = 100, 64  # digits that the decoder learns from, and others
_DECODER_DB, _DECODER_STEPS, _LONGER_STEPS, _PHOTOGRAPHS_STEPS = 29.4, 320, 3000, 2000
_GOALS = ((30, 60), (36, 160))  # PSNR, steps of ours at most
_PHOTOGRAPH_GOAL = (36, 220)
_AS_RELEASED = {"sight": 0.0}  # what the plain decoder does not know
_SIDE, _EDITED = 256, (128, 256, 512, 1024)
_METHOD = Arc()


def run(*sections: str) -> list[Row]:
    """Digits of 28 x 28 with 39 anchors, and a photograph of 256 x 256 with 3277 and edits of it; all, or some."""
    if unknown := set(sections) - set(_SECTIONS):
        raise InvalidInput(f"Got arc.{', arc.'.join(sorted(unknown))}; expected some of {', '.join(_SECTIONS)}.")
    return [line for section in sections or _SECTIONS for line in _SECTIONS[section]()]


def _of_digits() -> list[Row]:
    digits = _digits()
    checkpoint, rows = _decoder(digits[:_LEARNT])
    for psnr_db, steps in _GOALS:
        rows += _fits("28x28", digits[_LEARNT:], checkpoint, psnr_db, steps, some=4, rounds=3)
    return rows


def _of_photograph() -> list[Row]:
    photograph = _photographs()
    config = _METHOD.config(overrides={**_AS_RELEASED, "train_steps": _PHOTOGRAPHS_STEPS, "steps": 5})
    shared = _METHOD.train(config, photograph[1:], seed=0)
    fits = _fits(f"{_SIDE}x{_SIDE}", photograph[:1], shared, *_PHOTOGRAPH_GOAL, some=1, rounds=1)
    return [*fits, *_edits(photograph[:1], shared)]


_SECTIONS = {"digits": _of_digits, "photograph": _of_photograph}
"""``explorer bench arc.digits`` measures one alone."""


def _digits() -> SignalSet:
    grids = resample(load("digits").values.reshape(-1, 8, 8, 1)[: _LEARNT + _FITTED], (28, 28))
    return SignalSet.from_grids(grids, axes="yx", name="digits 28", value_range=(0, 1))


def _photographs() -> SignalSet:
    """The camera man and, to learn a decoder from, others; grey."""
    names = ("camera", "coins", "moon", "brick", "grass", "page")
    grids = [
        resample(getattr(skimage.data, name)()[None, :, :, None] / np.float32(255), (_SIDE, _SIDE))[0] for name in names
    ]
    return SignalSet.from_grids(np.clip(grids, 0, 1), axes="yx", name="photographs", value_range=(0, 1))


# ---------------------------------------------------------------------------------------------------------------------
# The paper's algorithm written plainly: one image, all derivatives automatic, float32, a quarter of the pixels in turn


class _PlainCloud:
    """Anchors by the Sobel gradient norm without replacement, and what each pixel sees of them."""

    def __init__(self, image: np.ndarray, latent: int, seed: int):
        rng, shape = np.random.default_rng(seed), image.shape[:2]
        norms = np.sqrt(sum(np.square(sobel(image[..., 0], axis)) for axis in (0, 1))).ravel()
        count = min(round(_SHARE * norms.size), int((norms > 0).sum()))
        chosen = rng.choice(norms.size, count, replace=False, p=norms / norms.sum())
        pixels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 2).astype(np.float32)
        _, near = cKDTree(pixels[chosen]).query(pixels, _NEAR)
        away = pixels[:, None] - pixels[chosen][near]
        self.near = torch.from_numpy(near)
        self.places = torch.from_numpy(away / away.std((0, 1))).flatten(1)
        self.values = torch.from_numpy(image.reshape(-1, image.shape[-1]).astype(np.float32))
        self.latents = ((2 * torch.rand(count, latent) - 1) * 1e-4).requires_grad_(True)
        self.parts = torch.from_numpy(rng.permutation(norms.size)).chunk(_PARTS)

    def loss(self, decoder: "_PlainDecoder", kept: torch.Tensor | None = None) -> torch.Tensor:
        near, places, values = self.near, self.places, self.values
        if kept is not None:
            near, places, values = near[kept], places[kept], values[kept]
        return functional.mse_loss(decoder(self.latents[near].flatten(1), places), values)


class _PlainDecoder(torch.nn.Module):
    """[n (z + d), n (z + d), m] with a ReLU, fresh or with the parameters of a checkpoint."""

    def __init__(self, latent: int, m: int, checkpoint: Checkpoint | None = None):
        super().__init__()
        width = _NEAR * (latent + 2)
        self.first, self.last = torch.nn.Linear(width, width), torch.nn.Linear(width, m)
        if checkpoint is not None:
            arrays = {name: torch.tensor(array) for name, array in checkpoint.arrays.items()}
            with torch.no_grad():
                self.first.weight.copy_(torch.cat([arrays["latent_weight"], arrays["place_weight"]]).T)
                self.first.bias.copy_(arrays["bias"])
                self.last.weight.copy_(arrays["out_weight"].T)
                self.last.bias.copy_(arrays["out_bias"])
            self.requires_grad_(False)

    def forward(self, latents: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        return self.last(functional.relu(self.first(torch.cat([latents, places], 1))))


def _fit_plainly(image: np.ndarray, decoder: _PlainDecoder, latent: int, steps: int, psnr_db: float = np.inf) -> int:
    """Fit it; after how many steps the PSNR was there, which is looked at only where one is given."""
    cloud = _PlainCloud(image, latent, seed=0)
    optimiser = torch.optim.Adam([cloud.latents], lr=_RATE)
    for step in range(steps):
        optimiser.zero_grad()
        cloud.loss(decoder, cloud.parts[step % _PARTS]).backward()
        optimiser.step()
        if np.isfinite(psnr_db) and step % _LOOK == _LOOK - 1:
            with torch.no_grad():
                if -10 * np.log10(float(cloud.loss(decoder))) >= psnr_db:
                    return step + 1
    return steps


# ---------------------------------------------------------------------------------------------------------------------
# Rows


def _fits(
    name: str, signals: SignalSet, checkpoint: Checkpoint, psnr_db: float, steps: int, *, some: int, rounds: int
) -> list[Row]:
    """Images to a PSNR: ours until each is there; plainly, each in the number of steps that it was found to need."""
    config = {"psnr_db": float(psnr_db), "steps": steps, "learning_rate": 3e-2, "least": 4}
    ours = dataclasses.replace(checkpoint, config={**checkpoint.config, **config})
    observations, latent = Observations(signals), checkpoint.config["latent"]
    decoder = _PlainDecoder(latent, signals.m, checkpoint)
    images = [signals.grid(i) for i in range(some)]
    needed = [_fit_plainly(image, decoder, latent, _MOST_STEPS, psnr_db) for image in images]

    def plainly() -> None:
        for image, count in zip(images, needed, strict=True):
            _fit_plainly(image, decoder, latent, count)

    found = _METHOD.encode(ours, observations)
    taken, ratio, spread = compared(
        lambda: _METHOD.encode(ours, observations), plainly, share=some / len(signals), rounds=max(rounds, 2)
    )
    label, n = f"{name} to {psnr_db} dB", len(signals)
    pixels = int(np.prod(signals.reference_shape))
    width = _NEAR * (latent + 2)
    operations = 2 * 2 * width**2 * pixels * checkpoint.config["points"] * float(found["steps"].sum())
    dtype = matmul_dtype("cpu")
    return [
        row(label, "time", 1000 * taken / n, "ms/image", _RELEASED, ratio, spread),
        row(
            label,
            "steps",
            float(found["steps"].mean()),
            "steps",
            _RELEASED,
            median(needed) / float(found["steps"].mean()),
        ),
        row(label, "images that got there", float((found["psnr_db"] >= psnr_db).mean()), "share"),
        row(label, "share of matrix-product rate", operations / taken / matmul_rate(dtype), str(dtype)[6:]),
    ]


def _decoder(signals: SignalSet) -> tuple[Checkpoint, list[Row]]:
    """A decoder to a PSNR over all pixels of its images."""
    name, psnr_db = f"decoder to {_DECODER_DB} dB", _DECODER_DB
    config = _METHOD.config(overrides={**_AS_RELEASED, "train_steps": _LONGER_STEPS, "steps": 5, "least": 4})
    quick = {
        "train_steps": _DECODER_STEPS,
        "train_batch": len(signals),
        "train_points": 16,
        "train_learning_rate": 2e-2,
        "train_decay": "late",
    }
    fitting = Fitting(dataclasses.replace(config, **quick), domain_of(signals), "cpu")
    known = Observations(signals)
    decibels: list[float] = []

    def heard(progress: Progress, state: Callable[[], Artifact] | None = None) -> None:
        decibels.append(progress.metrics["psnr_db"])

    warm = Fitting(dataclasses.replace(fitting.config, train_steps=_LOOK), domain_of(signals), "cpu")
    warm.learn(known, 0, None, silent)
    ours = seconds(lambda: fitting.learn(known, 0, None, heard))
    images, latent = [signals.grid(i) for i in range(len(signals))], config.latent
    decoder, clouds = (
        _PlainDecoder(latent, signals.m),
        [_PlainCloud(image, latent, i) for i, image in enumerate(images)],
    )
    optimiser = torch.optim.Adam([*decoder.parameters(), *(cloud.latents for cloud in clouds)], lr=_RATE)
    plainly, step, got = 0.0, 0, 0.0

    def improve() -> None:
        optimiser.zero_grad()
        sum(cloud.loss(decoder, cloud.parts[step % _PARTS]) for cloud in clouds).backward()  # type: ignore[union-attr]
        optimiser.step()

    while got < psnr_db and step < _MOST_STEPS:
        plainly += seconds(improve)
        step += 1
        if step % (2 * _LOOK) == 0:
            with torch.no_grad():
                got = float(np.mean([-10 * np.log10(float(cloud.loss(decoder))) for cloud in clouds]))
    checkpoint = _METHOD.train(config, signals, seed=0)
    return checkpoint, [
        row(name, "time", ours, "s", "100 images jointly, as in the paper", plainly / ours),
        row(
            name,
            "PSNR of the last steps",
            decibels[-1],
            "dB",
            "100 images jointly, as in the paper",
            decibels[-1] / got,
        ),
    ]


def _edits(signals: SignalSet, checkpoint: Checkpoint) -> list[Row]:
    """An anchor dragged, a brush over 200 anchors, and the whole picture, at four sizes."""
    code = _METHOD.encode(checkpoint, Observations(signals))
    positions = Cloud.of(code).positions
    middle = int(np.linalg.norm(positions, axis=1).argmin())
    away = np.sort(np.linalg.norm(positions - positions[middle], axis=1))
    one = Move(anchors=(middle,), vector=(0.01, 0.02))
    brush = Push(center=tuple(positions[middle].tolist()), vector=(0.03, 0.0), radius=float(away[200]))
    width, rate = _NEAR * (checkpoint.config["latent"] + 2), matmul_rate(torch.float32)
    operations, rows = 2 * width**2, []
    for size in _EDITED:
        drawing = _METHOD.draw(checkpoint, code, (size, size))

        def drag(edit: Move | Push, drawing=drawing) -> None:
            _METHOD.redraw(checkpoint, code, _METHOD.edit(checkpoint, code, [edit], lambda row: code), drawing)

        whole, label = _median(partial(_METHOD.draw, checkpoint, code, (size, size)), 3), f"edit {size}x{size}"
        for name, edit in (("one anchor", one), ("brush over 200 anchors", brush)):
            taken = _median(partial(drag, edit), 9)
            rows.append(row(label, name, 1000 * taken, "ms", "whole render", whole / taken))
        rows.append(row(label, "whole render", 1000 * whole, "ms"))
        rows.append(
            row(label, "whole render, share of matrix-product rate", operations * size**2 / whole / rate, "float32")
        )
    return rows


def _median(work: Callable[[], object], rounds: int) -> float:
    work()
    return median(seconds(work) for _ in range(rounds))
