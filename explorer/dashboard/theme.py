"""Colours and the few styles that every view shares, in light and dark. The data is the only thing with colour."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import colorcet
import numpy as np

from explorer.errors import InvalidInput

DISTINCT_COLORS = 200


@dataclass(frozen=True, kw_only=True)
class Tones:
    """The greys and the one accent of a theme, as CSS colours."""

    page: str
    surface: str
    line: str
    muted: str
    ink: str
    accent: str


LIGHT = Tones(page="#ffffff", surface="#f6f7f8", line="#dfe2e6", muted="#626a73", ink="#1b1f24", accent="#1668b8")
DARK = Tones(page="#14171a", surface="#1c2024", line="#343a41", muted="#98a1ab", ink="#e8eaed", accent="#6cb0f2")


def tones(dark: bool) -> Tones:
    return DARK if dark else LIGHT


def material() -> dict[str, dict[str, Any]]:
    """The `theme_config` of panel_material_ui, made of the same tones."""

    def palette(tone: Tones) -> dict[str, Any]:
        return {
            "primary": {"main": tone.accent},
            "background": {"default": tone.page, "paper": tone.page},
            "text": {"primary": tone.ink, "secondary": tone.muted},
            "divider": tone.line,
        }

    font = {"fontFamily": "system-ui, sans-serif", "fontSize": 14}
    return {
        mode: {"palette": palette(tone), "typography": font, "shape": {"borderRadius": 4}, "spacing": 8}
        for mode, tone in (("light", LIGHT), ("dark", DARK))
    }


def css(dark: bool) -> str:
    """A `:host` rule that hands the tones to a component's own style sheet as `--page`, `--ink` and so on."""
    variables = "; ".join(f"--{name}: {value}" for name, value in vars(tones(dark)).items())
    return f":host {{ {variables}; font: 14px system-ui, sans-serif; font-variant-numeric: tabular-nums }}"


def categorical(n: int, dark: bool = False) -> list[str]:
    """Colours for labels 0 .. n-1, [n] hex; label c has the same colour whatever n is, and past 200 they repeat."""
    if n < 0:
        raise InvalidInput(f"Got {n} categories; expected none or more. Pass the number of labels.")
    colors = _categories(dark)
    return [colors[i % DISTINCT_COLORS] for i in range(n)]


def continuous(dark: bool = False) -> list[str]:
    """A perceptually uniform ramp for a metric, [256] hex, cut where it would sink into the page."""
    ramp = colorcet.palette["bmy"]
    lo, hi = (0.25, 1.0) if dark else (0.0, 0.85)
    steps = np.linspace(lo, hi, 256) * (len(ramp) - 1)
    return [ramp[round(step)] for step in steps]


def diverging(dark: bool = False) -> list[str]:
    """A symmetric ramp for differences, [256] hex, its middle the quietest."""
    return list(colorcet.palette["bkr" if dark else "coolwarm"])


# How a colour looks without L cones and without M cones, on linear RGB (Machado, Oliveira, Fernandes 2009, severity 1).
_PROTANOPIA = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)
_DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)


def rgb(colors: list[str]) -> np.ndarray:
    """Hex colours as [n, 3] float64 in 0 .. 1."""
    return np.array([list(bytes.fromhex(color[1:])) for color in colors], dtype=float).reshape(-1, 3) / 255


def perceived(colors: list[str]) -> np.ndarray:
    """CIELAB of colours as seen with full, protanopic and deuteranopic vision, [3, n, 3]."""
    from skimage.color import rgb2lab

    encoded = rgb(colors)
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    blind = [np.clip(linear @ matrix.T, 0, 1) for matrix in (_PROTANOPIA, _DEUTERANOPIA)]
    seen = [np.where(c <= 0.0031308, c * 12.92, 1.055 * c ** (1 / 2.4) - 0.055) for c in blind]
    return rgb2lab(np.stack([encoded, *seen]))


@cache
def _categories(dark: bool) -> tuple[str, ...]:
    """Glasbey colours that stand out from the page, each next one the farthest from all before, calm ones first.

    Far means far for full and for red-green blind eyes alike; the latter see about half the differences, hence the 2.
    """
    by_page = (
        ["glasbey_bw_minc_20_minl_30", "glasbey_light"] if dark else ["glasbey_bw_minc_20_maxl_70", "glasbey_dark"]
    )
    names = [*by_page, "glasbey_category10"]
    candidates = sorted({color for name in names for color in colorcet.palette[name]})
    lightness = perceived(candidates)[0, :, 0]
    lo, hi = (50, 90) if dark else (30, 74)
    candidates = [color for color, level in zip(candidates, lightness, strict=True) if lo < level < hi]

    seen = perceived(candidates)
    full, protan, deutan = np.linalg.norm(seen[:, :, None] - seen[:, None, :], axis=-1)
    distance = np.minimum(full, 2 * np.minimum(protan, deutan))
    chroma = np.hypot(seen[0, :, 1], seen[0, :, 2])
    calm = (chroma > 22) & (chroma < 68)

    first = perceived(["#4fa3e0" if dark else "#1f77b4"])[0, 0]
    chosen = [int(np.linalg.norm(seen[0] - first, axis=-1).argmin())]
    nearest = distance[chosen[0]].copy()
    while len(chosen) < DISTINCT_COLORS:
        calm_nearest = np.where(calm, nearest, 0)
        chosen.append(int((calm_nearest if calm_nearest.max() > 9 else nearest).argmax()))
        nearest = np.minimum(nearest, distance[chosen[-1]])
    return tuple(candidates[i] for i in chosen)
