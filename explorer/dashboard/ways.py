"""Ways from signals to codes, for those who have just brought some: what suits how many signals of which kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from explorer.signals import SignalSet

ENOUGH = 12
"""Signals from which on one network can learn what they have in common."""
LARGE_SAMPLES = 1024
"""Samples of a signal above which a small network is too coarse for it."""


@dataclass(frozen=True)
class Way:
    """A training, and what it gives.

    Args:
        title: what is done, as a button says it.
        about: what one gets of it, in a sentence.
        representation, preset, changes: what is trained.
        fits: whether every signal is fitted afterwards, since nothing encodes it at once.
    """

    title: str
    about: str
    representation: str
    preset: str = "default"
    changes: Mapping[str, Any] = field(default_factory=dict)
    fits: bool = True


def ways(signals: SignalSet) -> tuple[Way, ...]:
    """What can be done with signals, the best first."""
    n = len(signals)
    samples = float(np.median(np.diff(signals.offsets)))
    each = "it" if n == 1 else "each of them"
    fit = Way(
        title="fit a network" if n == 1 else f"fit {n:,} networks",
        about=f"A SIREN of its own for {each}: as close as can be, at the resolution at which it is fitted.",
        representation="siren",
        preset="pictures" if samples > LARGE_SAMPLES else "default",
    )
    learn = Way(
        title="train a hypernetwork",
        about=f"One network learns from all {n:,} and then gives any signal its code at once, at any resolution.",
        representation="hypernetwork",
        fits=False,
    )
    clouds = Way(
        title="fit a cloud" if n == 1 else f"fit {n:,} clouds",
        about=f"Anchored latents for {each}, which can be pushed, turned and mixed by hand on the Edit page.",
        representation="arc",
        preset="pictures" if samples > LARGE_SAMPLES else "compact",
    )
    found = [learn, fit] if n >= ENOUGH else [fit]
    if signals.d == 2:
        found.append(clouds)
    return tuple(found)
