"""Values as pictures that a browser shows: PNG, or points of curves."""

import io

import numpy as np
from PIL import Image

from explorer.codes import Domain


def png(values: np.ndarray, domain: Domain) -> bytes:
    """Values [H, W, m] or, of three axes, the middle slice of [D, H, W, m] over the field's range, as PNG."""
    grid = values if values.ndim == 3 else values[len(values) // 2]
    low, high = domain.value_range
    pixels = (np.clip((np.nan_to_num(grid, nan=low) - low) / (high - low), 0, 1) * 255 + 0.5).astype(np.uint8)
    shown = pixels if pixels.shape[-1] in (3, 4) else pixels[..., 0]
    file = io.BytesIO()
    Image.fromarray(shown).save(file, "PNG", compress_level=1)
    return file.getvalue()


def points(values: np.ndarray, domain: Domain) -> list[list[float]]:
    """Values [P, m] of each channel as heights from 0 to 1 over the field's range."""
    low, high = domain.value_range
    return np.round((values.T - low) / (high - low), 4).tolist()
