"""The map: signals as points, selected by click, lasso or box, travelling when their places change.

Picking is done here and not in the browser: a lasso arrives as its polygon, which costs 6 ms for 100,000 points, where
the indices that Bokeh would send cost a second; and drawn and shaded points are picked alike. The browser paints what
a lasso hits at once by itself, see map.mjs, and takes that back when the answer has come.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from html import escape
from typing import Any

import numpy as np
import panel as pn
import param
from bokeh.events import Event, PanStart, RangesUpdate, SelectionGeometry, Tap
from panel.io.state import set_curdoc
from scipy.spatial import cKDTree

from explorer.dashboard import theme
from explorer.dashboard.views.map_figure import Layer, MapFigure, label_scale, metric_scale
from explorer.dashboard.views.places import (
    Frame,
    Window,
    apart,
    combine,
    frame,
    inside,
    middles,
    nearest,
    shade,
    tails,
)
from explorer.errors import InvalidInput

MOST_DOTS = 100_000
MOST_DOTS_WITHOUT_GPU = 20_000
MOST_CHOSEN_WITHOUT_GPU = 5_000  # a highlight should stand within 50 ms
PREVIEW_DOTS = 2_000
NAME_HEIGHT_PX, LETTER_WIDTH_PX = 22, 7


class Map(pn.viewable.Viewer):
    """A map of signals. Arrays in, gestures out; it knows nothing of an engine.

    Setting `layout` lets the points travel there when they are as many as before; `selection` and `hovered` are
    written by gestures and may be written by anybody else. Set what belongs together by one `param.update`; values
    that do not fit the layout leave the points grey.
    """

    layout = param.Array(default=np.zeros((0, 2), np.float32), doc="Places of the signals, [n, 2].")
    values = param.Array(default=np.zeros(0, int), doc="Labels, [n] int (negative: none), or a metric, [n] float.")
    names = param.ClassSelector(class_=(tuple, list), default=(), doc="Names of labels 0, 1, ..., written on the map.")
    colors = param.List(default=[], item_type=str, doc="Hex colours of the labels; empty: the theme's.")
    values_label = param.String(default="", doc="What a metric is, with its unit.")
    moved_from = param.Array(default=None, allow_None=True, doc="Layout before the last move, [n, 2]; draws tails.")
    selection = param.List(default=[], doc="Selected rows, in the order of their selection.")  # unchecked: 0.3 us each
    hovered = param.Integer(default=None, allow_None=True, doc="The row under the pointer.")
    marks = param.Array(default=np.zeros((0, 2)), doc="Places of the layout that are ringed, [k, 2].")
    thumbnails = param.Callable(default=None, allow_None=True, doc="rows -> data URIs of pictures; called on a thread.")
    busy = param.String(default="", doc="A word for what is being computed; dims the map while it stands.")
    empty = param.String(default="no signals yet", doc="What stands where there is nothing to draw.")
    dark = param.Boolean(default=False)

    def __init__(self, **params: Any):
        super().__init__(**params)
        self._frame = Frame((0.0, 0.0), 1.0)
        self._places = np.zeros((0, 2), np.float32)
        self._tree: cKDTree | None = None
        self._scale = label_scale(0, (), self.dark)
        self._has_gpu = False  # until the browser says so
        self._pixels: dict[str, int] = {}
        self._held: Mapping[str, object] = {}
        self._figure = MapFigure()
        self.figure = self._figure.plot
        self._build()
        self._listen()
        self._draw_theme()
        self._place()
        self._draw_points()
        self._draw_selection()
        self._draw_words()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def _build(self) -> None:
        over = {"position": "absolute", "pointer-events": "none", "z-index": "2"}
        self._pane = pn.pane.Bokeh(self.figure, sizing_mode="stretch_both", min_height=240)
        self._card = pn.pane.HTML("", margin=0, styles={**over, "left": "0", "top": "0"})
        self._state = pn.pane.HTML("", margin=0, styles={**over, "inset": "0", "width": "100%", "height": "100%"})
        self._count = pn.pane.HTML("", margin=0, styles={**over, "left": "16px", "bottom": "12px"})
        self._view = pn.Column(
            self._pane,
            self._state,
            self._count,
            self._card,
            sizing_mode="stretch_both",
            styles={"position": "relative", "overflow": "hidden"},
            margin=0,
        )

    def _listen(self) -> None:
        self.figure.on_event(PanStart, self._on_drag)
        self.figure.on_event(SelectionGeometry, self._on_region)
        self.figure.on_event(Tap, self._on_tap)
        self.figure.on_event(RangesUpdate, self._on_view)
        self.figure.on_change("inner_width", self._on_resize)
        self.figure.on_change("inner_height", self._on_resize)
        self._figure.pointer.on_change("data", self._on_pointer)
        self.param.watch(self._on_points, ["layout", "values", "names", "colors", "values_label", "moved_from", "dark"])
        self.param.watch(self._on_selection, "selection")
        self.param.watch(self._on_hovered, "hovered")
        self.param.watch(self._on_words, ["busy", "empty"])
        self.param.watch(lambda event: self._apply(self._draw_marks), "marks")

    # -- drawing

    def _apply(self, draw: Callable[[], object]) -> None:
        """Changes Bokeh's models, whether in a callback, after an await or on another thread of the visit."""
        document = self.figure.document

        def send() -> None:
            with pn.io.unlocked(policy="collect"):
                draw()

        with set_curdoc(document) if document is not None else nullcontext():
            pn.state.execute(send)
        if document is not None and document.session_context is None:
            pn.io.push_notebook(self._pane)

    @property
    def _is_metric(self) -> bool:
        return self.values.dtype.kind == "f"

    def _fitting_values(self) -> np.ndarray:
        """The values, or nothing but grey where they do not fit the layout."""
        n = len(self._places)
        return self.values if self.values.shape == (n,) else np.full(n, np.nan if self._is_metric else -1)

    def _draw_theme(self) -> None:
        self._figure.dress(self.dark)
        for pane in (self._card, self._state, self._count):
            pane.stylesheets = [theme.css(self.dark), _CSS]

    def _place(self) -> None:
        """Takes over the layout."""
        layout = self.layout
        if layout.ndim != 2 or layout.shape[1] != 2 or not np.isfinite(layout).all():
            raise InvalidInput(f"Got a layout of shape {layout.shape}; expected finite places [n, 2]. Project again.")
        self._frame = frame(layout, self._frame)
        self._places = self._frame.place(layout)
        self._tree = None
        pn.state.execute(self._plant_tree)

    async def _plant_tree(self) -> None:
        """Prepares picking on a thread; until it is done, the pointer finds nothing."""
        places = self._places
        tree = await asyncio.to_thread(cKDTree, places, compact_nodes=False, balanced_tree=False)
        if places is self._places:
            self._tree = tree

    def _draw_points(self) -> None:
        """Draws points, tails and names, with their colours."""
        values, n = self._fitting_values(), len(self._places)
        if self._is_metric:
            self._scale = metric_scale(values, self.dark)
        else:
            self._scale = label_scale(max(int(values.max(initial=-1)) + 1, len(self.names)), self.colors, self.dark)
        self._figure.rescale(self._scale, self.values_label)
        self._figure.resize(n)
        self._draw_layer(self._figure.all, np.arange(n))
        self._keep_unseen()
        self._draw_tails()
        self._draw_names()
        self._draw_marks()

    def _keep_unseen(self) -> None:
        kept = slice(None if self._is_shaded(self._figure.all) else 0)
        self._figure.keep(self._places[kept], self._fitting_values()[kept])

    def _draw_marks(self) -> None:
        self._figure.draw_marks(self._frame.place(self.marks))

    def _draw_selection(self) -> None:
        rows = np.array(self.selection, int)
        rows = rows[(rows >= 0) & (rows < len(self._places))]
        self._figure.veil.visible = len(rows) > 0
        self._draw_layer(self._figure.chosen, rows)

    def _is_shaded(self, layer: Layer) -> bool:
        most = MOST_DOTS if self._has_gpu else MOST_DOTS_WITHOUT_GPU
        if layer is self._figure.chosen and not self._has_gpu:
            most = MOST_CHOSEN_WITHOUT_GPU
        return len(layer.rows) > most

    def _draw_layer(self, layer: Layer, rows: np.ndarray) -> None:
        """Draws rows as dots, or shades them; other points than before show some dots until their image is there."""
        has_image = layer.has_image and np.array_equal(layer.rows, rows)
        layer.rows = rows
        layer.drawing += 1
        if not self._is_shaded(layer):
            layer.draw_dots(self._places[rows], self._fitting_values()[rows], rows)
            return
        if layer is self._figure.all and not has_image:
            some = rows[:: -(-len(rows) // PREVIEW_DOTS)]
            layer.draw_dots(self._places[some], self._fitting_values()[some], some)
        pn.state.execute(partial(self._shade, layer))

    async def _shade(self, layer: Layer) -> None:
        """Shades a layer on a thread; an image that has been overtaken meanwhile is dropped."""
        rows, drawing, scale = layer.rows, layer.drawing, self._scale
        places, values = self._places[rows], self._fitting_values()[rows]
        window = self._window().around(places)
        image = await asyncio.to_thread(lambda: shade(places, scale.colors(values), window))
        if drawing == layer.drawing:
            self._apply(lambda: layer.draw_image(image, window))

    def _draw_tails(self) -> None:
        before, after, values = np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0)
        if self.moved_from is not None and self.moved_from.shape == self.layout.shape:
            before = self._frame.place(self.moved_from)
            rows = tails(before, self._places)
            before, after, values = before[rows], self._places[rows], self._fitting_values()[rows]
        self._figure.draw_tails(before, after, values)

    def _draw_names(self) -> None:
        labels, spots = np.zeros(0, int), np.zeros((0, 2))
        if self.names and not self._is_metric:
            values = self._fitting_values()
            labels, spots = middles(self._places, values, len(self.names))
            many = np.bincount(values[values >= 0], minlength=len(self.names))[labels] > 1  # a name would hide one dot
            labels, spots = labels[many], spots[many]
        names = [str(self.names[label]) for label in labels]
        pixel = self._window().pixel
        widths = np.array([LETTER_WIDTH_PX * len(name) + 12 for name in names]) * pixel
        kept = apart(spots, widths, NAME_HEIGHT_PX * pixel)
        self._figure.draw_names(spots[kept], labels[kept], [names[row] for row in kept])

    def _draw_hovered(self) -> None:
        row = self.hovered if self.hovered is not None and 0 <= self.hovered < len(self._places) else None
        self._figure.draw_ring(None if row is None else self._places[row])
        if row is None:
            self._card.object = ""

    def _draw_words(self) -> None:
        n, chosen = len(self._places), len(self.selection)
        self._count.object = (
            "" if n == 0 else f"{chosen:,} of {n:,} selected" if chosen else f"{n:,} signal{'s' * (n > 1)}"
        )
        if self.busy:
            self._state.object = f'<div class="bar"></div><div class="word">{escape(self.busy)}</div>'
        else:
            self._state.object = f'<div class="empty">{escape(self.empty)}</div>' if n == 0 else ""
        self._pane.styles = {"opacity": "0.55"} if self.busy else {}

    async def _draw_card(self, row: int, sx: float, sy: float) -> None:
        """A card with the picture and the value of a row, beside the pointer and away from the nearest edges."""
        picture = ""
        if self.thumbnails is not None:
            (uri,) = await asyncio.to_thread(self.thumbnails, [row])
            picture = f'<img src="{escape(uri)}" alt="">'
        if self.hovered != row:
            return
        window = self._window()
        right, low = sx > window.width / 2, sy > window.height / 2
        shift = f"translate({'calc(-100% - 16px)' if right else '16px'}, {'calc(-100% - 8px)' if low else '8px'})"
        place = f"left:{sx:.0f}px; top:{sy:.0f}px; transform:{shift}"
        self._card.object = f'<div class="card" style="{place}">{picture}<div>{escape(self.caption(row))}</div></div>'

    def caption(self, row: int) -> str:
        """A row and what its colour says, in words."""
        value = self._fitting_values()[row]
        if self._is_metric:
            return f"{row} · {value:.3g} {self.values_label}".rstrip()
        if value < 0:
            return str(row)
        return f"{row} · {self.names[value] if value < len(self.names) else value}"

    # -- what parameters change

    def _on_points(self, *events: param.parameterized.Event) -> None:
        changed = {event.name for event in events}

        def draw() -> None:
            if "dark" in changed:
                self._draw_theme()
            if "layout" in changed:
                self._place()
                self._draw_words()
                self._draw_hovered()
            self._draw_points()
            self._draw_selection()

        self._apply(draw)

    def _on_selection(self, _event: param.parameterized.Event) -> None:
        def draw() -> None:
            self._draw_selection()
            self._draw_words()

        self._apply(draw)

    def _on_hovered(self, _event: param.parameterized.Event) -> None:
        self._apply(self._draw_hovered)

    def _on_words(self, *_events: param.parameterized.Event) -> None:
        self._apply(self._draw_words)

    # -- what the browser tells

    def _window(self) -> Window:
        spans = self._figure.spans
        if len(self._pixels) < 2 or not all(self._pixels.values()) or not np.isfinite(spans).all():
            return Window()  # it has not been laid out yet, or is hidden
        x, y = spans.tolist()
        return Window(tuple(x), tuple(y), self._pixels["inner_width"], self._pixels["inner_height"])

    def _on_resize(self, side: str, _old: int, pixels: int) -> None:
        self._pixels[side] = pixels
        self._on_view()

    def _on_view(self, _event: Event | None = None) -> None:
        """The part in sight has changed: what depends on pixels is drawn anew."""
        for layer in (self._figure.all, self._figure.chosen):
            if self._is_shaded(layer):
                self._draw_layer(layer, layer.rows)
        self._draw_names()

    def _on_drag(self, event: Any) -> None:
        self._held = event.modifiers or {}

    def _on_region(self, event: Any) -> None:
        if not event.final:
            return
        shape = event.geometry
        if shape["type"] == "rect":
            x0, x1, y0, y1 = (shape[name] for name in ("x0", "x1", "y0", "y1"))
            polygon = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], float)
        else:
            polygon = np.stack([shape["x"], shape["y"]], axis=1).astype(float)
        self._select(inside(self._places, polygon).tolist(), self._held)

    def _on_tap(self, event: Any) -> None:
        if self._tree is not None:
            row = nearest(self._tree, (event.x, event.y), self._window().pixel)
            self._select([] if row is None else [row], event.modifiers or {})

    def _select(self, rows: list[int], held: Mapping[str, object]) -> None:
        self.selection = combine(self.selection, rows, add=bool(held.get("shift")), take=bool(held.get("alt")))

    def _on_pointer(self, _attr: str, _old: dict[str, list], new: dict[str, list]) -> None:
        (kind,) = new["kind"]
        if kind == "gpu":
            self._has_gpu = True
            for layer in (self._figure.all, self._figure.chosen):
                self._draw_layer(layer, layer.rows)
            self._keep_unseen()
        elif kind == "escape":
            self.selection = []
        elif kind == "leave":
            self.hovered = None
        elif self._tree is not None:
            x, y, sx, sy = (new[name][0] for name in ("x", "y", "sx", "sy"))
            row = nearest(self._tree, (x, y), self._window().pixel)
            if row != self.hovered:
                self.hovered = row
                if row is not None:
                    pn.state.execute(partial(self._draw_card, row, sx, sy))


_CSS = """
:host { color: var(--muted) }
img { image-rendering: pixelated; display: block; margin: 0 auto 4px; min-width: 64px; max-width: 160px }
.card { position: absolute; padding: 8px; width: max-content; border: 1px solid var(--line); border-radius: 4px;
        background: var(--page); color: var(--ink); box-shadow: 0 2px 8px #0003; text-align: center }
.empty { position: absolute; inset: 0; display: grid; place-content: center }
.word { position: absolute; left: 16px; top: 12px; color: var(--ink) }
.bar { position: absolute; left: 0; right: 0; top: 0; height: 2px; overflow: hidden }
.bar::after { content: ""; position: absolute; inset: 0; width: 30%; background: var(--accent);
              animation: pass 1.4s linear infinite }
@keyframes pass { from { left: -30% } to { left: 100% } }
@media (prefers-reduced-motion: reduce) { .bar::after { animation: none; width: 100% } }
"""
