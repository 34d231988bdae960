"""What the Edit page asks of the engine, and how it is drawn: a cloud before and after its edits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import Any

import numpy as np

from explorer.clouds import Cloud
from explorer.codes import Codes
from explorer.dashboard import drawing
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.pixels import Picture, differences, fitted, picture, png_uri, shades
from explorer.dashboard.views.sample import name_of
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.views.words import figures
from explorer.edits import Push
from explorer.signals import SignalSet

CANVAS_SIZES = 64, 128, 256, 512
OWN_LEAST, OWN_MOST = 64, 256  # beyond, a hand waits
"""Samples along the longer axis of the render that is edited, from the least to the most."""

BOX, NEIGHBORS, NEIGHBOR_SIZE = 128, 6, 48
DIFFERENCE_SHARE = 0.5
"""Differences are drawn from minus to plus this share of the value range."""


@dataclass(frozen=True, eq=False)
class Forms:
    """A cloud before and after its edits.

    Args:
        before, after: renders [*S, m].
        cloud: after its edits.
        total: how many anchors there were before.
    """

    value_range: tuple[float, float]
    before: np.ndarray
    after: np.ndarray
    cloud: Cloud
    total: int

    @property
    def anchors(self) -> np.ndarray:
        """Of the edited cloud, [A, d]."""
        return self.cloud.positions

    @cached_property
    def uri(self) -> str:
        """What is after, over two axes, as a picture; empty for curves."""
        return png_uri(shades(self.after, self.value_range)) if self.after.ndim == 3 else ""


def canvas_size(signals: SignalSet, row: int, longest: int = 0) -> tuple[int, ...]:
    """Samples along each axis of the render that is edited; 0 for about as many as the signal has."""
    own = signals.reference_shape if signals.shapes is None else tuple(int(s) for s in signals.shapes[row])
    longest = longest or int(np.clip(max(own), OWN_LEAST, OWN_MOST))
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
        cloud=Cloud.of(after.arrays),
        total=len(Cloud.of(subject.codes[row].arrays).positions),
    )


def pushed(
    subject: Subject, row: int, edits: Sequence[Any], edit: Push, size: tuple[int, ...], cloud: Cloud | None = None
) -> dict[str, Any]:
    """Ask what one more push changes, as ``EditCanvas.patch`` takes it.

    Args:
        cloud: with the edits before it, where it is at hand.
    """
    patch = subject.library.engine.render_edit(subject.codes, row, edits, edit, size)
    cloud = cloud or Cloud.of(edited(subject, row, edits).arrays)
    changed: dict[str, Any] = {"anchors": edit(cloud, []).positions, "region": None}
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


@dataclass(frozen=True, eq=False)
class Whereabouts:
    """Where a cloud stands among signals before and after its edits, by its own codes or by another representation.

    Args:
        layout, clusters: the map of the signals [n, 2] and their clusters [n].
        way: from where it was to where it is, [2, 2].
        cluster, label: before and after; the label is that of most of its neighbours, empty where there are none.
        distance: that it moved, in units of the usual distance to a neighbour; None where there are no others.
        neighbors, away: the signals that it resembles now, and how far they are.
    """

    layout: np.ndarray
    clusters: np.ndarray
    way: np.ndarray
    cluster: tuple[int, int]
    label: tuple[str, str]
    distance: float | None
    neighbors: tuple[int, ...]
    away: tuple[float, ...]


def whereabouts(subject: Subject, row: int, edits: Sequence[Any], by: Subject, projection: str) -> Whereabouts:
    """Ask where the edited cloud stands.

    Args:
        by: the same signals through the checkpoint that looks: the cloud's own, or another that encodes what the cloud
            renders, before its edits as after them.
    """
    codes = [
        subject.library.engine.edit(subject.codes, row, done)
        if by.checkpoint.id == subject.checkpoint.id
        else drawing.point(by, _rendered(subject, row, done))
        for done in ((), edits)
    ]
    engine, space = subject.library.engine, by.space if by.space in codes[0].spaces else codes[0].spaces[0]
    by = by.within(space)
    found = [drawing.stand(by, code, projection, NEIGHBORS + 1) for code in codes]
    _, usual = engine.nearest(by.codes, 1, space=space)
    vectors = [engine.vectors(code, space)[0] for code in codes]
    others = [(r, s) for r, s in zip(found[1].neighbors, found[1].distances, strict=True) if r != row or edits]
    return Whereabouts(
        layout=by.layout(projection),
        clusters=by.clusters(),
        way=np.stack([each.place for each in found]),
        cluster=(found[0].cluster, found[1].cluster),
        label=(_voted(by.signals, found[0].neighbors), _voted(by.signals, found[1].neighbors)),
        distance=float(np.linalg.norm(vectors[1] - vectors[0])) / max(float(np.median(usual)), 1e-9)
        if usual.size
        else None,
        neighbors=tuple(r for r, _ in others[:NEIGHBORS]),
        away=tuple(s for _, s in others[:NEIGHBORS]),
    )


def said(seen: Whereabouts) -> str:
    """How cluster and class changed, as HTML."""

    def change(what: str, before: Any, now: Any) -> str:
        return f"{what} <b>{now}</b>" if before == now else f"{what} {before} → <b>{now}</b>"

    parts = [change("cluster", *seen.cluster)]
    if any(seen.label):
        before, now = (f"“{escape(label)}”" for label in seen.label)
        parts.append(change("class by its neighbours", before, now))
    if seen.distance is None:
        return figures("a signal alone: there is nothing to compare it with")
    return figures(*parts, f"moved <b>{seen.distance:.2g}</b> × the usual distance to a neighbour")


def neighbors_of(signals: SignalSet, seen: Whereabouts) -> list[Picture]:
    """The signals that the edited cloud resembles."""
    images = thumbnails(signals, seen.neighbors, NEIGHBOR_SIZE)
    return [
        picture(image, NEIGHBOR_SIZE, name_of(signals, r), f"distance {s:.3g}", r)
        for image, r, s in zip(images, seen.neighbors, seen.away, strict=True)
    ]


def _voted(signals: SignalSet, rows: Sequence[int]) -> str:
    """The class that most of some signals are of; the nearest one's where several are as many."""
    if signals.labels is None:
        return ""
    labels = [int(label) for label in signals.labels[list(rows)] if label >= 0]
    return signals.class_names[max(labels, key=labels.count)] if labels else ""


def _rendered(subject: Subject, row: int, edits: Sequence[Any]) -> SignalSet:
    """The edited cloud as one signal, sampled as the signals are."""
    engine, signals = subject.library.engine, subject.signals
    own = signals.reference_shape if signals.shapes is None else tuple(int(s) for s in signals.shapes[row])
    values = np.clip(engine.render(edited(subject, row, edits), own), *signals.value_range)
    return SignalSet.from_grids(
        values, axes=signals.axes, channels=signals.channels, value_range=signals.value_range, name="an edited cloud"
    )


def kept(subject: Subject, row: int, edits: Sequence[Any], names: Sequence[str]) -> tuple[str, list[str]]:
    """Put the edited signal into a set of its own, sampled as the signals are; its name, and all names."""
    first = f"{subject.signals.name} {subject.signals.ids[row]} edited"
    name = next(name for i in range(1, 10_000) if (name := first if i == 1 else f"{first} {i}") not in names)
    subject.library.engine.put_signals(replace(_rendered(subject, row, edits), name=name))
    return name, [*names, name]
