"""Scores over resolution, beside the same scores of the raw samples."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import panel as pn
import param
from bokeh.models import ColumnDataSource, FixedTicker, Line, Range1d, Scatter, Span
from bokeh.plotting import figure
from panel.viewable import Viewable, Viewer

from explorer.dashboard import theme
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.plots import draw, quieten
from explorer.dashboard.views.words import figures, words

METRICS = {"ami": "AMI", "ari": "ARI", "silhouette": "silhouette"}
"""What can be plotted; the first that the signals allow is shown."""

ALONE = "One signal alone has no clusters, so there is nothing to compare. Open or upload a set of several."
ALIKE = "All signals are in one cluster and have no labels, so there is nothing to compare. Ask for more clusters."

_WIDTH, _LETTER, _GAP = 300, 7, 6  # pixels


class Scores(Viewer):
    """Scores by size of the observed grid, filled as they come.

    ``ours`` and ``control`` map sizes to what ``Subject.score`` gives.
    """

    signals = param.Integer(0, doc="How many signals there are.")
    sizes = param.List([], item_type=int, doc="All sizes that will come, from coarse to fine.")
    size = param.Integer(0, doc="The size that is looked at.")
    ours = param.Dict({})
    control = param.Dict({})
    how = param.String("", doc="How the clusters were found: method, K, seed.")
    dark = param.Boolean(False)

    def __init__(self, **params: Any):
        super().__init__(**params)
        self._sources = {name: ColumnDataSource({"x": [], "y": []}, tags=["scores"]) for name in ("ours", "control")}
        self._plot = figure(
            height=150, toolbar_location=None, x_axis_type="log", x_range=Range1d(1, 2), y_range=Range1d(0, 1),
            sizing_mode="stretch_width", title=None,
        )  # fmt: skip
        self._here = Span(dimension="height", line_width=1)
        self._plot.add_layout(self._here)
        dashes = {"ours": "solid", "control": "dashed"}
        self._lines = {name: Line(x="x", y="y", line_width=2, line_dash=dash) for name, dash in dashes.items()}
        self._dots = {name: Scatter(x="x", y="y", size=5) for name in self._sources}
        for name, source in self._sources.items():
            draw(self._plot, self._lines[name], source)
            draw(self._plot, self._dots[name], source)
        self._plot.xaxis.ticker = self._ticks = FixedTicker(ticks=[])
        self._words = words(margin=(0, 0, 4, 0))
        # Panel has a plot's visibility follow the figure's, so a column around it is what is hidden.
        self._drawn = pn.Column(pn.pane.Bokeh(self._plot, sizing_mode="stretch_width"), sizing_mode="stretch_width")
        self._restyle()
        self._rule()
        self._plot_scores()
        self._say()

    @param.depends("dark", watch=True)
    def _restyle(self) -> None:
        tones = theme.tones(self.dark)
        quieten(self._plot, self.dark)
        self._here.line_color = tones.muted
        for name, color in (("ours", tones.accent), ("control", tones.muted)):
            self._lines[name].line_color = color
            self._dots[name].update(line_color=color, fill_color=color)

    @property
    def metric(self) -> str:
        """What is plotted: signals without labels have no AMI."""
        known = [score for score in self.ours.values() if score is not None]
        return next((name for name in METRICS if any(score[name] is not None for score in known)), "ami")

    @property
    def nothing(self) -> str:
        """Why there is nothing to plot; empty where there is, or may still come."""
        if self.signals == 1:
            return ALONE
        known = [score for scores in (self.ours, self.control) for score in scores.values() if score is not None]
        return ALIKE if known and all(score[name] is None for score in known for name in METRICS) else ""

    @param.depends("sizes", watch=True)
    def _rule(self) -> None:
        """The axes."""
        self._plot.xaxis.visible = self._plot.yaxis.visible = bool(self.sizes)
        if self.sizes:
            self._plot.x_range.update(start=min(self.sizes) / 1.2, end=max(self.sizes) * 1.2)
            self._ticks.ticks = apart(self.sizes)

    @param.depends("ours", "control", watch=True)
    def _plot_scores(self) -> None:
        metric, lowest = self.metric, 0.0
        for name, source in self._sources.items():
            scores = sorted((size, score[metric]) for size, score in getattr(self, name).items())
            points = [(x, y) for x, y in scores if y is not None]
            source.data = {"x": [x for x, _ in points], "y": [y for _, y in points]}
            lowest = min([lowest, *source.data["y"]])
        self._plot.yaxis.axis_label = METRICS[metric]
        self._plot.y_range.start = lowest

    @param.depends("signals", "size", "ours", "control", "how", watch=True)
    def _say(self) -> None:
        self._here.location = self.size or None
        self._drawn.visible = not self.nothing
        said = scores_html(self.ours.get(self.size), self.control.get(self.size), self.how)
        self._words.object = f'<span class="quiet">{self.nothing}</span>' if self.nothing else said

    def __panel__(self) -> Viewable:
        return pn.Column(self._words, self._drawn, sizing_mode="stretch_width")


def apart(sizes: Sequence[int]) -> list[int]:
    """Those sizes whose numbers can be written without touching: the ends before all others."""
    ends = [sizes[0], sizes[-1]]
    whole = np.log(ends[-1] * 1.2**2 / ends[0])
    kept: list[int] = []
    for size in [*ends, *sizes]:
        reach = [_LETTER * (len(str(size)) + len(str(other))) / 2 + _GAP for other in kept]
        if all(_WIDTH * abs(np.log(size / o)) / whole >= r for o, r in zip(kept, reach, strict=True)):
            kept.append(size)
    return sorted(kept)


def scores_html(ours: Mapping[str, Any] | None, control: Mapping[str, Any] | None, how: str) -> str:
    """The scores at one resolution, each beside its control; a dash for what is not known yet."""
    parts = []
    for name, title in METRICS.items():
        if ours is not None and ours[name] is None:
            continue
        parts.append(f"{title} <b>{_number(ours, name)}</b> <span class='quiet'>raw {_number(control, name)}</span>")
    if ours is not None and ours["drift"] is not None:
        parts.append(f"drift <b>{100 * ours['drift']:.1f} %</b> <span class='quiet'>raw {_percent(control)}</span>")
    return f'{figures(*parts)}<span class="quiet">{how}</span>'


def _number(score: Mapping[str, Any] | None, name: str) -> str:
    return "–" if score is None or score[name] is None else f"{score[name]:.3f}"


def _percent(score: Mapping[str, Any] | None) -> str:
    return "–" if score is None or score["drift"] is None else f"{100 * score['drift']:.1f} %"


def how(subject: Subject) -> str:
    """How the clusters were found, in words."""
    k = f", K {subject.clusters_wanted}" if subject.clusters_wanted and subject.method != "hdbscan" else ""
    uneven = "" if subject.sampling.is_grid else ", uneven samples"
    return f"{subject.method}{k}, seed 0, space {subject.space or subject.reference.spaces[0]}{uneven}"
