"""Functions of any number of axes as one picture each: curves as lines, of volumes the slice in the middle."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from explorer.dashboard import theme
from explorer.dashboard.views.pixels import shades
from explorer.signals import SignalSet

Window = tuple[tuple[float, float], ...]

_SHARPER = 2  # lines are drawn larger and made smaller, which smooths them


def grid_for(signals: SignalSet, size: int, position: float | None = None) -> tuple[tuple[int, ...], Window | None]:
    """The grid on which functions like these are asked for to be seen: its shape and window.

    Args:
        size: samples along the longer shown axis.
        position: over three axes, where on the first one the slice lies, from 0 to 1; None is the middle.
    """
    native = signals.reference_shape
    shown = native[-2:]
    shape = tuple(max(1, round(side * size / max(shown))) for side in shown)
    if signals.d != 3:
        return shape, None
    depth = native[0]
    index = depth // 2 if position is None else min(int(position * depth), depth - 1)
    low = 2 * index / depth - 1
    return (1, *shape), ((low, low + 2 / depth), (-1.0, 1.0), (-1.0, 1.0))


def portraits(grids: np.ndarray, value_range: tuple[float, float], size: int, dark: bool = False) -> list[np.ndarray]:
    """Values [n, *S, m] as pictures, uint8 [H, W], or [H, W, 3 or 4]; lines are drawn ``size`` wide, half as high."""
    d = grids.ndim - 2
    if d == 1:
        return [_lines(values, value_range, (size, max(size // 2, 1)), dark) for values in grids]
    return list(shades(grids if d == 2 else grids[:, grids.shape[1] // 2], value_range))


def _lines(values: np.ndarray, value_range: tuple[float, float], size: tuple[int, int], dark: bool) -> np.ndarray:
    """Values [P, m] as lines on a clear ground: uint8 [H, W, 4]."""
    low, high = value_range
    width, height = (side * _SHARPER for side in size)
    image = Image.new("RGBA", (width, height))
    x = (np.arange(len(values)) + 0.5) / len(values) * width
    drawn: Sequence[str] = [theme.tones(dark).accent] if values.shape[1] == 1 else theme.categorical(6, dark)
    for channel, color in zip(values.T, drawn, strict=False):
        y = (0.95 - 0.9 * (channel - low) / (high - low)) * height
        ImageDraw.Draw(image).line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=color, width=_SHARPER)
    return np.asarray(image.resize(size, Image.Resampling.BOX))
