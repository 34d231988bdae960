"""Accuracy against PSNR, over the networks that were kept on the way of the fits."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import panel as pn
import param
from bokeh.models import ColumnDataSource, HoverTool, Whisker
from bokeh.plotting import figure
from panel.viewable import Viewable, Viewer

from explorer.dashboard import theme
from explorer.dashboard.views.plots import quieten


class FitScores(Viewer):
    """A point for each moment of the fits, joined in their order; the control is a dashed line.

    ``moments`` maps positions to ``psnr_db`` (of the moment, a mean over the signals) and ``accuracy`` (one for each
    seed); the last is the end of the fits.
    """

    moments = param.Dict({}, doc="What is known of each moment, by its position.")
    control = param.Number(None, allow_None=True, doc="Accuracy on the raw samples.")
    moment = param.Integer(-1, doc="The position that is looked at.")
    dark = param.Boolean(False)

    HEIGHT = 190

    def __init__(self, **params: Any):
        super().__init__(**params)
        self._source = ColumnDataSource(self._columns(), tags=["fit scores"])
        self._here = ColumnDataSource({"x": [], "y": []})
        self._plot = figure(
            height=self.HEIGHT,
            width=360,
            toolbar_location=None,
            tools="",
            x_axis_label="PSNR [dB]",
            y_axis_label="accuracy",
        )
        self._plot.x_range.range_padding = self._plot.y_range.range_padding = 0.12
        self._line = self._plot.line("x", "y", source=self._source, line_width=2)
        self._points = self._plot.scatter("x", "y", source=self._source, size=6)
        self._chosen = self._plot.scatter("x", "y", source=self._here, size=13, fill_alpha=0, line_width=2)
        self._spread = Whisker(
            base="x", lower="low", upper="high", source=self._source, upper_head=None, lower_head=None
        )
        self._control = ColumnDataSource({"x": [], "y": []})
        self._raw = self._plot.line("x", "y", source=self._control, line_dash="dashed", line_width=2)
        self._plot.add_layout(self._spread)
        hover = HoverTool(
            renderers=[self._points],
            tooltips=[("moment", "@moment"), ("PSNR", "@x{0.0} dB"), ("accuracy", "@y{0.000}")],
        )
        self._plot.add_tools(hover)
        self._dress()
        self._draw()

    def _columns(self) -> dict[str, list[Any]]:
        known: list[tuple[int, Mapping[str, Any]]] = sorted(self.moments.items())
        accuracy = [np.asarray(found["accuracy"], float) for _, found in known]
        return {
            "x": [float(found["psnr_db"]) for _, found in known],
            "y": [float(each.mean()) for each in accuracy],
            "low": [float(each.mean() - each.std()) for each in accuracy],
            "high": [float(each.mean() + each.std()) for each in accuracy],
            "moment": [position for position, _ in known],
        }

    @param.depends("moments", "control", "moment", watch=True)
    def _draw(self) -> None:
        self._source.data = columns = self._columns()
        here = [i for i, position in enumerate(columns["moment"]) if position == self.moment]
        self._here.data = {axis: [columns[axis][i] for i in here] for axis in ("x", "y")}
        ends = sorted(columns["x"])[:: max(len(columns["x"]) - 1, 1)] if self.control is not None else []
        self._control.data = {"x": ends, "y": [self.control] * len(ends)}

    @param.depends("dark", watch=True)
    def _dress(self) -> None:
        tones = theme.tones(self.dark)
        quieten(self._plot, self.dark)
        self._line.glyph.line_color = self._spread.line_color = self._chosen.glyph.line_color = tones.accent
        self._points.glyph.fill_color = self._points.glyph.line_color = tones.accent
        self._raw.glyph.line_color = tones.muted

    def __panel__(self) -> Viewable:
        return pn.pane.Bokeh(self._plot, margin=0)
