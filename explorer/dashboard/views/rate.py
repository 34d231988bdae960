"""Rate against distortion: how good codes are for their bytes."""

from collections.abc import Sequence

import numpy as np
import panel as pn
import param
from bokeh.models import ColumnDataSource, LabelSet
from bokeh.plotting import figure
from panel.viewable import Viewable, Viewer

from explorer.dashboard import theme
from explorer.dashboard.comparison import Figures
from explorer.dashboard.views.plots import quieten


class Rate(Viewer):
    """A point for each checkpoint: bytes of a code across, mean PSNR up, and a small one for each signal."""

    figures = param.List([], item_type=Figures, doc="What is plotted.")
    dark = param.Boolean(False)

    def __init__(self, **params: object):
        super().__init__(**params)
        self._means = ColumnDataSource({"x": [], "y": [], "name": [], "color": []}, tags=["rate"])
        self._each = ColumnDataSource({"x": [], "y": [], "color": []})
        self._plot = figure(
            height=200, toolbar_location=None, x_axis_type="log", sizing_mode="stretch_width",
            x_axis_label="code [kB]", y_axis_label="PSNR [dB]",
        )  # fmt: skip
        self._plot.x_range.range_padding = 0.6
        self._plot.y_range.range_padding = 0.5
        self._plot.scatter("x", "y", source=self._each, size=5, color="color", alpha=0.5)
        self._plot.scatter("x", "y", source=self._means, size=11, color="color")
        self._labels = LabelSet(
            x="x", y="y", text="name", source=self._means, y_offset=8, text_align="center", text_font_size="11px"
        )
        self._plot.add_layout(self._labels)
        self._draw()

    @param.depends("figures", "dark", watch=True)
    def _draw(self) -> None:
        quieten(self._plot, self.dark)
        self._labels.text_color = theme.tones(self.dark).muted
        colors = theme.categorical(len(self.figures), self.dark)
        rates = [each.code_bytes / 1000 for each in self.figures]
        self._means.data = {
            "x": rates,
            "y": [float(np.mean(each.psnr_db)) for each in self.figures],
            "name": [each.name for each in self.figures],
            "color": colors,
        }
        pairs: Sequence[tuple[float, float, str]] = [
            (rate, value, color)
            for rate, each, color in zip(rates, self.figures, colors, strict=True)
            for value in each.psnr_db
        ]
        self._each.data = {
            "x": [x for x, _, _ in pairs], "y": [y for _, y, _ in pairs], "color": [color for *_, color in pairs]
        }  # fmt: skip

    def __panel__(self) -> Viewable:
        return pn.pane.Bokeh(self._plot, sizing_mode="stretch_width")
