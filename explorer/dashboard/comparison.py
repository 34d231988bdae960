"""Signals through several checkpoints: what each makes of them, how well, at how many bytes and in what time.

Everything here asks the engine and may wait for it: call it in a thread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.dashboard.library import Library, told_apart
from explorer.dashboard.subject import Subject
from explorer.dashboard.walks import has_codes
from explorer.messages import Entry
from explorer.observations import Sampling
from explorer.signals import SignalSet

MOST_RIVALS = 6
NEIGHBORS = 10


@dataclass(frozen=True)
class Rival:
    """One checkpoint among those that are compared.

    Args:
        name: told apart from the others.
        subject: the signals through it; None while every signal would have to be fitted first.
        differentiable: whether its functions have derivatives.
    """

    entry: Entry
    name: str
    subject: Subject | None
    differentiable: bool = False


@dataclass(frozen=True)
class Figures:
    """What a checkpoint costs and gives, means over some signals.

    Args:
        code_bytes: of one code.
        share_bytes: of the checkpoint, divided among the signals of the set.
        encode_s: None where every signal is fitted anew.
    """

    name: str
    psnr_db: tuple[float, ...]
    ssim: float | None
    code_bytes: int
    share_bytes: float
    encode_s: float | None
    render_s: float


def rivals(
    library: Library, signals: SignalSet, entries: Sequence[Entry], sampling: Sampling, first: str = ""
) -> list[Rival]:
    """The checkpoints that fit, the one that is looked at first, then those with codes, at most six."""
    described, names = library.engine.describe()["representations"], told_apart(entries)
    found = []
    for entry in entries:
        about = described.get(entry.details["representation"], {})
        ready = about.get("amortised", False) or has_codes(library, entry, signals, sampling)
        subject = Subject(library, signals, library.checkpoint(entry.id), sampling) if ready else None
        found.append(Rival(entry, names[entry.id], subject, bool(about.get("derivatives", False))))
    found.sort(key=lambda rival: (rival.entry.id != first, rival.subject is None))
    return found[:MOST_RIVALS]


def figures_of(rival: Rival, rows: Sequence[int], resolution: Sequence[int]) -> Figures:
    """Ask for a checkpoint's figures on some signals; times are of the first of them, at a resolution."""
    subject = rival.subject
    assert subject is not None
    engine, codes = subject.library.engine, subject.codes
    quality = engine.quality(codes[list(rows)])
    seconds = engine.timing(codes, rows[0], resolution)
    return Figures(
        rival.name,
        tuple(map(float, quality["psnr_db"])),
        float(quality["ssim"].mean()) if "ssim" in quality else None,
        code_bytes(subject, rows[0]),
        subject.checkpoint.artifact.nbytes / len(subject.signals),
        seconds["encode_s"],
        float(seconds["render_s"] or 0),
    )


def code_bytes(subject: Subject, row: int) -> int:
    """How large one code is, also with what is for spaces that are not decoded."""
    return sum(array.nbytes for array in subject.code(row).values())


def controls_of(subject: Subject, rows: Sequence[int]) -> dict[str, Mapping[str, Any]]:
    """What plain interpolation of the same samples reaches, by method; nothing where there is no grid."""
    if not subject.sampling.is_grid or subject.signals.shape is None:
        return {}
    engine = subject.library.engine
    return {
        method: engine.control(subject.signals, subject.sampling, rows=rows, method=method)
        for method in ("nearest", "cubic")
    }


def equal_bytes(found: Sequence[Rival], rows: Sequence[int]) -> list[Rival]:
    """Of each representation the one checkpoint whose codes are closest in size to those of the first."""
    ready = [rival for rival in found if rival.subject is not None]
    if not ready:
        return []
    sizes = {rival.entry.id: np.log(code_bytes(rival.subject, rows[0])) for rival in ready if rival.subject}
    wanted = sizes[ready[0].entry.id]
    best: dict[str, Rival] = {}
    for rival in ready:
        method = rival.entry.details["representation"]
        other = best.get(method)
        if other is None or abs(sizes[rival.entry.id] - wanted) < abs(sizes[other.entry.id] - wanted):
            best[method] = rival
    return list(best.values())


def in_common(one: Subject, other: Subject, k: int = NEIGHBORS) -> np.ndarray:
    """Of each signal the share of its k nearest neighbours that both have: float32 [n]."""
    neighbors = [subject.library.engine.nearest(subject.codes, k)[0] for subject in (one, other)]
    return (neighbors[0][:, :, None] == neighbors[1][:, None, :]).any(2).mean(1, dtype=np.float32)


def clusters_agree(one: Subject, other: Subject) -> float:
    """How far the clusters of two checkpoints are the same: 1 for all, 0 for no more than chance (adjusted mutual
    information)."""
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(one.clusters(), other.clusters()))
