"""What leaves the page: the map, codes and scores as tables, pictures as PNG and SVG."""

import csv
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from explorer.errors import InvalidInput, MissingExtra
from explorer.signals import SignalSet


def table(signals: SignalSet, layout: np.ndarray, clusters: np.ndarray, selection: Sequence[int]) -> str:
    """CSV with a line for each signal: id, label, cluster, place on the map, whether it is selected.

    Args:
        layout: places [n, 2].
        clusters: [n].
        selection: positions of the selected signals.
    """
    names = np.array([*signals.class_names, ""])
    labels = names[signals.labels] if signals.labels is not None else np.full(len(signals), "")
    selected = np.isin(np.arange(len(signals)), selection)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "label", "cluster", "x", "y", "selected"])
    writer.writerows(zip(signals.ids, labels, clusters, *layout.T, selected.astype(int), strict=True))
    return text.getvalue()


# ---------------------------------------------------------------------------------------------------------------------
# Other forms of the same, and of codes, scores and pictures


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


def csv_of(table: Mapping[str, Sequence[Any] | np.ndarray]) -> bytes:
    """Columns as CSV, UTF-8. Text that a spreadsheet would run as a formula gets an apostrophe in front."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_harmless(name) for name in table])
    writer.writerows(zip(*([_harmless(cell) for cell in column] for column in table.values()), strict=True))
    return text.getvalue().encode()


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def parquet_of(table: Mapping[str, Sequence[Any] | np.ndarray]) -> bytes:
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


def rows_as_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows of scores, as ``Engine.evaluate`` gives them, as columns; None where a row lacks one."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def png_of(pixels: np.ndarray) -> bytes:
    """A picture uint8 [y, x(, 1 | 3 | 4)] as PNG, a pixel for a sample."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()


def map_svg(layout: np.ndarray, colors: Sequence[str], titles: Sequence[str], size: int = 800) -> bytes:
    """The map as SVG: a dot for each signal, its title on hover.

    Args:
        layout: places [n, 2].
        colors: CSS colours [n].
        titles: text [n].
        size: of the picture's sides.
    """
    low, extent = layout.min(0), max(float(np.ptp(layout, axis=0).max()), 1e-12)
    places = (layout - low - (np.ptp(layout, axis=0) - extent) / 2) / extent * (size - 40) + 20
    dots = "".join(
        f'<circle cx="{x:.2f}" cy="{size - y:.2f}" r="3" fill="{escape(color)}"><title>{escape(title)}</title></circle>'
        for (x, y), color, title in zip(places, colors, titles, strict=True)
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="{size}" height="{size}">'
    return f"{head}{dots}</svg>\n".encode()
