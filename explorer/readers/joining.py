"""Many sets as one: the files of a folder or an archive, each with its own signals."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from explorer.errors import InvalidInput
from explorer.readers.inputs import File, Findings
from explorer.signals import SPLITS, Axis, SignalSet

_SPLIT_FOLDERS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


def classes_of(files: Sequence[File]) -> dict[str, Any]:
    """Labels and split from the folders: ``class/file`` gives labels, ``train/class/file`` and ``test/…`` both."""
    fields: dict[str, Any] = {}
    parts = [file.label.split("/")[:-1] for file in files]
    while all(parts) and len({part[0] for part in parts}) == 1 and any(len(part) > 1 for part in parts):
        parts = [part[1:] for part in parts]  # one folder around everything says nothing
    if all(part and part[0] in _SPLIT_FOLDERS for part in parts):
        fields["split"] = np.array([SPLITS.index(_SPLIT_FOLDERS[part[0]]) for part in parts], np.uint8)
        parts = [part[1:] for part in parts]
    if all(parts):
        class_names, fields["labels"] = np.unique([part[0] for part in parts], return_inverse=True)
        fields["class_names"] = class_names.tolist()
    return fields


def joined(
    files: Sequence[File], sets: Sequence[SignalSet], name: str, fields: dict[str, Any], found: Findings
) -> SignalSet:
    """One set of all files' signals; ``fields`` are labels and split by file, and win over the sets' own."""
    ids = [
        file.label if len(s) == 1 else f"{file.label}/{id}" for file, s in zip(files, sets, strict=True) for id in s.ids
    ]
    counts = [len(s) for s in sets]
    by_signal: dict[str, Any] = {key: np.repeat(fields[key], counts) for key in ("labels", "split") if key in fields}
    if "labels" in by_signal:
        by_signal |= {"labels": by_signal["labels"].astype(np.int64), "class_names": tuple(fields["class_names"])}
    return _joined(sets, [repr(file.label) for file in files], name, ids, by_signal, found)


def united(sets: Sequence[SignalSet], name: str) -> SignalSet:
    """Sets as one. Signals keep their ids, but for those that a set before has: they get a number.

    Raises InvalidInput for sets over other axes or with other channels than the first.
    """
    ids: dict[str, None] = {}
    for s in sets:
        for id in s.ids:
            number, unique = 2, id
            while unique in ids:
                unique, number = f"{id} ({number})", number + 1
            ids[unique] = None
    fields: dict[str, Any] = {}
    if any(s.split is not None for s in sets):  # what is added without a split is there to learn from
        fields["split"] = np.concatenate([np.zeros(len(s), np.uint8) if s.split is None else s.split for s in sets])
    return _joined(sets, [repr(s.name) for s in sets], name, list(ids), fields, Findings())


def _joined(
    sets: Sequence[SignalSet],
    titles: Sequence[str],
    name: str,
    ids: Sequence[str],
    fields: dict[str, Any],
    found: Findings,
) -> SignalSet:
    """All signals of some sets, which ``titles`` name in errors; ``fields`` win over the sets' own."""
    first = sets[0]
    for title, other in zip(titles, sets, strict=True):
        names = [tuple(a.name for a in s.axes) for s in (first, other)]
        if names[0] != names[1] or other.m != first.m or (other.shapes is None) != (first.shapes is None):
            raise InvalidInput(
                f"Got {title} with {_domain(other)} beside {titles[0]} with {_domain(first)}; expected the same in "
                "all. Read them apart."
            )
    as_bytes = all(s.values.dtype == np.uint8 and s.value_range == (0.0, 1.0) for s in sets)
    ranges = np.array([s.value_range for s in sets])
    rates = {s.sample_rate_hz for s in sets}
    if len(rates) > 1:
        found.warn("The recordings have several sample rates.")
    axes, coords = _one_domain(sets, found)
    given: dict[str, Any] = {
        "name": name,
        "axes": axes,
        "channels": first.channels,
        "value_range": (float(ranges[:, 0].min()), float(ranges[:, 1].max())),
        "values": np.concatenate([s.values if as_bytes else s.decoded(s.values) for s in sets]),
        "offsets": np.concatenate([[0], np.cumsum(np.concatenate([np.diff(s.offsets) for s in sets]))]).astype(
            np.int64
        ),
        "shapes": None if first.shapes is None else np.concatenate([s.shapes for s in sets if s.shapes is not None]),
        "coords": coords,
        "ids": tuple(ids),
        "sample_rate_hz": rates.pop() if len(rates) == 1 else None,
    }
    if "labels" not in fields and any(s.labels is not None for s in sets):
        words = sorted({n for s in sets for n in s.class_names})
        number = {n: i for i, n in enumerate(words)}
        given["labels"] = np.concatenate([
            np.full(len(s), -1) if s.labels is None else np.array([number[n] for n in s.class_names] + [-1])[s.labels]
            for s in sets
        ]).astype(np.int64)  # fmt: skip
        given["class_names"] = tuple(words)
    if "split" in fields:
        fields = {**fields, "split": fields["split"].astype(np.uint8)}
    return SignalSet(**{**given, **fields})


def _domain(signals: SignalSet) -> str:
    """Axes and channels in words."""
    kind = "samples on no grid over" if signals.shapes is None else "axes"
    return f"{kind} {', '.join(a.name for a in signals.axes)} and {signals.m} channels"


def _one_domain(sets: Sequence[SignalSet], found: Findings) -> tuple[tuple[Axis, ...], np.ndarray | None]:
    """The axes that all share, and the coordinates on them."""
    first = sets[0]
    same = all(s.axes == first.axes for s in sets)
    if first.shapes is None:
        if same:
            return first.axes, np.concatenate([s.coords for s in sets if s.coords is not None])
        low = [min(s.axes[i].start for s in sets) for i in range(first.d)]
        high = [max(s.axes[i].stop for s in sets) for i in range(first.d)]
        axes = tuple(replace(a, start=b, stop=c) for a, b, c in zip(first.axes, low, high, strict=True))
        parts = []
        for s in sets:
            start, stop = np.array([a.start for a in s.axes]), np.array([a.stop for a in s.axes])
            assert s.coords is not None
            place = start + (s.coords + 1) / 2 * (stop - start)
            width = np.maximum(np.array(high) - low, 1e-300)
            parts.append(np.clip(2 * (place - low) / width - 1, -1, 1))
        return axes, np.concatenate(parts).astype(np.float32)
    if same:
        return first.axes, None
    found.warn("The signals have several extents; each fills the whole of the axes.")
    return tuple(Axis(a.name) for a in first.axes), None
