"""Small pictures of signals of any kind, for cards, strips and galleries."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from explorer.dashboard.views.pixels import dots, fitted, shades
from explorer.observations import Batch, Observations, Sampling
from explorer.signals import SignalSet

_GREY = (128, 128, 128, 255)


def thumbnails(
    signals: SignalSet, rows: Sequence[int] | np.ndarray, size: int, sampling: Sampling | None = None
) -> list[np.ndarray]:
    """Signals as they are, or as a sampling shows them: uint8 [size, size, 4] each, on a clear ground.

    Images keep their pixels, magnified by a whole number, or are made smaller with antialiasing; of signals over three
    axes the middle slice is shown; curves are drawn as lines, and uneven samples as squares.
    """
    signals = signals[np.asarray(rows)]
    observations = Observations(signals, sampling)
    if signals.d > 1 and signals.shapes is not None and observations.sampling.kind == "native":
        return [_own(signals, row, size) for row in range(len(signals))]
    batch = observations.batch(slice(None))
    n = len(batch.values)
    if signals.d == 1:
        return [_curve(batch, i, signals.value_range, size) for i in range(n)]
    if observations.sampling.is_grid and batch.mask is None:
        grids = batch.values.reshape(n, *observations.sampling.size, signals.m)
        grids = grids if signals.d == 2 else grids[:, grids.shape[1] // 2]
        return list(_tiles(shades(fitted(grids, size), signals.value_range), size))
    return [_dots(batch, i, signals.value_range, size) for i in range(n)]


def _own(signals: SignalSet, row: int, size: int) -> np.ndarray:
    """One of several signals whose grids differ."""
    grid = signals.grid(row)
    image = grid if signals.d == 2 else grid[len(grid) // 2]
    return _tiles(shades(fitted(image[None], size), signals.value_range), size)[0]


def _tiles(images: np.ndarray, size: int) -> np.ndarray:
    """Images [n, H, W] or [n, H, W, 3 or 4], magnified by a whole number, in the middle of [n, size, size, 4]."""
    scale = max(1, size // max(images.shape[1:3]))
    images = images.repeat(scale, 1).repeat(scale, 2)
    height, width = images.shape[1:3]
    top, left = (size - height) // 2, (size - width) // 2
    tiles = np.zeros((len(images), size, size, 4), np.uint8)
    inner = tiles[:, top : top + height, left : left + width]
    inner[..., 3] = 255
    channels = images[..., None] if images.ndim == 3 else images
    inner[..., : max(channels.shape[-1], 3)] = channels
    return tiles


def _curve(batch: Batch, row: int, value_range: tuple[float, float], size: int) -> np.ndarray:
    """The first channel as a line on a clear ground."""
    coords, values = _samples(batch, row)
    order = np.argsort(coords[:, 0], kind="stable")
    low, high = value_range
    x = (coords[order, 0] + 1) / 2 * (size - 1)
    y = (1 - (values[order, 0] - low) / (high - low)) * (size - 1)
    image = Image.new("RGBA", (size, size))
    ImageDraw.Draw(image).line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=_GREY, width=1)
    return np.asarray(image)


def _dots(batch: Batch, row: int, value_range: tuple[float, float], size: int) -> np.ndarray:
    coords, values = _samples(batch, row)
    return dots(coords[:, -2:], values, value_range, size)


def _samples(batch: Batch, row: int) -> tuple[np.ndarray, np.ndarray]:
    coords = batch.coords if batch.coords.ndim == 2 else batch.coords[row]
    seen = slice(None) if batch.mask is None else batch.mask[row]
    return coords[seen], batch.values[row][seen]
