"""One signal over two or three axes as pictures: what was observed, the render, where they differ."""

from dataclasses import dataclass

import numpy as np

from explorer.dashboard.subject import Subject
from explorer.dashboard.views.pixels import Picture, differences, dots, fitted, picture, shades
from explorer.observations import Batch

BOX = 128
ERROR_SHARE = 0.25
"""Errors are drawn from minus to plus this share of the value range, at every resolution alike."""


@dataclass(frozen=True)
class Images:
    """One signal in every form. Of signals over three axes, the slice in the middle of the first.

    Args:
        value_range: of the field.
        observed: the grid [H, W, m] that the encoder was given, or None for uneven points.
        points: those points [P, 2] and their values [P, m], or None for a grid.
        truth: the whole signal [H, W, m], or None where it is no grid.
        fitted: the render on the same grid.
        fine: the render on a finer grid, or on the signal's own where that is fine enough.
    """

    value_range: tuple[float, float]
    observed: np.ndarray | None
    points: tuple[np.ndarray, np.ndarray] | None
    truth: np.ndarray | None
    fitted: np.ndarray | None
    fine: np.ndarray


def images_of(subject: Subject, row: int, size: int) -> Images:
    """Ask for a signal's forms; ``size`` is the least samples of the fine render along its longer shown axis."""
    signals, sampling = subject.signals, subject.sampling
    native = signals.reference_shape if signals.shapes is None else tuple(int(s) for s in signals.shapes[row])
    batch = subject.observed([row])
    observed, points = None, None
    if sampling.is_grid and batch.mask is None:
        grid = batch.values[0].reshape(*sampling.size, signals.m)
        observed = grid if signals.d == 2 else grid[len(grid) // 2]
    else:
        points = _points(batch, thickness=2 / sampling.size[0] if sampling.size else 0.1)
    truth = fit = None
    if signals.shapes is not None:
        whole = signals.grid(row)
        truth = whole if signals.d == 2 else whole[len(whole) // 2]
        fit = _slice(subject, row, native[-2:], native)
    longest = max(native[-2:])
    fine = fit if longest >= size else None
    if fine is None:
        fine = _slice(subject, row, tuple(max(1, round(s * size / longest)) for s in native[-2:]), native)
    return Images(signals.value_range, observed, points, truth, fit, fine)


def _slice(subject: Subject, row: int, shape: tuple[int, ...], native: tuple[int, ...]) -> np.ndarray:
    """A render [H, W, m]; of three axes, of the slice whose place the middle sample of the first axis has."""
    if len(native) == 2:
        return subject.rendered([row], shape)[0]
    depth = native[0]
    centre = (2 * (depth // 2) + 1) / depth - 1
    window = ((centre - 1 / depth, centre + 1 / depth), (-1.0, 1.0), (-1.0, 1.0))
    return subject.rendered([row], (1, *shape), window)[0, 0]


def _points(batch: Batch, thickness: float) -> tuple[np.ndarray, np.ndarray]:
    """The samples of the first signal of a batch; of three axes, those of a slab in the middle."""
    coords = batch.coords if batch.coords.ndim == 2 else batch.coords[0]
    shown = np.ones(len(coords), bool) if batch.mask is None else batch.mask[0].copy()
    if coords.shape[1] == 3:
        shown &= np.abs(coords[:, 0]) <= thickness / 2
    return coords[shown][:, -2:], batch.values[0][shown]


def draw(
    images: Images, *, truth: bool = False, error: bool = True, dark: bool = False, box: int = BOX
) -> list[Picture]:
    """The pictures: observed (or the whole signal), render, error."""
    drawn = [_observed(images, truth, box), _shown(images.fine, images.value_range, "render", box)]
    if error and images.truth is not None and images.fitted is not None:
        low, high = images.value_range
        largest = (high - low) * ERROR_SHARE
        pixels = differences(fitted((images.fitted - images.truth)[None], box)[0], largest, dark)
        drawn.append(picture(pixels, box, "error", f"±{largest:.3g}, {_size(images.truth)}"))
    return drawn


def _observed(images: Images, truth: bool, box: int) -> Picture:
    if truth and images.truth is not None:
        return _shown(images.truth, images.value_range, "whole signal", box)
    if images.observed is not None:
        return _shown(images.observed, images.value_range, "observed", box)
    assert images.points is not None
    coords, values = images.points
    return picture(dots(coords, values, images.value_range, box), box, "observed", f"{len(coords)} points")


def _shown(grid: np.ndarray, value_range: tuple[float, float], title: str, box: int) -> Picture:
    smaller = fitted(grid[None], box)[0]
    note = "" if smaller.shape == grid.shape else f", shown {_size(smaller)}"
    return picture(shades(smaller, value_range), box, title, _size(grid) + note)


def _size(grid: np.ndarray) -> str:
    return "×".join(map(str, grid.shape[:2]))
