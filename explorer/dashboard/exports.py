"""What a visitor can take along of what Explore shows: what it is, in which formats, and how it is made.

The making may wait for the engine: call it in a thread.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from explorer.artifacts import Artifact
from explorer.codes import Codes
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.curves import Curves
from explorer.dashboard.views.export import (
    TABLES,
    Table,
    columns,
    map_sheet,
    rows_as_columns,
    signal_sheet,
)
from explorer.dashboard.views.images import Images
from explorer.dashboard.views.map_figure import label_scale, metric_scale
from explorer.dashboard.views.pixels import shades
from explorer.dashboard.views.portraits import grid_for
from explorer.dashboard.views.sample import name_of
from explorer.dashboard.views.sheet import Sheet, png_of, svg_of
from explorer.errors import InvalidInput
from explorer.grids import grid_coords

LARGEST_BYTES = 2**28
RENDER_SIZE = 256
"""Samples of an exported render along its longer axis, where the signal itself has fewer."""

SUFFIX = {"CSV": "csv", "Parquet": "parquet", "safetensors": "safetensors", "PNG": "png", "SVG": "svg"}
DRAWINGS: Mapping[str, Callable[[Sheet], bytes]] = {"PNG": png_of, "SVG": svg_of}


@dataclass(frozen=True)
class Export:
    """One thing that can be taken along.

    Args:
        name: what it is; with the set's name it names the file.
        about: how much of it there is.
        makers: what makes the bytes, by format.
    """

    name: str
    about: str
    makers: Mapping[str, Callable[[], bytes]] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Shown:
    """What Explore shows.

    Args:
        layout: the map [n, 2]; empty while there is none.
        projection: how it was made.
        clusters: [n], or None while they are not known.
        values, names, values_label: what colours the map, as ``Map`` takes them.
        colors: hex colours of the labels on a light page; empty: the theme's.
        ours, control: the scores by size of the observed grid, as ``Scores`` takes them.
        forms: the one signal that is shown, the row of the set.
    """

    subject: Subject
    layout: np.ndarray
    projection: str
    clusters: np.ndarray | None
    values: np.ndarray
    names: Sequence[str]
    values_label: str
    colors: Sequence[str]
    selection: Sequence[int]
    ours: Mapping[int, Mapping[str, Any]]
    control: Mapping[int, Mapping[str, Any]]
    forms: Images | Curves | None
    row: int


def exports(shown: Shown, only_selected: bool = False) -> list[Export]:
    """All that there is to take along, of all signals or of the selected ones."""
    subject, n = shown.subject, len(shown.subject.signals)
    rows = np.array(shown.selection, np.int64) if only_selected else np.arange(n)
    at = "×".join(map(str, subject.sampling.size)) or "their own samples"
    made = [Export("codes", f"{len(rows):,} signals seen at {at}, by {subject.checkpoint.representation}", {
        "CSV": partial(_codes_table, shown, rows, "CSV"), "Parquet": partial(_codes_table, shown, rows, "Parquet"),
        "safetensors": partial(_codes, shown, rows),
    })]  # fmt: skip
    if len(shown.layout) == n:
        found = {f: partial(_as_table, lambda: _map_table(shown, rows), f) for f in TABLES}
        drawn = {f: partial(lambda write: write(_map_sheet(shown, rows)), write) for f, write in DRAWINGS.items()}
        made.append(Export("map", f"{shown.projection.upper()} places, clusters, labels", {**found, **drawn}))
    if shown.ours:
        about = f"at {len(shown.ours)} resolutions, beside the raw samples"
        scores = {f: partial(_as_table, lambda: rows_as_columns(_scores(shown)), f) for f in TABLES}
        made.append(Export("scores", about, scores))
    name = name_of(subject.signals, shown.row)
    if shown.forms is not None:
        forms = shown.forms
        drawn = {f: partial(lambda write: write(signal_sheet(forms, name)), write) for f, write in DRAWINGS.items()}
        made.append(Export("signal", f"{name}: observed, render, error", drawn))
    shape, _ = grid_for(subject.signals, _render_size(subject, shown.row))
    if subject.signals.d == 1:
        made.append(Export("render", f"{name} at {shape[0]:,} places", {
            f: partial(_as_table, lambda: _render_table(shown), f) for f in TABLES
        }))  # fmt: skip
    else:
        size = "×".join(map(str, shape[-2:]))
        made.append(Export("render", f"{name} in {size} pixels", {"PNG": partial(_render_pixels, shown)}))
    return made


def _as_table(make: Callable[[], Table], file_format: str) -> bytes:
    return TABLES[file_format](make())


def _part(shown: Shown, rows: np.ndarray) -> Codes:
    codes = shown.subject.codes
    return codes if len(rows) == len(codes) else codes[rows]


def _codes_table(shown: Shown, rows: np.ndarray, file_format: str) -> bytes:
    subject = shown.subject
    vectors = subject.library.engine.vectors(_part(shown, rows), subject.space)
    if 16 * vectors.size > LARGEST_BYTES:
        raise InvalidInput(
            f"Got codes of {vectors.size:,} numbers; expected at most {LARGEST_BYTES // 16:,} in a table. Select fewer "
            "signals, or use engine.export in Python."
        )
    return TABLES[file_format](columns(subject.signals[rows], code=vectors))


def _codes(shown: Shown, rows: np.ndarray) -> bytes:
    """The code itself, as the representation keeps it, with the signals' ids and labels."""
    subject, part = shown.subject, _part(shown, rows)
    size = sum(array.nbytes for array in part.arrays.values())
    if size > LARGEST_BYTES:
        raise InvalidInput(
            f"Got codes of {size / 2**20:,.0f} MiB; expected at most {LARGEST_BYTES / 2**20:,.0f}. Select fewer "
            "signals, or use engine.export in Python."
        )
    about = {
        "representation": part.representation,
        "checkpoint": subject.checkpoint.id,
        "signals": subject.signals.id,
        **{name: [str(cell) for cell in column] for name, column in columns(subject.signals[rows]).items()},
    }
    return Artifact("codes", part.arrays, about).to_bytes()


def _map_table(shown: Shown, rows: np.ndarray) -> Table:
    known = {"cluster": shown.clusters[rows]} if shown.clusters is not None else {}
    selected = np.isin(rows, np.array(shown.selection, np.int64)).astype(np.int64)
    x, y = shown.layout[rows].T
    return columns(shown.subject.signals[rows], **known, x=x, y=y, selected=selected)


def _map_sheet(shown: Shown, rows: np.ndarray) -> Sheet:
    metric = shown.values.dtype.kind == "f"
    names = list(shown.names)
    if metric:
        scale = metric_scale(shown.values, dark=False)
    else:
        scale = label_scale(len(names), shown.colors, dark=False)
    colors = _hex(scale.colors(shown.values.astype(np.float64)[rows]))
    title = shown.values_label or "value"
    if metric:
        key = {f"{title} {scale.low:.3g}": scale.palette[0], f"{title} {scale.high:.3g}": scale.palette[-1]}
    else:
        there = np.unique(shown.values[rows])
        key = {f"{title} {names[i]}": scale.palette[i] for i in there.tolist() if 0 <= i < len(names)}
    titles = [name_of(shown.subject.signals, row) for row in rows.tolist()]
    return map_sheet(shown.layout[rows], colors, titles, key)


def _hex(colors: np.ndarray) -> list[str]:
    """Colours [n, 3] in [0, 1] as CSS writes them."""
    return ["#" + bytes(color).hex() for color in np.rint(colors * 255).astype(np.uint8)]


def _scores(shown: Shown) -> list[dict[str, Any]]:
    """A row for each resolution of the codes, and of the raw samples."""
    how = {"clustering": shown.subject.method}
    pairs = (("codes", shown.ours), ("raw", shown.control))
    return [
        {"resolution": size, "of": of, **how, **scores[size]}
        for size in sorted(shown.ours)
        for of, scores in pairs
        if size in scores
    ]


def _render_size(subject: Subject, row: int) -> int:
    shapes = subject.signals.shapes
    own = subject.signals.reference_shape if shapes is None else shapes[row].tolist()
    return max(RENDER_SIZE, *own[-2:])


def _rendered(shown: Shown) -> np.ndarray:
    subject = shown.subject
    shape, window = grid_for(subject.signals, _render_size(subject, shown.row))
    return subject.rendered([shown.row], shape, window)[0]


def _render_pixels(shown: Shown) -> bytes:
    values = _rendered(shown)
    return png_of(shades(values[0] if shown.subject.signals.d == 3 else values, shown.subject.signals.value_range))


def _render_table(shown: Shown) -> Table:
    values, axis = _rendered(shown), shown.subject.signals.axes[0]
    places = axis.start + (grid_coords((len(values),))[:, 0].astype(np.float64) + 1) / 2 * (axis.stop - axis.start)
    unit = f" [{axis.unit}]" if axis.unit else ""
    channels = dict(zip(shown.subject.signals.channels, values.T, strict=True))
    return {f"{axis.name}{unit}": places, **channels}


def file_name(signals: str, export: str, file_format: str) -> str:
    """What the file is called: a set's name may hold anything."""
    plain = "".join(c if c.isalnum() or c in "-_ ." else "_" for c in signals)[:80].strip(" .") or "signals"
    return f"{plain}-{export}.{SUFFIX[file_format]}"
