"""What the Edit page asks of the engine, and how it is drawn: a cloud before and after its edits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.clouds import Cloud
from explorer.codes import Codes
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.pixels import Picture, differences, fitted, picture, shades
from explorer.dashboard.views.sample import name_of
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.views.words import figures
from explorer.edits import Push
from explorer.signals import SignalSet

CANVAS_SIZES = 64, 256
"""Samples along the longer axis of the render that is edited, at least and at most."""

BOX, NEIGHBORS, NEIGHBOR_SIZE = 128, 6, 48
DIFFERENCE_SHARE = 0.5
"""Differences are drawn from minus to plus this share of the value range."""


@dataclass(frozen=True)
class Forms:
    """A cloud before and after its edits.

    Args:
        before, after: renders [*S, m].
        anchors: of the edited cloud, [A, d].
        total: how many anchors there were before.
    """

    value_range: tuple[float, float]
    before: np.ndarray
    after: np.ndarray
    anchors: np.ndarray
    total: int


def canvas_size(signals: SignalSet, row: int) -> tuple[int, ...]:
    """Samples along each axis of the render that is edited."""
    own = signals.reference_shape if signals.shapes is None else tuple(int(s) for s in signals.shapes[row])
    longest = np.clip(max(own), *CANVAS_SIZES)
    return tuple(max(1, round(s * longest / max(own))) for s in own)


def edited(subject: Subject, row: int, edits: Sequence[Any]) -> Codes:
    """The code with its edits; the code itself without any."""
    return subject.library.engine.edit(subject.codes, row, edits) if edits else subject.codes[row]


def forms_of(subject: Subject, row: int, edits: Sequence[Any], size: tuple[int, ...]) -> Forms:
    """Ask for a cloud before and after its edits."""
    engine, after = subject.library.engine, edited(subject, row, edits)
    return Forms(
        value_range=subject.signals.value_range,
        before=subject.rendered([row], size)[0],
        after=engine.render(after, size)[0],
        anchors=engine.anchors(after, 0),
        total=len(engine.anchors(subject.codes, row)),
    )


def pushed(subject: Subject, row: int, edits: Sequence[Any], edit: Push, size: tuple[int, ...]) -> dict[str, Any]:
    """Ask what one more push changes, as ``EditCanvas.patch`` takes it."""
    patch = subject.library.engine.render_edit(subject.codes, row, edits, edit, size)
    anchors = edit(Cloud.of(edited(subject, row, edits).arrays), []).positions
    changed: dict[str, Any] = {"anchors": anchors, "region": None}
    if patch.changed.any():
        changed["region"] = [(2 * a / s - 1, 2 * b / s - 1) for (a, b), s in zip(patch.box, size, strict=True)]
        if subject.signals.d == 2:
            corner = tuple(first for first, _ in patch.box)
            changed |= {"pixels": shades(patch.values, subject.signals.value_range), "corner": corner}
    return changed


def drawn(forms: Forms, dark: bool) -> list[Picture]:
    """The pictures of the right column."""
    low, high = forms.value_range
    before, after = (fitted(values[None], BOX)[0] for values in (forms.before, forms.after))
    largest = (high - low) * DIFFERENCE_SHARE
    return [
        picture(shades(before, forms.value_range), BOX, "before"),
        picture(shades(after, forms.value_range), BOX, "after"),
        picture(differences(after - before, largest, dark), BOX, "difference", f"±{largest:.3g}"),
    ]


def moved(subject: Subject, row: int, edits: Sequence[Any]) -> tuple[str, list[Picture]]:
    """Ask where an edited code has gone: its cluster, its distance from where it was, and whom it resembles now."""
    engine, after = subject.library.engine, edited(subject, row, edits)
    space = subject.space or subject.reference.spaces[0]
    vectors = engine.vectors(subject.codes, space)
    distance = float(np.linalg.norm(engine.vectors(after, space)[0] - vectors[row]))
    rows, distances = engine.nearest(after, NEIGHBORS + 1, space=space, reference=subject.codes)
    _, own = engine.nearest(subject.codes, 1, space=space)
    before = int(subject.clusters()[row])
    now = int(
        engine.cluster(after, subject.method, k=subject.clusters_wanted, space=space, reference=subject.reference)[0]
    )
    cluster = f"cluster <b>{before}</b>" if before == now else f"cluster {before} → <b>{now}</b>"
    text = figures(
        cluster, f"moved <b>{distance / max(float(np.median(own)), 1e-9):.2g}</b> × the usual distance to a neighbour"
    )
    others = [(int(r), float(s)) for r, s in zip(rows[0], distances[0], strict=True) if r != row or edits][:NEIGHBORS]
    images = thumbnails(subject.signals, [r for r, _ in others], NEIGHBOR_SIZE)
    pictures = [
        picture(image, NEIGHBOR_SIZE, name_of(subject.signals, r), f"distance {s:.3g}", r)
        for image, (r, s) in zip(images, others, strict=True)
    ]
    return text, pictures


def kept(subject: Subject, row: int, edits: Sequence[Any], names: Sequence[str]) -> tuple[str, list[str]]:
    """Put the edited signal into a set of its own, sampled as the signals are; its name, and all names."""
    engine, signals = subject.library.engine, subject.signals
    own = signals.reference_shape if signals.shapes is None else tuple(int(s) for s in signals.shapes[row])
    values = np.clip(engine.render(edited(subject, row, edits), own), *signals.value_range)
    first = f"{signals.name} {signals.ids[row]} edited"
    name = next(name for i in range(1, 10_000) if (name := first if i == 1 else f"{first} {i}") not in names)
    engine.put_signals(
        SignalSet.from_grids(
            values, axes=signals.axes, channels=signals.channels, value_range=signals.value_range, name=name
        )
    )
    return name, [*names, name]
