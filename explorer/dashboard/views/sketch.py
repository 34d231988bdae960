"""A small canvas to draw a picture or a curve on, or to rub out samples of a signal that is shown."""

from pathlib import Path
from typing import Any

import numpy as np
import param

from explorer.dashboard.views.script import Scripted

INK = 32
"""Cells of a drawn picture along each side."""
PLACES = 128
"""Places of a drawn curve."""


class Sketch(Scripted):
    """The canvas. It tells what was drawn after each stroke, and knows nothing of signals."""

    kind = param.Selector(default="picture", objects=["picture", "curve"], doc="What is drawn.")
    erasing = param.Boolean(False, doc="Whether the hand rubs out samples instead.")
    base = param.String("", doc="A data address of the signal whose samples are rubbed out.")
    cells = param.List([8, 8], item_type=int, doc="Samples of that signal along y and x.")
    ink = param.Array(default=None, allow_None=True, doc="What was drawn, in [0, 1]: [32, 32] or [128].")
    gone = param.Array(default=None, allow_None=True, doc="What was rubbed out: bool, as ``cells``.")

    _esm = Path(__file__).with_name("sketch.js")

    def clear(self) -> None:
        """An empty canvas."""
        self.param.update(ink=None, gone=None)
        self._send_msg("clear")

    def _handle_msg(self, data: Any) -> None:
        if "gone" in data:
            gone = np.zeros(self.cells, bool)
            index = [int(i) for i in data["gone"]]
            gone.reshape(-1)[[i for i in index if 0 <= i < gone.size]] = True
            self.gone = gone
            return
        values = np.clip(np.array(data["ink"], np.float32), 0, 255) / 255
        expected = PLACES if self.kind == "curve" else INK**2
        if values.shape == (expected,):
            self.ink = values if self.kind == "curve" else values.reshape(INK, INK)
