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

HEIGHT = 150
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
        self._words = words(margin=(0, 0, 4, 0))
        self._curves: Curves | None = None  # made with the first scores: the page's first picture does not wait for it
        # Panel has a plot's visibility follow the figure's, so a column around it is what is hidden.
        self._drawn = pn.Column(height=HEIGHT, sizing_mode="stretch_width")
        self._draw()
        self._say()

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

    @param.depends("sizes", "ours", "control", "dark", watch=True)
    def _draw(self) -> None:
        if self._curves is None:
            if not (self.ours or self.control):
                return
            self._curves = Curves()
            self._drawn.append(pn.pane.Bokeh(self._curves.plot, sizing_mode="stretch_width"))
        self._curves.dress(self.dark)
        self._curves.rule(self.sizes)
        self._curves.draw(self.ours, self.control, self.metric)

    @param.depends("signals", "size", "ours", "control", "how", watch=True)
    def _say(self) -> None:
        if self._curves is not None:
            self._curves.here.location = self.size or None
        self._drawn.visible = not self.nothing
        said = scores_html(self.ours.get(self.size), self.control.get(self.size), self.how)
        self._words.object = f'<span class="quiet">{self.nothing}</span>' if self.nothing else said

    def __panel__(self) -> Viewable:
        return pn.Column(self._words, self._drawn, sizing_mode="stretch_width")


class Curves:
    """The plot: scores over sizes, and where one looks."""

    def __init__(self) -> None:
        self.plot = figure(
            height=HEIGHT, toolbar_location=None, tools="", x_axis_type="log", x_range=Range1d(1, 2),
            y_range=Range1d(0, 1), sizing_mode="stretch_width", title=None,
        )  # fmt: skip
        self.sources = {name: ColumnDataSource({"x": [], "y": []}, tags=["scores"]) for name in ("ours", "control")}
        self.here = Span(dimension="height", line_width=1)
        self.plot.add_layout(self.here)
        dashes = {"ours": "solid", "control": "dashed"}
        self._lines = {name: Line(x="x", y="y", line_width=2, line_dash=dash) for name, dash in dashes.items()}
        self._dots = {name: Scatter(x="x", y="y", size=5) for name in self.sources}
        for name, source in self.sources.items():
            draw(self.plot, self._lines[name], source)
            draw(self.plot, self._dots[name], source)
        self.plot.xaxis.ticker = self._ticks = FixedTicker(ticks=[])

    def dress(self, dark: bool) -> None:
        tones = theme.tones(dark)
        quieten(self.plot, dark)
        self.here.line_color = tones.muted
        for name, color in (("ours", tones.accent), ("control", tones.muted)):
            self._lines[name].line_color = color
            self._dots[name].update(line_color=color, fill_color=color)

    def rule(self, sizes: Sequence[int]) -> None:
        """The axes."""
        if sizes:
            self.plot.x_range.update(start=min(sizes) / 1.2, end=max(sizes) * 1.2)
            self._ticks.ticks = apart(sizes)

    def draw(self, ours: Mapping[int, Any], control: Mapping[int, Any], metric: str) -> None:
        lowest = 0.0
        for name, known in (("ours", ours), ("control", control)):
            points = [(x, score[metric]) for x, score in sorted(known.items()) if score[metric] is not None]
            self.sources[name].data = {"x": [x for x, _ in points], "y": [y for _, y in points]}
            lowest = min([lowest, *(y for _, y in points)])
        self.plot.yaxis.axis_label = METRICS[metric]
        self.plot.y_range.start = lowest


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
