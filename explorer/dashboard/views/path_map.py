"""A map on which paths are drawn, by the page and by hand, and that says where its empty places were touched."""

from typing import Any

import numpy as np
import param
from bokeh.models import ColumnDataSource, FreehandDrawTool

from explorer.dashboard import theme
from explorer.dashboard.views.map import Map
from explorer.dashboard.views.places import nearest


class PathMap(Map):
    """A Map with paths. What is given and what comes back are places of the layout, as `layout` has them."""

    paths = param.List(default=[], doc="Pairs of places [T, 2] and a hex colour.")
    touched = param.Array(default=None, allow_None=True, doc="The empty place that was touched last, [2].")
    line = param.Array(default=None, allow_None=True, doc="The line that was drawn last, [v, 2].")

    def __init__(self, **params: Any):
        self._paths = ColumnDataSource({"xs": [], "ys": [], "color": []})
        self._line = ColumnDataSource({"xs": [], "ys": []})
        super().__init__(**params)

    def _build(self) -> None:
        plot = self.figure
        plot.multi_line("xs", "ys", source=self._paths, color="color", line_width=3, level="overlay")
        drawn = plot.multi_line("xs", "ys", source=self._line, line_width=3, line_dash="dashed", level="overlay")
        self._hand = drawn.glyph
        plot.add_tools(FreehandDrawTool(renderers=[drawn], num_objects=1, description="draw a path"))
        super()._build()

    def _listen(self) -> None:
        super()._listen()
        self._line.on_change("data", self._on_line)
        self.param.watch(lambda event: self._apply(self._draw_paths), "paths")

    def _draw_theme(self) -> None:
        super()._draw_theme()
        tone = theme.tones(self.dark)
        self._hand.line_color = tone.ink

    def _draw_points(self) -> None:
        super()._draw_points()
        self._draw_paths()

    def _draw_paths(self) -> None:
        placed = [self._frame.place(np.asarray(path)) for path, _ in self.paths]
        self._paths.data = {
            "xs": [path[:, 0].tolist() for path in placed],
            "ys": [path[:, 1].tolist() for path in placed],
            "color": [color for _, color in self.paths],
        }

    def _on_tap(self, event: Any) -> None:
        """A touched point is selected as on any map; an empty place leaves the selection as it is."""
        if self._tree is None:
            return
        if nearest(self._tree, (event.x, event.y), self._window().pixel) is None:
            self.touched = self._frame.layout(np.array([event.x, event.y]))
        else:
            super()._on_tap(event)

    def _on_line(self, _attr: str, _old: Any, new: dict[str, list]) -> None:
        if new["xs"] and len(new["xs"][-1]) > 1:
            self.line = self._frame.layout(np.stack([new["xs"][-1], new["ys"][-1]], -1).astype(float))
