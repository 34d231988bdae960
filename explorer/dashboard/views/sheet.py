"""Drawings that leave the page: one description, written as SVG or as PNG. Lengths are in pixels, y goes down."""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_SHARP = 2  # pixels of a PNG for one of the drawing's
_SMOOTH = 2  # lines and dots are drawn so much larger and made smaller
_FONT = "system-ui, sans-serif"


@dataclass(frozen=True)
class Line:
    """Points [P, 2] in their order; it breaks where one is not finite."""

    points: np.ndarray
    color: str
    width: float = 1.5

    def runs(self) -> Iterator[np.ndarray]:
        """The unbroken parts."""
        known = np.isfinite(self.points).all(1)
        for run in np.split(np.arange(len(known)), np.flatnonzero(np.diff(known)) + 1):
            if len(run) > 1 and known[run[0]]:
                yield self.points[run]


@dataclass(frozen=True)
class Dots:
    """Filled circles at places [n, 2] in colours [n], with words on hover [n] or none."""

    places: np.ndarray
    colors: Sequence[str]
    titles: Sequence[str] = ()
    radius: float = 3.0


@dataclass(frozen=True)
class Words:
    """A line of text; ``y`` is its baseline, ``anchor`` where ``x`` lies on it: ``start``, ``middle`` or ``end``."""

    x: float
    y: float
    text: str
    color: str
    size: int = 13
    anchor: str = "start"


@dataclass(frozen=True)
class Pixels:
    """A picture uint8 [H, W] or [H, W, 3 | 4] in a box; its pixels stay square-edged."""

    x: float
    y: float
    width: float
    height: float
    pixels: np.ndarray


@dataclass(frozen=True)
class Sheet:
    """A drawing.

    Args:
        width, height: in pixels.
        ground: CSS colour behind everything.
        parts: what stands on it, the lowest first; in a PNG words and pictures lie over lines and dots.
    """

    width: int
    height: int
    ground: str
    parts: tuple[Line | Dots | Words | Pixels, ...]


def svg_of(sheet: Sheet) -> bytes:
    """The drawing as SVG."""
    parts = "".join(text for part in sheet.parts for text in _svg(part))
    size = f'viewBox="0 0 {sheet.width} {sheet.height}" width="{sheet.width}" height="{sheet.height}"'
    ground = f'<rect width="100%" height="100%" fill="{escape(sheet.ground)}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{ground}{parts}</svg>\n'.encode()


def _svg(part: Line | Dots | Words | Pixels) -> Iterator[str]:
    match part:
        case Line():
            for run in part.runs():
                points = " ".join(f"{x:.2f},{y:.2f}" for x, y in run.tolist())
                style = f'fill="none" stroke="{escape(part.color)}" stroke-width="{part.width}"'
                yield f'<polyline points="{points}" {style} stroke-linejoin="round"/>'
        case Dots():
            titles = part.titles or [""] * len(part.places)
            for (x, y), color, title in zip(part.places.tolist(), part.colors, titles, strict=True):
                said = f"<title>{escape(_plain(title))}</title>" if title else ""
                yield f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{part.radius}" fill="{escape(color)}">{said}</circle>'
        case Words():
            style = f'font-family="{_FONT}" font-size="{part.size}" fill="{escape(part.color)}"'
            place = f'x="{part.x:.1f}" y="{part.y:.1f}" text-anchor="{part.anchor}"'
            yield f"<text {place} {style}>{escape(_plain(part.text))}</text>"
        case Pixels():
            place = f'x="{part.x:.1f}" y="{part.y:.1f}" width="{part.width:.1f}" height="{part.height:.1f}"'
            uri = "data:image/png;base64," + base64.b64encode(png_of(part.pixels)).decode()
            how = 'preserveAspectRatio="none" style="image-rendering: pixelated"'
            yield f'<image {place} {how} href="{uri}"/>'


def _plain(text: str) -> str:
    """Text without the control characters that XML has no way to write."""
    return "".join(c if c.isprintable() else " " for c in text)


def png_of(picture: Sheet | np.ndarray) -> bytes:
    """A drawing, or pixels uint8 [H, W(, 1 | 3 | 4)] as they are, as PNG."""
    buffer = io.BytesIO()
    _image(picture).save(buffer, "PNG")
    return buffer.getvalue()


def _image(picture: Sheet | np.ndarray) -> Image.Image:
    if isinstance(picture, np.ndarray):
        return Image.fromarray(picture[..., 0] if picture.ndim == 3 and picture.shape[-1] == 1 else picture)
    scale = _SHARP * _SMOOTH
    image = Image.new("RGB", (picture.width * scale, picture.height * scale), picture.ground)
    draw = ImageDraw.Draw(image)
    for part in picture.parts:
        if isinstance(part, Line):
            for run in part.runs():
                draw.line((run * scale).ravel().tolist(), part.color, round(part.width * scale), "curve")
        elif isinstance(part, Dots):
            for (x, y), color in zip((part.places * scale).tolist(), part.colors, strict=True):
                draw.circle((x, y), part.radius * scale, color)
    image = image.reduce(_SMOOTH)
    draw = ImageDraw.Draw(image)
    for part in picture.parts:
        if isinstance(part, Words):
            font = ImageFont.load_default(part.size * _SHARP)
            anchor = {"start": "ls", "middle": "ms", "end": "rs"}[part.anchor]
            draw.text((part.x * _SHARP, part.y * _SHARP), _plain(part.text), part.color, font, anchor)
        elif isinstance(part, Pixels):
            size = round(part.width * _SHARP), round(part.height * _SHARP)
            inner = _image(part.pixels).convert("RGBA")
            larger = size[0] >= inner.width
            inner = inner.resize(size, Image.Resampling.NEAREST if larger else Image.Resampling.BOX)
            image.paste(inner, (round(part.x * _SHARP), round(part.y * _SHARP)), inner)
    return image
