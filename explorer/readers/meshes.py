"""Meshes as occupancy: 1 inside, 0 outside, on a grid around the mesh. OBJ, PLY, STL and OFF by trimesh."""

import re

import numpy as np

from explorer.errors import InvalidInput
from explorer.readers.inputs import File, Findings, needs_extra, refusal
from explorer.readings import Options
from explorer.signals import Axis, SignalSet

_SIDE = 64
_FACES_LIMIT = 5_000_000
_PAIRS = 2_000_000  # of a triangle and a column of the grid, at a time


def mesh_type(head: bytes, size: int) -> str | None:
    """``ply``, ``off``, ``stl`` or ``obj``, by the content."""
    if re.match(rb"ply\r?\n", head):
        return "ply"
    if re.match(rb"(C|N|CN|ST)?OFF\s", head):
        return "off"
    if len(head) >= 84 and size == 84 + 50 * int.from_bytes(head[80:84], "little") and size > 84:
        return "stl"
    if re.match(rb"solid\b", head) and b"facet" in head:
        return "stl"
    lines = [line for line in head.split(b"\n")[:-1] if line.strip() and not line.startswith(b"#")]
    first = [line.split(None, 1)[0] for line in lines]
    known = (b"v", b"vn", b"vt", b"f", b"o", b"g", b"s", b"mtllib", b"usemtl", b"l", b"vp")
    return "obj" if b"v" in first and all(word in known for word in first) else None


def read_mesh_file(file: File, options: Options, found: Findings) -> SignalSet:
    """Occupancy uint8 [64, 64, 64] in (z, y, x): the longest side of the mesh has 62 cells."""
    trimesh = needs_extra("trimesh")
    try:
        kind = mesh_type(file.head, file.size)
        with file.open() as stream:
            mesh = trimesh.load(stream, file_type=kind, force="mesh", process=True, skip_materials=True, resolver=None)
        triangles = np.asarray(mesh.triangles, np.float64)
        if triangles.shape[1:] != (3, 3):
            raise ValueError(f"corners with {triangles.shape[-1]} coordinates")
        if not 1 <= len(triangles) <= _FACES_LIMIT or not np.isfinite(triangles).all():
            raise ValueError(f"{len(triangles)} triangles, or places that are not finite")
        low, high = triangles.reshape(-1, 3).min(0), triangles.reshape(-1, 3).max(0)
        if not (high - low > 0).all():
            raise ValueError("a mesh that is flat")
        if not mesh.is_watertight:
            found.warn(f"The surface of {file.label} has holes: inside and outside may be wrong in places.")
    except InvalidInput:
        raise
    except Exception as error:  # trimesh raises many kinds on text made to break it
        raise refusal(file, error, "a whole OBJ, PLY, STL or OFF mesh") from None
    step = float((high - low).max()) / (_SIDE - 2)
    start = (low + high) / 2 - step * _SIDE / 2
    inside = occupancy(triangles, start, step, _SIDE)
    axes = [Axis(a, "", float(start[i]), float(start[i] + step * _SIDE)) for a, i in (("z", 2), ("y", 1), ("x", 0))]
    return SignalSet.from_grids(
        inside[None].astype(np.uint8) * np.uint8(255),
        axes=axes,
        name=options.name or file.stem,
        channels=("occupancy",),
    )


def occupancy(triangles: np.ndarray, start: np.ndarray, step: float, side: int) -> np.ndarray:
    """Which cells' centres lie inside a closed surface: bool [z, y, x].

    Along each column of cells the surface is crossed an odd number of times below a cell that lies inside.

    Args:
        triangles: [F, 3, 3], corners (x, y, z).
        start: [3], the grid's lowest corner.
        step, side: size of a cell, and how many there are along each axis.
    """
    corners = (triangles - start) / step - 0.5  # cell centres stand at whole numbers
    corners[..., :2] += np.array([1.3e-7, 2.9e-7])  # no column runs through an edge
    low = np.clip(np.ceil(corners[..., :2].min(1)), 0, side).astype(np.int64)
    high = np.clip(np.floor(corners[..., :2].max(1)), -1, side - 1).astype(np.int64)
    counts = np.maximum(high - low + 1, 0)
    pairs = counts.prod(1)
    crossings = np.zeros((side + 1, side, side), np.int64)
    order = np.flatnonzero(pairs)
    for block in _blocks(order, pairs):
        triangle = np.repeat(block, pairs[block])
        place = np.arange(len(triangle)) - np.repeat(np.cumsum(pairs[block]) - pairs[block], pairs[block])
        x = low[triangle, 0] + place % counts[triangle, 0]
        y = low[triangle, 1] + place // counts[triangle, 0]
        a, b, c = corners[triangle, 0], corners[triangle, 1], corners[triangle, 2]
        area = _cross(b - a, c - a)
        point = np.stack([x, y], -1).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            wb = _cross(point - a[:, :2], (c - a)[:, :2]) / area
            wc = _cross((b - a)[:, :2], point - a[:, :2]) / area
            hit = (wb >= 0) & (wc >= 0) & (wb + wc <= 1)
        z = a[hit, 2] + wb[hit] * (b - a)[hit, 2] + wc[hit] * (c - a)[hit, 2]
        np.add.at(crossings, (np.clip(np.ceil(z), 0, side).astype(np.int64), y[hit], x[hit]), 1)
    return np.cumsum(crossings, 0)[:-1] % 2 == 1


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _blocks(order: np.ndarray, pairs: np.ndarray) -> list[np.ndarray]:
    """Triangles in groups of bounded work."""
    if not len(order):
        return []
    return np.split(order, np.flatnonzero(np.diff(np.cumsum(pairs[order]) // _PAIRS)) + 1)
