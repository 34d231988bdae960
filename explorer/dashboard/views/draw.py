"""The drawer in which a person draws a signal, or rubs out samples of one, and sees where it comes to stand."""

from html import escape
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from panel.viewable import Viewable, Viewer

from explorer.dashboard.drawing import Found, drawn, erased, find
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.pixels import Picture, Pictures, picture, png_uri
from explorer.dashboard.views.portraits import grid_for, portraits
from explorer.dashboard.views.sample import name_of
from explorer.dashboard.views.sketch import Sketch
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.views.words import words

BOX, NEIGHBOR_BOX, RENDER_SIZE = 96, 40, 96
SMALL: dict[str, Any] = {"size": "small", "margin": 0}


class Draw(Viewer):
    """A canvas, and what was found of what is on it. It asks nobody: ``wish`` says what is to be found."""

    wish = param.Parameter(None, doc="What was drawn or rubbed out last, as an array; None for nothing.")

    def __init__(self, **params: Any):
        super().__init__(**params)
        self.sketch = Sketch(width=200, margin=0)
        self.found = Pictures(box=BOX, width=212, margin=0)
        self.neighbors = Pictures(box=NEIGHBOR_BOX, captions=False, width=220, margin=0)
        self._said = words("draw, and see where it comes to stand", sizing_mode=None, width=220)
        self._mode = pmui.RadioButtonGroup(options=["draw", "rub out"], value="draw", size="small", width=140, margin=0)
        self._clear = pmui.Button(label="clear", variant="text", on_click=lambda event: self.clear(), **SMALL)
        self._mode.param.watch(self._switch, "value")
        self.sketch.param.watch(lambda event: setattr(self, "wish", event.new), ["ink", "gone"])

    @property
    def rubbing(self) -> bool:
        return self.sketch.erasing

    def _switch(self, event: param.parameterized.Event) -> None:
        self.sketch.erasing = event.new == "rub out"
        self.clear()

    def clear(self) -> None:
        """Nothing on the canvas, nothing found."""
        self.sketch.clear()
        self.found.show(())
        self.neighbors.show(())
        self._said.object = "rub out samples" if self.rubbing else "draw, and see where it comes to stand"
        self.wish = None

    def prepare(self, subject: Subject, row: int) -> None:
        """A canvas for signals like these, and one of them to rub out samples of."""
        signals = subject.signals
        if signals.shapes is None or signals.d > 2:
            self._said.object = "only pictures and curves on grids can be drawn"
            return
        grid = signals.grid(row)
        curve = signals.d == 1
        pixels = portraits(grid[None], signals.value_range, 192)[0]
        cells = [1, len(grid)] if curve else list(grid.shape[:2])
        self.sketch.param.update(kind="curve" if curve else "picture", base=png_uri(pixels), cells=cells)

    def seen(
        self, subject: Subject, row: int, projection: str, dark: bool
    ) -> tuple[Found, list[Picture], list[Picture]]:
        """Ask for what is on the canvas: where it stands, its picture, and those of its neighbours."""
        signals, wish = subject.signals, np.asarray(self.wish)
        if wish.dtype == bool:
            signal = erased(signals, row, wish.reshape(signals.grid(row).shape[:-1]))
        else:
            signal = drawn(signals, wish)
        found = find(subject, signal, projection)
        shape, window = grid_for(signals, RENDER_SIZE)
        (pixels,) = portraits(found.codes.engine.render(found.codes, shape, window), signals.value_range, BOX, dark)
        pictures = [picture(pixels, BOX, "its render", f"{len(signal.values):,} samples")]
        if signal.shapes is not None:
            (given,) = portraits(signal.grid(0)[None], signals.value_range, BOX, dark)
            pictures.insert(0, picture(given, BOX, "encoded", "×".join(map(str, signal.shapes[0]))))
        images = thumbnails(signals, found.neighbors, NEIGHBOR_BOX)
        near = [
            picture(image, NEIGHBOR_BOX, name_of(signals, other), f"distance {distance:.3g}", other)
            for other, distance, image in zip(found.neighbors, found.distances, images, strict=True)
        ]
        return found, pictures, near

    def say(self, text: str) -> None:
        """Words beside the canvas."""
        self._said.object = escape(text)

    def show(self, found: Found, pictures: list[Picture], near: list[Picture]) -> None:
        """What was found."""
        self.found.show(pictures)
        self.neighbors.show(near)
        cluster = "no cluster" if found.cluster < 0 else f"cluster <b>{found.cluster}</b>"
        self._said.object = f"{cluster}; nearest <b>{escape(near[0].title)}</b>" if near else cluster

    def __panel__(self) -> Viewable:
        return pn.Row(
            pn.Column(pn.Row(self._mode, self._clear, margin=(0, 0, 8, 0)), self.sketch, margin=0),
            pn.Column(self._said, self.found, self.neighbors, margin=0, width=224),
            margin=(8, 16),
            styles={"gap": "12px"},
        )
