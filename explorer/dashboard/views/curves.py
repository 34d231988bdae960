"""One signal over one axis as curves: the whole signal, what was observed, the render, where they differ."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, MultiLine, Range1d, Scatter
from bokeh.plotting import figure

from explorer.dashboard import theme
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.plots import draw, quieten
from explorer.grids import grid_coords
from explorer.signals import Axis

CHANNELS_SHOWN = 6


@dataclass(frozen=True)
class Curves:
    """One signal in every form; places are in the axis' unit, values [P, m].

    Args:
        truth, observed, fine: places [P] and values [P, m].
        error: of the render at the places of the truth: [P, m].
    """

    axis: Axis
    channels: tuple[str, ...]
    value_range: tuple[float, float]
    truth: tuple[np.ndarray, np.ndarray]
    observed: tuple[np.ndarray, np.ndarray]
    fine: tuple[np.ndarray, np.ndarray]
    error: np.ndarray

    @property
    def largest_error(self) -> float:
        """Where the plot of errors ends: at a quarter of the range, so that plots are alike, or farther if need be."""
        low, high = self.value_range
        return max((high - low) / 4, 1.05 * float(np.nanmax(np.abs(self.error), initial=0)))


def curves_of(subject: Subject, row: int, size: int) -> Curves:
    """Ask for a signal's forms; ``size`` is the number of samples of the fine render."""
    signals = subject.signals
    axis = signals.axes[0]

    def places(coords: np.ndarray) -> np.ndarray:
        return axis.start + (coords.reshape(-1) + 1) / 2 * (axis.stop - axis.start)

    batch = subject.observed([row])
    coords = batch.coords if batch.coords.ndim == 2 else batch.coords[0]
    seen = np.ones(len(coords), bool) if batch.mask is None else batch.mask[0]
    at, values = next(signals[row].samples())
    order = np.argsort(at[:, 0], kind="stable")
    at, values = at[order, 0], values[order]
    size = max(size, len(at))
    fine = subject.rendered([row], (size,))[0]
    grid = grid_coords((size,))[:, 0]
    fit = np.stack([np.interp(at, grid, fine[:, channel]) for channel in range(signals.m)], -1)
    by_place = np.argsort(coords[seen][:, 0], kind="stable")
    return Curves(
        axis=axis,
        channels=signals.channels,
        value_range=signals.value_range,
        truth=(places(at), values),
        observed=(places(coords[seen][by_place]), batch.values[0][seen][by_place]),
        fine=(places(grid), fine),
        error=fit - values,
    )


class CurvePlot:
    """Two plots, one above the other: the signal's forms, and the error of the render."""

    def __init__(self) -> None:
        self.forms = _figure(height=190)
        self.errors = _figure(height=128)
        self.errors.x_range = self.forms.x_range
        self._truth, self._fine, self._error = (ColumnDataSource({"xs": [], "ys": [], "color": []}) for _ in range(3))
        self._observed = ColumnDataSource({"x": [], "y": [], "color": []})
        self._true_line = MultiLine(xs="xs", ys="ys", line_alpha=0.7)
        self._dots = Scatter(x="x", y="y", line_color="color", size=5)
        draw(self.forms, self._true_line, self._truth)
        draw(self.forms, MultiLine(xs="xs", ys="ys", line_color="color", line_width=2), self._fine)
        draw(self.forms, self._dots, self._observed)
        draw(self.errors, MultiLine(xs="xs", ys="ys", line_color="color"), self._error)
        self._dark: bool | None = None
        self.layout = pn.Column(
            pn.pane.Bokeh(self.forms, sizing_mode="stretch_width"),
            pn.pane.Bokeh(self.errors, sizing_mode="stretch_width"),
            sizing_mode="stretch_width",
        )

    def show(self, curves: Curves, *, truth: bool, error: bool, dark: bool) -> None:
        """Other curves; the channels keep their colours."""
        self._dress(dark)
        colors = theme.categorical(CHANNELS_SHOWN, dark)[: len(curves.channels)]
        self._truth.data = _lines(*curves.truth, colors if truth else [])
        self._fine.data = _lines(*curves.fine, colors)
        self._error.data = _lines(curves.truth[0], curves.error, colors)
        places, values = curves.observed
        self._observed.data = {
            "x": np.tile(places, len(colors)),
            "y": values[:, : len(colors)].T.reshape(-1),
            "color": [color for color in colors for _ in places],
        }
        axis = curves.axis
        low, high = curves.value_range
        self.forms.x_range.update(start=axis.start, end=axis.stop)
        self.forms.y_range.update(start=low - 0.05 * (high - low), end=high + 0.05 * (high - low))
        self.errors.y_range.update(start=-curves.largest_error, end=curves.largest_error)
        self.forms.yaxis.axis_label = curves.channels[0] if len(curves.channels) == 1 else "value"
        self.errors.yaxis.axis_label = "error"
        unit = f" [{axis.unit}]" if axis.unit else ""
        (self.errors if error else self.forms).xaxis.axis_label = f"{axis.name}{unit}"
        self.errors.visible = error

    def _dress(self, dark: bool) -> None:
        if dark != self._dark:
            self._dark = dark
            for plot in (self.forms, self.errors):
                quieten(plot, dark)
            self._true_line.line_color = theme.tones(dark).muted
            self._dots.fill_color = theme.tones(dark).page


def _lines(places: np.ndarray, values: np.ndarray, colors: Sequence[str]) -> dict[str, list]:
    """A line for each colour: places [P] and the values [P, m] of its channel."""
    return {"xs": [places] * len(colors), "ys": list(values.T[: len(colors)]), "color": list(colors)}


def _figure(height: int) -> figure:
    plot = figure(
        height=height, toolbar_location=None, sizing_mode="stretch_width", x_range=Range1d(), y_range=Range1d()
    )
    plot.min_border_left = 56
    plot.yaxis.ticker.desired_num_ticks = 4
    return plot
