"""Values as pixels, and a component that shows them at whole multiples, never smoothed."""

import base64
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import param
from PIL import Image

from explorer.dashboard import theme
from explorer.dashboard.views.script import Scripted
from explorer.grids import resample


@dataclass(frozen=True)
class Picture:
    """An image with its words.

    Args:
        uri: a PNG in a data address.
        width, height: on the screen, in pixels; whole multiples of the image's own.
        title: what it is.
        caption: its size or scale.
        row: the signal that a click selects.
        stale: whether it shows what was, while the next one is computed: it is dimmed.
    """

    uri: str
    width: int
    height: int
    title: str = ""
    caption: str = ""
    row: int | None = None
    stale: bool = False


def picture(pixels: np.ndarray, box: int, title: str = "", caption: str = "", row: int | None = None) -> Picture:
    """Pixels uint8 [H, W] or [H, W, 3 or 4] as large as a whole multiple of them fits a square box."""
    height, width = pixels.shape[:2]
    scale = max(1, box // max(height, width))
    return Picture(png_uri(pixels), width * scale, height * scale, title, caption, row)


def png_uri(pixels: np.ndarray) -> str:
    """A PNG in a data address."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def shades(values: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    """Values [..., m] as uint8: [..., 3] or [..., 4] for colours, else [...] of the first channel."""
    low, high = value_range
    levels = np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0, 1)
    pixels = (levels * 255 + 0.5).astype(np.uint8)
    return pixels if pixels.shape[-1] in (3, 4) else pixels[..., 0]


def differences(values: np.ndarray, largest: float, dark: bool = False) -> np.ndarray:
    """Differences [..., m], averaged over channels, on a scale from -largest to largest: uint8 [..., 3]."""
    position = np.clip(values.mean(-1) / largest, -1, 1)
    return _ramp(dark)[((position + 1) * 127.5 + 0.5).astype(np.int64)]


@cache
def _ramp(dark: bool) -> np.ndarray:
    return (theme.rgb(theme.diverging(dark)) * 255 + 0.5).astype(np.uint8)


def dots(coords: np.ndarray, values: np.ndarray, value_range: tuple[float, float], box: int) -> np.ndarray:
    """Uneven samples at coords [P, 2] (y, x) as small squares on a clear ground: uint8 [box, box, 4]."""
    side = max(2, int(box / (1.6 * np.sqrt(max(len(coords), 1)))))
    corner = np.clip(((coords + 1) / 2 * box - side / 2).round().astype(np.int64), 0, box - side)
    y, x = (corner[:, axis, None, None] + step for axis, step in enumerate(np.mgrid[:side, :side]))
    colors = shades(values, value_range).reshape(len(coords), 1, 1, -1)
    pixels = np.zeros((box, box, 4), np.uint8)
    pixels[y, x, :3] = colors[..., :3]
    pixels[y, x, 3] = 255
    return pixels


def fitted(grids: np.ndarray, box: int) -> np.ndarray:
    """Images [n, H, W, m], made smaller with antialiasing where they are larger than a square box."""
    height, width = grids.shape[1:3]
    shrink = box / max(height, width)
    if shrink >= 1:
        return grids
    return resample(grids, (max(1, round(height * shrink)), max(1, round(width * shrink))))


class Pictures(Scripted):
    """Pictures in a row that wraps, each in a square box under its title."""

    pictures = param.List([], doc="What is shown, as dicts of ``Picture``.")
    box = param.Integer(128, bounds=(8, None), doc="Side of the square that each picture stands in, in pixels.")
    captions = param.Boolean(True, doc="Whether titles and captions are shown; else they appear on hover.")
    clicked = param.Integer(-1, doc="The row of the picture that was clicked last.")

    _esm = Path(__file__).with_name("pictures.js")
    _priority_changes = ["clicked"]

    def show(self, pictures: Sequence[Picture]) -> None:
        """Other pictures."""
        self.pictures = [asdict(picture) for picture in pictures]

    def _handle_msg(self, data: Any) -> None:
        self.clicked = -1  # the same picture may be clicked twice
        self.clicked = int(data)
