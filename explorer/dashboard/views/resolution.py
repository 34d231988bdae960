"""The resolution slider: stops that training saw, or at which signals are fitted, are dots, others rings.

The signals' own is marked; stops at which signals have to be fitted first are pale.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import param

from explorer.codes import Checkpoint
from explorer.dashboard.views.script import Scripted
from explorer.observations import Sampling
from explorer.signals import SignalSet

_FACTORS = tuple(Fraction(*pair) for pair in ((1, 4), (1, 2), (3, 4), (1, 1), (3, 2), (2, 1), (3, 1), (4, 1), (6, 1)))
_SMALLEST = 4
_SAMPLES_LIMIT = 2**27
"""Samples of a whole set at one stop; beyond, encoding would take minutes and not follow a hand."""
_LARGEST_GRID = 2**24
"""Samples of one signal; more are never observed."""

JITTER, DROP = 0.5, 0.25


@dataclass(frozen=True)
class Stop:
    """One place of the slider.

    Args:
        shape: the grid's samples along each axis.
        trained: whether training saw it; None where signals are fitted one by one, so that nothing depends on it.
        native: whether it is the signals' own.
        ready: whether codes of even and of uneven samples are there or come at once; else signals are fitted first.
    """

    shape: tuple[int, ...]
    trained: bool | None
    native: bool
    ready: tuple[bool, bool] = (True, True)

    @property
    def size(self) -> int:
        """Samples along the first axis, by which the stop is called."""
        return self.shape[0]

    @property
    def label(self) -> str:
        """Its size in words."""
        return "×".join(map(str, self.shape))

    def seen(self, uneven: bool) -> str:
        """What training or fits saw of it."""
        ready = self.ready[uneven]
        if self.trained is None:
            return "fitted" if ready else "not fitted yet"
        return f"{'' if self.trained else 'not '}seen in training{'' if ready else ', not fitted yet'}"

    def sampling(self, uneven: bool) -> Sampling:
        """A whole grid, or one whose samples stray, a quarter of them missing."""
        return Sampling(kind="grid", size=self.shape, jitter=JITTER * uneven, drop=DROP * uneven)


def stops(signals: SignalSet, checkpoint: Checkpoint) -> tuple[Stop, ...]:
    """Trained resolutions and simple multiples of the signals' own, from coarse to fine, as far as they stay quick."""
    native = signals.reference_shape
    trained = {tuple(shape) for shape in checkpoint.training.get("resolutions", ())}
    shapes = {tuple(max(1, round(size * factor)) for size in native) for factor in _FACTORS}
    most = min(_SAMPLES_LIMIT // len(signals), _LARGEST_GRID)
    affordable = {s for s in shapes if min(s) >= _SMALLEST and _samples(s) <= most}
    kept = sorted(affordable | trained | {native}, key=lambda s: (s[0], s))
    by_size = {shape[0]: shape for shape in kept if shape not in trained and shape != native}
    by_size |= {shape[0]: shape for shape in kept if shape in trained}
    by_size[native[0]] = native
    found = (Stop(by_size[size], by_size[size] in trained, size == native[0]) for size in sorted(by_size))
    return tuple(stop if "resolutions" in checkpoint.training else replace(stop, trained=None) for stop in found)


def _samples(shape: Sequence[int]) -> int:
    return int(np.prod(shape, dtype=object))


def nearest_stop(stops: Sequence[Stop], size: int) -> int:
    """The position of the stop of that size, or of the closest; 0 asks for the native one."""
    if not size:
        return next(i for i, stop in enumerate(stops) if stop.native)
    return min(range(len(stops)), key=lambda i: abs(stops[i].size - size))


class ResolutionSlider(Scripted):
    """A large slider over stops. Dragging and the arrow keys move it from stop to stop."""

    marks = param.List([], doc="The stops, as dicts of size, label, full, seen, native and ready.")
    value = param.Integer(0, doc="The position of the chosen stop.")

    _esm = Path(__file__).with_name("resolution.js")
    _priority_changes = ["value"]

    def show(self, stops: Sequence[Stop], position: int, uneven: bool = False) -> None:
        """Other stops."""
        marks = [
            {
                "size": s.size, "label": s.label, "native": s.native, "ready": s.ready[uneven],
                "full": s.ready[uneven] if s.trained is None else s.trained, "seen": s.seen(uneven),
            }
            for s in stops
        ]  # fmt: skip
        self.param.update(marks=marks, value=position)

    def move(self, by: int) -> None:
        """Some stops finer or coarser, as far as there are."""
        self.value = int(np.clip(self.value + by, 0, max(len(self.marks) - 1, 0)))
