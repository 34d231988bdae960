"""Dimensions that a file names: NetCDF, HDF5 scales, Zarr."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.signals import Axis

_KNOWN = {
    "t": ("t", "time", "times", "frame", "frames"),
    "z": ("z", "lev", "level", "depth", "height", "altitude", "plane", "slice"),
    "y": ("y", "lat", "latitude", "row", "rows"),
    "x": ("x", "lon", "longitude", "column", "columns", "col"),
}
_AXES = {name: axis for axis, names in _KNOWN.items() for name in names}


def axes_of(names: Sequence[str], places: Sequence[np.ndarray | None], units: Sequence[str]) -> tuple[Axis, ...] | None:
    """The axes of an array among its dimensions, with their extents; None where the names say nothing.

    One dimension of another name may come before them (the signals) and one behind (the channels).
    """
    known = [_AXES.get(name.lower()) for name in names]
    inside = [i for i, axis in enumerate(known) if axis]
    if not inside or len(inside) > 3 or inside != list(range(inside[0], inside[-1] + 1)):
        return None
    axes = [known[i] for i in inside]
    if len(set(axes)) != len(axes) or inside[0] > 1 or len(names) - 1 - inside[-1] > 1:
        return None
    return tuple(_axis(str(known[i]), places[i], units[i]) for i in inside)


def _axis(name: str, places: np.ndarray | None, unit: str) -> Axis:
    """Places are the samples' own; the axis runs from the outer edge of the first to that of the last."""
    if places is None or len(places) < 2:
        return Axis(name)
    first, last = float(places[0]), float(places[-1])
    half = (last - first) / (len(places) - 1) / 2
    edges = (first - half, last + half)
    return Axis(name, unit[:40], *edges) if np.isfinite(edges).all() and half else Axis(name)


def scaled(array: np.ndarray, attributes: Mapping[str, Any]) -> np.ndarray:
    """Values in their own unit: fill values become missing, packed ones are unpacked, as the CF conventions say."""
    if array.dtype.kind not in "uif" or not attributes:
        return array
    result = array.astype(np.float32)
    if "_FillValue" in attributes:
        result[array == np.asarray(attributes["_FillValue"]).reshape(-1)[0]] = np.nan
    factor, offset = (
        float(np.asarray(attributes.get(name, default)).reshape(-1)[0])
        for name, default in (("scale_factor", 1.0), ("add_offset", 0.0))
    )
    return result if (factor, offset) == (1.0, 0.0) else (result * np.float32(factor) + np.float32(offset))
