"""What leaves the page: tables as CSV, Parquet and safetensors; the map and single signals as drawings."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.artifacts import Artifact
from explorer.dashboard import theme
from explorer.dashboard.views.curves import CHANNELS_SHOWN, Curves
from explorer.dashboard.views.images import ERROR_SHARE, Images
from explorer.dashboard.views.pixels import differences, dots, shades
from explorer.dashboard.views.sheet import Dots, Line, Pixels, Sheet, Words
from explorer.errors import InvalidInput, MissingExtra
from explorer.signals import SignalSet

Table = Mapping[str, Sequence[Any] | np.ndarray]
"""Columns of one length, by name."""

MAP_SIZE, MARGIN, KEY_WIDTH, KEY_LINE = 800, 24, 200, 20
KEYS_SHOWN = 36
PICTURE, GAP, CAPTION = 256, 24, 40
PLOT = (760, 300)

# ---------------------------------------------------------------------------------------------------------------------
# Tables


def columns(signals: SignalSet, **arrays: np.ndarray) -> dict[str, np.ndarray]:
    """One column for each thing known of the signals: ``id``, ``label``, and each array, [n] or [n, K] as K columns."""
    names = np.array([*signals.class_names, ""])
    found: dict[str, np.ndarray] = {"id": np.array(signals.ids)}
    if signals.labels is not None:
        found["label"] = names[signals.labels]
    for name, array in arrays.items():
        if array.shape[0] != len(signals) or array.ndim > 2:
            raise InvalidInput(f"Got {name} {list(array.shape)} for {len(signals)} signals; expected [n] or [n, K].")
        if array.ndim == 1:
            found[name] = array
        else:
            found |= {f"{name} {k}": array[:, k] for k in range(array.shape[1])}
    return found


def rows_as_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows of scores, as ``Engine.evaluate`` gives them, as columns; None where a row lacks one."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def csv_of(table: Table) -> bytes:
    """Columns as CSV, UTF-8. Text that a spreadsheet would run as a formula gets an apostrophe in front."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_harmless(name) for name in table])
    writer.writerows(zip(*([_harmless(cell) for cell in column] for column in table.values()), strict=True))
    return text.getvalue().encode()


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def parquet_of(table: Table) -> bytes:
    """Columns as Parquet. Raises MissingExtra without pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtra(
            'Got a wish for Parquet without pyarrow; expected it installed. Run: pip install "explorer-signals[files]"'
        ) from None
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table({name: pyarrow.array(column) for name, column in table.items()}), buffer)
    return buffer.getvalue()


def safetensors_of(table: Table) -> bytes:
    """Columns of numbers as arrays; those of text stand in the description, as lists. A number that is not known is
    NaN."""
    arrays, words = {}, {}
    for name, column in table.items():
        array = np.asarray([np.nan if cell is None else cell for cell in column])
        if array.dtype.kind in "biuf":
            arrays[name] = array
        else:
            words[name] = [None if cell is None else str(cell) for cell in column]
    return Artifact("table", arrays, {"columns": words}).to_bytes()


TABLES = {"CSV": csv_of, "Parquet": parquet_of, "safetensors": safetensors_of}


# ---------------------------------------------------------------------------------------------------------------------
# Drawings


def map_sheet(
    layout: np.ndarray, colors: Sequence[str], titles: Sequence[str] = (), key: Mapping[str, str] | None = None
) -> Sheet:
    """The map: a dot for each signal, its title on hover.

    Args:
        layout: places [n, 2], y up.
        colors: CSS colours [n].
        titles: text [n].
        key: what colours mean, name to colour.
    """
    tones = theme.tones(dark=False)
    low, span = layout.min(0), np.ptp(layout, axis=0)
    extent = max(float(span.max()), 1e-12)
    places = (layout - low - (span - extent) / 2) / extent * (MAP_SIZE - 2 * MARGIN) + MARGIN
    places = np.stack([places[:, 0], MAP_SIZE - places[:, 1]], -1)
    radius = 4.0 if len(layout) <= 500 else 3.0 if len(layout) <= 5000 else 1.5
    parts: list[Dots | Words] = [Dots(places, colors, titles, radius)]
    shown = list((key or {}).items())
    if len(shown) > KEYS_SHOWN:
        shown = [*shown[: KEYS_SHOWN - 1], (f"and {len(shown) - KEYS_SHOWN + 1} more", tones.page)]
    for place, (name, color) in enumerate(shown):
        y = MARGIN + KEY_LINE * place + KEY_LINE / 2
        parts.append(Dots(np.array([[MAP_SIZE + 8.0, y]]), [color], radius=4.0))
        parts.append(Words(MAP_SIZE + 20, y + 4, name[:28], tones.ink))
    return Sheet(MAP_SIZE + (KEY_WIDTH if shown else 0), MAP_SIZE, tones.page, tuple(parts))


def signal_sheet(forms: Images | Curves, title: str) -> Sheet:
    """One signal: what was observed, the render, where they differ."""
    return _pictures_sheet(forms, title) if isinstance(forms, Images) else _curves_sheet(forms, title)


def _pictures_sheet(forms: Images, title: str) -> Sheet:
    tones, value_range = theme.tones(dark=False), forms.value_range
    shown: list[tuple[str, str, np.ndarray]] = []
    if forms.observed is not None:
        shown.append(("observed", _size(forms.observed), shades(forms.observed, value_range)))
    elif forms.points is not None:
        coords, values = forms.points
        shown.append(("observed", f"{len(coords)} points", dots(coords, values, value_range, 2 * PICTURE)))
    shown.append(("render", _size(forms.fine), shades(forms.fine, value_range)))
    if forms.truth is not None and forms.fitted is not None:
        largest = (value_range[1] - value_range[0]) * ERROR_SHARE
        shown.append(("error", f"±{largest:.3g}", differences(forms.fitted - forms.truth, largest)))
    parts: list[Words | Pixels] = [Words(GAP, GAP, title, tones.ink, 15)]
    for place, (name, caption, pixels) in enumerate(shown):
        height, width = pixels.shape[:2]
        scale = PICTURE / max(height, width)
        x, y = GAP + place * (PICTURE + GAP), CAPTION + GAP
        parts.append(Words(x, y - 8, f"{name}, {caption}", tones.muted))
        parts.append(Pixels(x, y, width * scale, height * scale, pixels))
    return Sheet(GAP + len(shown) * (PICTURE + GAP), CAPTION + PICTURE + 2 * GAP, tones.page, tuple(parts))


def _curves_sheet(curves: Curves, title: str) -> Sheet:
    tones, palette = theme.tones(dark=False), theme.categorical(CHANNELS_SHOWN)
    width, height = PLOT
    left, top, right, bottom = 72.0, 48.0, width - 24.0, height - 48.0
    low, high = curves.value_range
    start, stop = curves.axis.start, curves.axis.stop

    def places(at: np.ndarray, values: np.ndarray) -> np.ndarray:
        x = left + (at - start) / (stop - start) * (right - left)
        return np.stack([x, bottom - (values - low) / (high - low) * (bottom - top)], -1)

    frame = np.array([[left, top], [left, bottom], [right, bottom]])
    parts: list[Line | Dots | Words] = [Words(left, 28, title, tones.ink, 15), Line(frame, tones.line, 1)]
    for value, y in ((high, top), (low, bottom)):
        parts.append(Words(left - 8, y + 4, f"{value:.3g}", tones.muted, anchor="end"))
    unit = f" [{curves.axis.unit}]" if curves.axis.unit else ""
    for text, x, anchor in (
        (f"{start:.4g}", left, "start"),
        (f"{curves.axis.name}{unit}", (left + right) / 2, "middle"),
        (f"{stop:.4g}", right, "end"),
    ):
        parts.append(Words(x, bottom + 20, text, tones.muted, anchor=anchor))
    for channel, color in enumerate(palette[: len(curves.channels)]):
        parts.append(Line(places(curves.fine[0], curves.fine[1][:, channel]), color))
        seen = places(curves.observed[0], curves.observed[1][:, channel])
        seen = seen[np.isfinite(seen).all(1)]
        parts.append(Dots(seen, [color] * len(seen), radius=2.0))
        if len(curves.channels) > 1:
            parts.append(Words(left + 110 * channel, height - 8, curves.channels[channel][:14], color))
    return Sheet(width, height, tones.page, tuple(parts))


def _size(grid: np.ndarray) -> str:
    return "×".join(map(str, grid.shape[:2]))
