"""How trainings went: loss and PSNR over steps, several runs over each other."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import panel as pn
import param
from bokeh.models import ColumnDataSource, HoverTool
from bokeh.plotting import figure
from panel.viewable import Viewable, Viewer

from explorer.dashboard import theme
from explorer.dashboard.views.plots import quieten
from explorer.messages import Moment

METRICS = {"loss": "loss", "psnr_db": "PSNR [dB]"}
OVER = ("steps", "seconds")


def curve(moments: Sequence[Moment], metric: str, over: str) -> dict[str, np.ndarray]:
    """One metric of a run: ``x`` and ``y`` [n], and the ``stage``; a NaN parts stages, which count steps anew."""
    x: list[float] = []
    y: list[float] = []
    stages: list[str] = []
    last: Moment | None = None
    for moment in moments:
        value = moment.progress.metrics.get(metric)
        if value is None:
            continue
        if last is not None and (
            last.progress.message != moment.progress.message or last.progress.step > moment.progress.step
        ):
            x, y, stages = [*x, np.nan], [*y, np.nan], [*stages, ""]
        x.append(moment.progress.step if over == "steps" else moment.seconds)
        y.append(value)
        stages.append(moment.progress.message)
        last = moment
    return {"x": np.array(x, float), "y": np.array(y, float), "stage": np.array(stages, object)}


class ProgressPlot(Viewer):
    """Loss, on a logarithmic scale, beside PSNR. Data in; it knows nothing of an engine."""

    runs = param.Dict({}, doc="Name of a run -> its moments.")
    colors = param.Dict({}, doc="Name of a run -> hex colour; empty: the theme's.")
    over = param.Selector(default="steps", objects=OVER, doc="What the curves are drawn over.")
    dark = param.Boolean(False)

    HEIGHT = 210

    def __init__(self, **params: Any):
        super().__init__(**params)
        self._plots = {name: self._plot(name, title) for name, title in METRICS.items()}
        self._sources: dict[tuple[str, str], ColumnDataSource] = {}
        self._panes = [
            pn.pane.Bokeh(plot, sizing_mode="stretch_width", margin=0, height=self.HEIGHT)
            for plot in self._plots.values()
        ]
        self._dress()
        self._draw()

    def _plot(self, name: str, title: str) -> figure:
        plot = figure(
            height=self.HEIGHT,
            toolbar_location=None,
            tools="",
            sizing_mode="stretch_width",
            y_axis_type="log" if name == "loss" else "linear",
            tags=["progress", name],
        )
        plot.yaxis.axis_label = title
        plot.xaxis.ticker.desired_num_ticks = 4  # beside each other there is no room for more
        plot.min_border_left = 64
        plot.add_tools(HoverTool(tooltips=[("run", "$name"), ("stage", "@stage"), ("at", "@x"), (title, "@y{0.0000}")]))
        return plot

    @param.depends("dark", watch=True)
    def _dress(self) -> None:
        for plot in self._plots.values():
            quieten(plot, self.dark)
        self._recolor()

    @param.depends("runs", "over", watch=True)
    def _draw(self) -> None:
        """New data for the runs that are there, new lines for those that came, none for those that went."""
        for metric, plot in self._plots.items():
            plot.xaxis.axis_label = "step" if self.over == "steps" else "seconds"
            for name, moments in self.runs.items():
                data = curve(moments, metric, self.over)
                source = self._sources.get((metric, name))
                if source is None:
                    source = self._sources[metric, name] = ColumnDataSource(data, tags=["progress", metric, name])
                    plot.line("x", "y", source=source, line_width=2, name=name)
                else:
                    source.data = data
            gone = [name for kind, name in self._sources if kind == metric and name not in self.runs]
            for name in gone:
                source = self._sources.pop((metric, name))
                plot.renderers = [glyph for glyph in plot.renderers if glyph.data_source is not source]
        self._recolor()

    @param.depends("colors", watch=True)
    def _recolor(self) -> None:
        others = iter(theme.categorical(len(self.runs), self.dark))
        colors = {name: self.colors.get(name) or next(others) for name in self.runs}
        for plot in self._plots.values():
            for glyph in plot.renderers:
                if glyph.name in colors:
                    glyph.glyph.line_color = colors[glyph.name]

    def __panel__(self) -> Viewable:
        return pn.Row(*self._panes, sizing_mode="stretch_width", margin=0)


def summary(runs: Mapping[str, Sequence[Moment]]) -> str:
    """The curves in words, for those who do not see them: the last figures of each run, in a sentence."""
    parts = []
    for name, moments in runs.items():
        known: dict[str, float] = {}
        for moment in moments:
            known |= moment.progress.metrics
        figures = ", ".join(f"{METRICS.get(metric, metric)} {value:.4g}" for metric, value in known.items())
        parts.append(f"{name}: {figures or 'nothing yet'}")
    return "; ".join(parts)
