"""The fit of one signal, replayed: what the code was on its way, what it showed, and where it stood on the map.

Everything here asks the engine and may wait for it: call it in a thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from explorer.codes import Checkpoint
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.portraits import grid_for, portraits
from explorer.dashboard.views.thumbnails import thumbnails

SNAPSHOTS = 20
PICTURE_SIZE = 64


@dataclass(frozen=True, eq=False)
class Replay:
    """A fit at S moments.

    Args:
        steps: after how many steps each was, [S].
        pictures: what the code showed, S times uint8 [H, W] or [H, W, 3 or 4].
        truth: the whole signal, drawn alike.
        psnr_db: of each against it, [S].
        codes: as vectors, float32 [S, dz].
        places: on the map of the others, float32 [S, 2].
        layout: that map, float32 [n, 2].
        clusters: of the others, [n].
    """

    steps: np.ndarray
    pictures: list[np.ndarray]
    truth: np.ndarray
    psnr_db: np.ndarray
    codes: np.ndarray
    places: np.ndarray
    layout: np.ndarray
    clusters: np.ndarray


def can_replay(about: Mapping[str, Any] | None) -> bool:
    """Whether a representation, as ``Engine.describe`` has it, fits signals and can keep what the fit went through."""
    return about is not None and not about["amortised"] and "snapshots" in about["presets"]["default"]


def replay(subject: Subject, row: int, dark: bool = False) -> Replay:
    """Fit one signal again as it was fitted among the others, and keep what it goes through.

    A fit depends on its signal, the checkpoint and the seed alone, so it ends where the one that is known ended.
    """
    engine, signals = subject.library.engine, subject.signals
    checkpoint, signal = _keeping(subject.checkpoint), signals[[row]]
    for artifact, id in ((checkpoint.artifact, checkpoint.id), (signal.artifact, signal.id)):
        if not engine.has(id):
            engine.delete(engine.put(artifact, "replayed"))  # kept, but not listed among what people can choose
    there = subject.library.there(subject.checkpoint.id, signals, subject.sampling)
    codes = engine.encode(checkpoint, signal, subject.sampling, start=there.start if there else None)
    moments = engine.snapshots(codes)
    shape, window = grid_for(signals, PICTURE_SIZE)
    grids = np.concatenate([engine.render(moment, shape, window) for moment in moments])
    space = codes.spaces[0]
    return Replay(
        steps=codes.arrays["snapshot_steps"][0],
        pictures=portraits(grids, signals.value_range, PICTURE_SIZE, dark),
        truth=thumbnails(signal, [0], PICTURE_SIZE)[0],
        psnr_db=np.concatenate([engine.quality(moment)["psnr_db"] for moment in moments]),
        codes=np.concatenate([engine.vectors(moment, space) for moment in moments]),
        places=np.concatenate(
            [engine.project(moment, "pca", space=space, reference=subject.reference) for moment in moments]
        ),
        layout=subject.within(space).layout("pca"),
        clusters=subject.within(space).clusters(),
    )


def _keeping(checkpoint: Checkpoint) -> Checkpoint:
    return replace(checkpoint, config={**checkpoint.config, "snapshots": SNAPSHOTS})
