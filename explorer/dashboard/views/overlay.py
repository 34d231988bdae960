"""Signals over one axis through several checkpoints, one over the other, and below them their errors."""

import base64
import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import panel as pn
from bokeh.models import PanTool, Range1d, ResetTool, WheelZoomTool
from bokeh.plotting import figure

from explorer.dashboard import theme
from explorer.dashboard.comparison import Rival
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.curves import Curves, curves_of
from explorer.dashboard.views.plots import quieten
from explorer.dashboard.views.sample import name_of

LEGEND_COLUMNS, LEGEND_LINE = 3, 24  # pixels
AUDIBLE_HZ = (2_000, 200_000)
"""Sample rates of what can be played."""


@dataclass(frozen=True)
class Overlay:
    """One signal: its name, its curves by the checkpoints' names, and what can be played, by name."""

    name: str
    curves: dict[str, Curves]
    sounds: dict[str, str]


def overlays_of(rivals: Sequence[Rival], rows: Sequence[int], size: int) -> list[Overlay]:
    """Ask for the curves of some signals."""
    made = []
    for row in rows:
        curves = {r.name: curves_of(r.subject, row, size) for r in rivals if r.subject is not None}
        subjects = [r.subject for r in rivals if r.subject is not None]
        made.append(Overlay(name_of(subjects[0].signals, row), curves, sounds_of(rivals, row, subjects[0])))
    return made


def sounds_of(rivals: Sequence[Rival], row: int, subject: Subject) -> dict[str, str]:
    """The signal and what each checkpoint makes of it as WAV in data addresses, where it can be heard."""
    signals = subject.signals
    axis = signals.axes[0]
    if axis.unit != "s" or signals.shapes is None:
        return {}
    truth = signals.grid(row)
    rate = len(truth) / (axis.stop - axis.start)
    if not AUDIBLE_HZ[0] <= rate <= AUDIBLE_HZ[1]:
        return {}
    sounds = {"original": _wav(truth, rate, signals.value_range)}
    for rival in rivals:
        if rival.subject is not None:
            values = rival.subject.rendered([row], (len(truth),))[0]
            sounds[rival.name] = _wav(values, rate, signals.value_range)
    return sounds


def _wav(values: np.ndarray, rate_hz: float, value_range: tuple[float, float]) -> str:
    """Values [P, m] as sound of 16 bits; silence is what lies in the middle of the range."""
    low, high = value_range
    level = np.clip((values[:, :2] - (low + high) / 2) / ((high - low) / 2), -1, 1)
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(level.shape[1])
        sound.setsampwidth(2)
        sound.setframerate(round(rate_hz))
        sound.writeframes((level * 32767).astype("<i2").tobytes())
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()


class OverlayPlots:
    """Two plots for each signal, whose zoom and pan are one along the axis."""

    def __init__(self) -> None:
        self.layout = pn.Column(sizing_mode="stretch_width", margin=0)

    def show(self, overlays: Sequence[Overlay], *, error: bool, dark: bool) -> None:
        """Other curves; each checkpoint keeps its colour."""
        parts: list[object] = []
        shared: Range1d | None = None
        for overlay in overlays:
            forms, errors = self._plots(overlay, dark, shared)
            shared = forms.x_range
            parts.append(pn.pane.HTML(f"<b>{escape(overlay.name)}</b>", margin=(8, 0, 0, 0)))
            parts.append(pn.pane.Bokeh(forms, sizing_mode="stretch_width"))
            if error:
                parts.append(pn.pane.Bokeh(errors, sizing_mode="stretch_width"))
            for name, uri in overlay.sounds.items():
                player = f'<audio controls preload="none" src="{uri}" aria-label="{escape(name)}"></audio>'
                parts.append(pn.Row(pn.pane.HTML(escape(name), width=200), pn.pane.HTML(player)))
        self.layout[:] = parts

    def _plots(self, overlay: Overlay, dark: bool, shared: Range1d | None) -> tuple[figure, figure]:
        first = next(iter(overlay.curves.values()))
        axis, (low, high) = first.axis, first.value_range
        across = shared or Range1d(axis.start, axis.stop)
        forms, errors = _figure(200, across), _figure(130, across)
        colors, tones = theme.categorical(len(overlay.curves), dark), theme.tones(dark)
        places, values = first.truth
        forms.line(places, values[:, 0], color=tones.muted, line_width=2, legend_label="truth")
        for (name, curves), color in zip(overlay.curves.items(), colors, strict=True):
            forms.line(curves.fine[0], curves.fine[1][:, 0], color=color, line_width=2, legend_label=name)
            errors.line(curves.truth[0], curves.error[:, 0], color=color)
        for plot in (forms, errors):
            quieten(plot, dark)
        forms.y_range.update(start=low - 0.05 * (high - low), end=high + 0.05 * (high - low))
        largest = max(curves.largest_error for curves in overlay.curves.values())
        errors.y_range.update(start=-largest, end=largest)
        unit = f" [{axis.unit}]" if axis.unit else ""
        forms.yaxis.axis_label, errors.yaxis.axis_label = first.channels[0], "error"
        errors.xaxis.axis_label = f"{axis.name}{unit}"
        legend = forms.legend[0]
        legend.update(
            background_fill_color=None, label_text_color=tones.ink, border_line_color=None, padding=0,
            label_text_font_size="11px", location="top_left", orientation="horizontal", ncols=LEGEND_COLUMNS,
            click_policy="hide",
        )  # fmt: skip
        forms.add_layout(legend, "above")
        forms.height += LEGEND_LINE * -(-len(legend.items) // LEGEND_COLUMNS)
        return forms, errors


def _figure(height: int, across: Range1d) -> figure:
    wheel = WheelZoomTool(dimensions="width")
    plot = figure(
        height=height, tools=[PanTool(dimensions="width"), wheel, ResetTool()], active_scroll=wheel,
        toolbar_location=None, sizing_mode="stretch_width", x_range=across, y_range=Range1d(),
    )  # fmt: skip
    plot.min_border_left = 64
    plot.yaxis.ticker.desired_num_ticks = 4
    return plot
