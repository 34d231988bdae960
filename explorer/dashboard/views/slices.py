"""Volumes as three slices through one place, which a hand moves in any of them: the truth, then each checkpoint."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import param

from explorer.dashboard.comparison import Rival
from explorer.dashboard.views.images import ERROR_SHARE
from explorer.dashboard.views.pixels import differences, png_uri, shades
from explorer.dashboard.views.sample import name_of
from explorer.dashboard.views.script import Scripted, script
from explorer.signals import SignalSet

Place = tuple[float, ...]
TIMES = ("t", "time", "frame")
"""Names of a first axis along which a signal is a video; a unit of seconds says the same."""


@dataclass(frozen=True)
class Line:
    """One function, cut.

    Args:
        title: whose.
        caption: how good, or how large.
        planes: a data address for the slice across each of the three axes.
        part: whether it belongs to the line before, as its error.
    """

    title: str
    caption: str
    planes: tuple[str, str, str]
    part: bool = False


class Slices(Scripted):
    """Lines of three linked slices over one place. It knows nothing of an engine."""

    lines = param.List([], doc="What is shown, as dicts of ``Line``, the signals one after the other.")
    axes = param.List([], item_type=str, doc="Names of the three axes.")
    shape = param.List([1, 1, 1], item_type=int, doc="Samples along each axis, which give the pictures their shapes.")
    place = param.List([0.5, 0.5, 0.5], item_type=float, doc="Where the slices meet: shares of the three axes.")
    box = param.Integer(176, bounds=(32, 512), doc="The longest side of a picture, in pixels.")

    _esm = script("slices.js")
    _priority_changes = ["place"]

    def show(self, signals: SignalSet, lines: Sequence[Line]) -> None:
        """Other pictures."""
        axes, shape = [axis.name for axis in signals.axes], list(map(int, signals.reference_shape))
        self.param.update(axes=axes, shape=shape, lines=[asdict(line) for line in lines])


def is_video(signals: SignalSet) -> bool:
    """Whether the first of three axes is time."""
    return signals.d == 3 and (signals.axes[0].name in TIMES or signals.axes[0].unit == "s")


def lines_of(
    rivals: Sequence[Rival], signals: SignalSet, rows: Sequence[int], place: Place, size: int, error: bool, dark: bool
) -> list[Line]:
    """Ask for the slices of some signals.

    Args:
        place: where they meet, shares of the axes.
        size: samples of a render along the longest axis; errors have the signals' own.
    """
    lines: list[Line] = []
    low, high = signals.value_range
    native = signals.reference_shape
    fine = tuple(max(1, round(side * size / max(native))) for side in native)
    for row in rows:
        truth = [_cut(signals.grid(row), axis, place) for axis in range(3)] if signals.shapes is not None else None
        if truth is not None:
            own = "×".join(map(str, signals.grid(row).shape[:-1]))
            lines.append(Line(f"truth of {name_of(signals, row)}", own, _uris(truth, (low, high))))
        for rival in rivals:
            assert rival.subject is not None
            seen = [_rendered(rival, row, axis, place, fine) for axis in range(3)]
            lines.append(Line(rival.name, "×".join(map(str, fine)), _uris(seen, (low, high))))
            if error and truth is not None:
                exact = [_rendered(rival, row, axis, place, signals.grid(row).shape[:-1]) for axis in range(3)]
                gaps = [mine - theirs for mine, theirs in zip(exact, truth, strict=True)]
                rms, largest = np.sqrt(np.mean([np.square(gap).mean() for gap in gaps])), (high - low) * ERROR_SHARE
                first, second, third = (png_uri(differences(gap, largest, dark)) for gap in gaps)
                lines.append(Line("its error", f"±{largest:.3g}, rms {rms:.3g}", (first, second, third), part=True))
    return lines


def _cut(grid: np.ndarray, axis: int, place: Place) -> np.ndarray:
    """The slice [H, W, m] of a grid [*S, m] across an axis."""
    return grid.take(min(int(place[axis] * grid.shape[axis]), grid.shape[axis] - 1), axis)


def _rendered(rival: Rival, row: int, axis: int, place: Place, shape: Sequence[int]) -> np.ndarray:
    """The same slice of a checkpoint's function: as thick as a sample of the signal's own."""
    subject = rival.subject
    assert subject is not None
    depth = subject.signals.reference_shape[axis]
    low = 2 * min(int(place[axis] * depth), depth - 1) / depth - 1
    window = [(-1.0, 1.0)] * 3
    window[axis] = (low, min(low + 2 / depth, 1.0))
    asked = [1 if i == axis else int(side) for i, side in enumerate(shape)]
    return subject.rendered([row], asked, window)[0].squeeze(axis)


def _uris(slices: Sequence[np.ndarray], span: tuple[float, float]) -> tuple[str, str, str]:
    first, second, third = (png_uri(shades(values, span)) for values in slices)
    return first, second, third
