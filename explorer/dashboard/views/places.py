"""What the map draws and what a gesture hits, as plain functions of arrays.

Places are layout coordinates moved into a Frame: the square [-1, 1] that fills the map.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import cKDTree

POLYGON_CELLS = 1024
REACH_PX = 12
LONGEST_TAILS = 2_000
SMALLEST_MOVE = 0.02


@dataclass(frozen=True)
class Frame:
    """The square of layout space that fills the map: drawn places are (layout - center) / half, within [-1, 1]."""

    center: tuple[float, float]
    half: float

    def place(self, layout: np.ndarray) -> np.ndarray:
        """Layout coordinates -> drawn places, [n, 2] float32."""
        return ((layout - np.asarray(self.center, np.float32)) / np.float32(self.half)).astype(np.float32)

    def layout(self, places: np.ndarray) -> np.ndarray:
        """The inverse of ``place``: float64 [n, 2]."""
        return places * self.half + np.asarray(self.center)


def frame(layout: np.ndarray, previous: Frame | None = None) -> Frame:
    """The frame of a layout [n, 2], with room for the dots; the previous one while the points fit in it and fill it."""
    if len(layout) == 0:
        return previous or Frame((0.0, 0.0), 1.0)
    if previous is not None and 0.7 <= np.abs(previous.place(layout)).max() <= 0.95:
        return previous
    lo, hi = layout.min(axis=0), layout.max(axis=0)
    half = float((hi - lo).max()) / 2 * 1.08 or 1.0
    x, y = ((lo + hi) / 2).tolist()
    return Frame((x, y), half)


def inside(places: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Which places [n, 2] lie in a polygon [v, 2], as rows in ascending order (even-odd rule).

    The polygon is drawn once on POLYGON_CELLS x POLYGON_CELLS cells over its bounding box, finer than the pixels it was
    drawn on, and places look their cell up: the cost does not grow with places times corners.
    """
    if len(polygon) < 3 or len(places) == 0:
        return np.zeros(0, int)
    lo, hi = polygon.min(axis=0), polygon.max(axis=0)
    scale = (POLYGON_CELLS - 1) / np.maximum(hi - lo, np.finfo(np.float32).tiny)
    drawing = Image.new("1", (POLYGON_CELLS, POLYGON_CELLS))
    ImageDraw.Draw(drawing).polygon([tuple(corner) for corner in (polygon - lo) * scale], fill=1)
    drawn = np.asarray(drawing)
    x, y = places.T
    near = np.flatnonzero((x >= lo[0]) & (x <= hi[0]) & (y >= lo[1]) & (y <= hi[1]))
    cells = np.rint((places[near] - lo) * scale).astype(int)
    return near[drawn[cells[:, 1], cells[:, 0]]]


def nearest(tree: cKDTree, point: tuple[float, float], pixel: float) -> int | None:
    """The row of a tree of places that is nearest to a point, within REACH_PX pixels of this size."""
    away, row = tree.query(point, distance_upper_bound=REACH_PX * pixel)
    return int(row) if np.isfinite(away) else None


def combine(selection: Sequence[int], rows: Sequence[int], *, add: bool = False, take: bool = False) -> list[int]:
    """A selection after a gesture that hit `rows`: they replace it, are added (Shift) or are taken away (Alt)."""
    if take:
        gone = set(rows)
        return [row for row in selection if row not in gone]
    return list(dict.fromkeys([*selection, *rows])) if add else list(rows)


def tails(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Rows of places [n, 2] that moved more than SMALLEST_MOVE of the map's half width, the longest first."""
    moved = np.linalg.norm(after - before, axis=1)
    rows = np.argsort(-moved)[:LONGEST_TAILS]
    return rows[moved[rows] > SMALLEST_MOVE]


def dot_size(n: int) -> float:
    """The diameter of one of n dots, in pixels: large enough to see, small enough to leave gaps."""
    return float(np.clip(34 * max(n, 1) ** -0.22, 2.5, 9))


def middles(places: np.ndarray, labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The labels below `count` that have points, the most frequent first, [m], and the place [m, 2] of each one's point
    that is the closest to their median."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(count + 1))
    sizes = np.diff(starts)
    found = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    spots = [_middle(places[order[starts[label] : starts[label + 1]]]) for label in found]
    return found, np.array(spots, np.float32).reshape(-1, 2)


def _middle(places: np.ndarray) -> np.ndarray:
    return places[np.square(places - np.median(places, axis=0)).sum(1).argmin()]


def apart(spots: np.ndarray, widths: np.ndarray, height: float) -> np.ndarray:
    """Which of the boxes [m] around spots [m, 2] to draw, so that none covers an earlier one: rows, ascending."""
    kept: list[int] = []
    for row, spot in enumerate(spots):
        away = np.abs(spots[kept] - spot)
        if np.all((away[:, 0] > (widths[kept] + widths[row]) / 2) | (away[:, 1] > height)):
            kept.append(row)
    return np.array(kept, int)


@dataclass(frozen=True)
class Window:
    """What part of the drawn places is in sight, and on how many pixels."""

    x: tuple[float, float] = (-1.0, 1.0)
    y: tuple[float, float] = (-1.0, 1.0)
    width: int = 800
    height: int = 600

    @property
    def pixel(self) -> float:
        """The size of a pixel in the units of the places, the larger where the two sides differ."""
        return max((self.x[1] - self.x[0]) / self.width, (self.y[1] - self.y[0]) / self.height)

    def around(self, places: np.ndarray) -> "Window":
        """The smallest window of the same pixels that shows all of these places that are in sight."""
        spans = []
        for axis, (lo, hi), size in ((0, self.x, self.width), (1, self.y, self.height)):
            pixel = (hi - lo) / size
            ends = np.array([places[:, axis].min(), places[:, axis].max()]) - lo
            first, last = np.clip([np.floor(ends[0] / pixel) - 2, np.ceil(ends[1] / pixel) + 2], 0, size).astype(int)
            last = max(last, first + 1)
            spans.append(((float(lo + first * pixel), float(lo + last * pixel)), int(last - first)))
        (x, width), (y, height) = spans
        return Window(x, y, width, height)


def shade(places: np.ndarray, colors: np.ndarray, window: Window) -> np.ndarray:
    """Points as an image [height, width] of RGBA in uint32, its first row the lowest.

    A pixel has the mean colour of its points and is the denser the more there are, on a logarithmic scale.

    Args:
        places: [n, 2].
        colors: [n, 3] in 0 .. 1.
        window: the part that is drawn.
    """
    import datashader
    import pandas
    from datashader import reductions, transfer_functions

    table = pandas.DataFrame({"x": places[:, 0], "y": places[:, 1]})
    for channel, name in enumerate("rgb"):
        table[name] = colors[:, channel]
    canvas = datashader.Canvas(window.width, window.height, window.x, window.y)
    sums = {name: reductions.sum(name) for name in "rgb"}
    pixels = canvas.points(table, "x", "y", agg=reductions.summary(n=reductions.count(), **sums))
    count = pixels["n"].to_numpy().ravel()
    hit = np.flatnonzero(count)
    image = np.zeros((window.height * window.width, 4), np.uint8)
    for channel, name in enumerate("rgb"):
        image[hit, channel] = pixels[name].to_numpy().ravel()[hit] / count[hit] * 255
    density = np.log1p(count[hit])
    image[hit, 3] = 90 + 165 * density / density.max(initial=1e-9)
    rgba = image.view(np.uint32).reshape(window.height, window.width)
    drawn = transfer_functions.Image(rgba, coords=pixels.coords, dims=pixels["n"].dims)
    return np.ascontiguousarray(transfer_functions.dynspread(drawn, max_px=2).to_numpy())
