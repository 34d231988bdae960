"""The Bokeh figure behind the map: its layers, and how each is drawn anew.

Plain Bokeh rather than HoloViews, because the columns of a source must keep their identity for points to travel in the
browser. What changes when points are selected lies on the overlay level, which Bokeh paints without the points below.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from bokeh.core.property.vectorization import value
from bokeh.models import (
    BasicTicker,
    BoxSelectTool,
    ColumnDataSource,
    CustomJS,
    DataRange1d,
    ImageRGBA,
    LassoSelectTool,
    LinearColorMapper,
    PanTool,
    Quad,
    ResetTool,
    SaveTool,
    Scatter,
    Segment,
    Text,
    WheelZoomTool,
)
from bokeh.models.annotations.legends import ColorBar
from bokeh.plotting import figure

from explorer.dashboard import theme
from explorer.dashboard.views.places import Window, dot_size
from explorer.dashboard.views.plots import draw

HERE = Path(__file__).parent
SCRIPT = "".join((HERE / name).read_text(encoding="utf-8") for name in ("webgl.js", "map.mjs"))
FAR = 1_000
"""Beyond every place, which all lie within 1."""
FEW_DOTS = 5_000
"""Up to so many, dots are nearly opaque and selected ones have an outline."""
NOTHING: dict[str, list] = {"x": [], "y": []}


@dataclass(frozen=True)
class Scale:
    """How values become colours: a palette spread evenly from `low` to `high`, a metric's ends going on beyond."""

    palette: tuple[str, ...]
    low: float
    high: float
    grey: str
    metric: bool

    def colors(self, values: np.ndarray) -> np.ndarray:
        """The colours of values [n] as the browser draws them, [n, 3] float32 in 0 .. 1; NaNs and no label are grey."""
        share = (values - self.low) / (self.high - self.low)
        size = len(self.palette)
        index = np.clip(np.nan_to_num(share * size), 0, size - 1).astype(int)
        none = np.isnan(share) if self.metric else share < 0
        return theme.rgb([*self.palette, self.grey]).astype(np.float32)[np.where(none, size, index)]


def label_scale(count: int, colors: Sequence[str], dark: bool) -> Scale:
    """Colours for labels 0 .. count-1, the given ones first."""
    palette = (*colors, *theme.categorical(max(count, 1), dark)[len(colors) :])
    return Scale(palette, -0.5, len(palette) - 0.5, theme.tones(dark).muted, metric=False)


def metric_scale(values: np.ndarray, dark: bool) -> Scale:
    """Colours for a metric, from its 1st to its 99th percentile, so that a few outliers do not wash out the rest."""
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [1, 99]).tolist() if len(finite) else (0.0, 1.0)
    high = high if high > low else low + 1.0
    return Scale(tuple(theme.continuous(dark)), low, high, theme.tones(dark).muted, metric=True)


class Layer:
    """Some rows of the map: dots while they are few, above that an image that was shaded on this side."""

    def __init__(self, plot: Any, mapper: LinearColorMapper, level: str, **style: Any):
        self.rows = np.zeros(0, int)
        self.drawing = 0  # counts up, so that an image which comes late can be told
        self.dots = ColumnDataSource(columns(np.zeros((0, 2)), np.zeros(0), self.rows))
        self.image = ColumnDataSource({"image": [], "x": [], "y": [], "dw": [], "dh": []})
        draw(plot, ImageRGBA(image="image", x="x", y="y", dw="dw", dh="dh"), self.image, level=level)
        self.glyph = Scatter(x="x", y="y", fill_color={"field": "value", "transform": mapper}, **style)
        self.renderer = draw(plot, self.glyph, self.dots, level=level)

    @property
    def has_image(self) -> bool:
        return len(self.image.data["image"]) > 0

    def draw_dots(self, places: np.ndarray, values: np.ndarray, rows: np.ndarray) -> None:
        """Draws rows as dots; sends only the columns that changed, and the browser lets the same rows travel."""
        if self.has_image:
            self.image.data = {name: [] for name in self.image.data}
        new, old = columns(places, values, rows), self.dots.data
        if not np.array_equal(new["row"], old["row"]):
            self.dots.data = new
            return
        moved = not (np.array_equal(new["x"], old["x"]) and np.array_equal(new["y"], old["y"]))
        recolored = not np.array_equal(new["value"], old["value"], equal_nan=True)
        changed = (["x", "y"] if moved else []) + (["value"] if recolored else [])
        old.update({name: new[name] for name in changed})

    def draw_image(self, image: np.ndarray, window: Window) -> None:
        """Draws an image of RGBA in uint32 over its window."""
        if len(self.dots.data["x"]):
            self.dots.data = {name: column[:0] for name, column in self.dots.data.items()}
        (x0, x1), (y0, y1) = window.x, window.y
        self.image.data = {"image": [image], "x": [x0], "y": [y0], "dw": [x1 - x0], "dh": [y1 - y0]}


def put(source: ColumnDataSource, data: dict[str, Any]) -> None:
    """Gives a source its columns, unless it has the same: to send and to draw them is what costs."""
    if not all(np.array_equal(column, source.data[name]) for name, column in data.items()):
        source.data = data


def columns(places: np.ndarray, values: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
    """What a source holds of points: typed arrays, which travel as bytes."""
    x, y = np.ascontiguousarray(places.T, np.float32)
    return {"x": x, "y": y, "value": values.astype(np.float32), "row": rows.astype(np.int32)}


class MapFigure:
    """The figure and its parts, from the bottom up: all points, tails, a veil, the selection, names, the pointed-at."""

    def __init__(self) -> None:
        lasso, box = (kind(renderers=[]) for kind in (LassoSelectTool, BoxSelectTool))
        wheel = WheelZoomTool(zoom_on_axis=False)
        self._ranges = DataRange1d(range_padding=0), DataRange1d(range_padding=0)
        plot = figure(
            tools=[lasso, box, PanTool(), wheel, ResetTool(), SaveTool()],
            active_drag=lasso,
            active_scroll=wheel,
            x_range=self._ranges[0],
            y_range=self._ranges[1],
            title=None,
            x_axis_type=None,
            y_axis_type=None,
            match_aspect=True,
            output_backend="webgl",
            sizing_mode="stretch_both",
            toolbar_inner=True,
            toolbar_location="right",
            outline_line_color=None,
            background_fill_color=None,
            border_fill_color=None,
            min_border=0,
        )
        self.plot: Any = cast(Any, plot)  # Bokeh's type hints know less than its glyphs
        self.plot.toolbar.update(logo=None, stylesheets=[":host(.bk-inner) { background: transparent; opacity: 1 }"])
        corners = draw(plot, Scatter(), ColumnDataSource({"x": [-1, 1], "y": [-1, 1]}), visible=False)
        for span in self._ranges:
            span.renderers = [corners]  # the view keeps still while points travel, and follows the window's shape

        self.mapper = LinearColorMapper(palette=["#000000"])
        self.all = Layer(self.plot, self.mapper, "underlay", line_color=None)
        self.unseen = ColumnDataSource(columns(np.zeros((0, 2)), np.zeros(0), self.all.rows))
        self.tails = ColumnDataSource({"x0": [], "y0": [], "x": [], "y": [], "value": []})
        tail_color = {"field": "value", "transform": self.mapper}
        self._tail = Segment(x0="x0", y0="y0", x1="x", y1="y", line_color=tail_color)
        draw(plot, self._tail, self.tails)
        veil = Quad(left=-FAR, right=FAR, top=FAR, bottom=-FAR, line_color=None, fill_alpha=0.75)
        self.veil = draw(plot, veil, ColumnDataSource({"row": [0]}), level="overlay", visible=False)
        self.chosen = Layer(self.plot, self.mapper, "overlay")
        for source in (self.chosen.dots, self.chosen.image):
            source.tags = ["chosen"]
        self.names = ColumnDataSource({"x": [], "y": [], "text": [], "row": []})
        self._name = Text(
            text_align="center",
            text_baseline="middle",
            text_font=value("Helvetica, Arial, sans-serif"),
            text_font_size=value("12px"),
            background_fill_alpha=0.8,
            border_radius=4,
            padding=(2, 5),
        )
        draw(plot, self._name, self.names, level="overlay")
        self.marks = ColumnDataSource(NOTHING, tags=["marks"])
        self._mark = Scatter(size=14, fill_color=None, line_width=3)
        draw(plot, self._mark, self.marks, level="overlay")
        self.ring = ColumnDataSource(NOTHING)
        self._ring = Scatter(fill_color=None, line_width=2)
        draw(plot, self._ring, self.ring, level="overlay")
        self._bar = ColorBar(
            color_mapper=self.mapper,
            location="bottom_right",
            orientation="horizontal",
            width=160,
            height=8,
            ticker=BasicTicker(desired_num_ticks=3),
            background_fill_color=None,
            major_tick_line_color=None,
            title_text_font_style="normal",
            margin=16,
        )
        self.pointer = ColumnDataSource({"kind": [], "x": [], "y": [], "sx": [], "sy": []})
        self._link_browser()

    def _link_browser(self) -> None:
        parts = {
            "figure": self.plot,
            "dots": self.all.dots,
            "unseen": self.unseen,
            "chosen": self.chosen.renderer,
            "shaded": self.chosen.image,
            "veil": self.veil,
            "names": self.names,
            "mapper": self.mapper,
            "pointer": self.pointer,
        }
        live = CustomJS(code=SCRIPT, module=True, args=parts)
        self.plot.js_on_change("inner_width", live)  # so that it has seen the first places
        self.plot.js_on_event("selectiongeometry", live)
        for name in ("mousemove", "mouseenter", "mouseleave"):
            self.plot.js_on_event(name, live)

    @property
    def spans(self) -> np.ndarray:
        """What is in sight, [[x0, x1], [y0, y1]]; NaN until the browser has laid it out."""
        return np.array([[span.start, span.end] for span in self._ranges], float)

    def dress(self, dark: bool) -> None:
        """Puts on the tones of a theme."""
        tone = theme.tones(dark)
        self.veil.glyph.fill_color = tone.page
        self._name.update(text_color=tone.ink, background_fill_color=tone.page)
        self.chosen.glyph.line_color = tone.ink
        self._ring.line_color = self._mark.line_color = tone.ink
        self._bar.update(major_label_text_color=tone.muted, title_text_color=tone.muted)

    def rescale(self, scale: Scale, label: str) -> None:
        """Draws values by this scale; a metric has a colour bar with its label.

        The bar is part of the plot only then: it has all laid out anew whenever colours change.
        """
        others = [part for part in self.plot.center if part is not self._bar]
        if scale.metric != (len(others) < len(self.plot.center)):
            self.plot.center = [*others, self._bar] if scale.metric else others
        low_color = None if scale.metric else scale.grey
        self.mapper.update(
            palette=list(scale.palette), low=scale.low, high=scale.high, low_color=low_color, nan_color=scale.grey
        )
        self._bar.title = label

    def resize(self, n: int) -> None:
        """Makes dots as large as n of them leave room for."""
        size, few = dot_size(n), n <= FEW_DOTS
        self.all.glyph.update(size=size, fill_alpha=0.85 if few else 0.6)
        self.chosen.glyph.update(size=size + 2, line_width=1 if few else 0)
        self._ring.size = size + 7
        self.plot.toolbar.visible = n > 0

    def keep(self, places: np.ndarray, values: np.ndarray) -> None:
        """Lets the browser know of points that are not drawn as dots, so that it finds those in a lasso by itself."""
        put(self.unseen, columns(places, values, np.arange(len(places))))

    def draw_tails(self, before: np.ndarray, after: np.ndarray, values: np.ndarray) -> None:
        """Draws lines from [m, 2] to [m, 2], the fainter the more there are."""
        self._tail.line_alpha = float(np.clip(100 / max(len(before), 1), 0.1, 0.6))
        (x0, y0), (x, y) = before.T, after.T
        put(self.tails, {"x0": x0, "y0": y0, "x": x, "y": y, "value": values})

    def draw_names(self, spots: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> None:
        """Writes names at spots [m, 2]; the same names travel with their points."""
        new = {**columns(spots, labels, labels), "text": list(names)}
        if new["text"] == self.names.data["text"]:
            self.names.data.update(x=new["x"], y=new["y"])
        else:
            self.names.data = new

    def draw_ring(self, place: np.ndarray | None) -> None:
        """Rings one place [2], or none."""
        put(self.ring, NOTHING if place is None else {"x": place[:1], "y": place[1:]})

    def draw_marks(self, places: np.ndarray) -> None:
        """Rings places [k, 2] in a way of its own."""
        put(self.marks, {"x": places[:, 0], "y": places[:, 1]})
