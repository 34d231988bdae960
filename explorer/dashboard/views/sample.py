"""The sample pane: one signal as it was observed, its render, the error, and how good it is in numbers."""

from functools import cached_property
from html import escape
from typing import Any

import panel as pn
import param
from panel.viewable import Viewable, Viewer

from explorer.dashboard.subject import Subject
from explorer.dashboard.views import curves, images
from explorer.dashboard.views.curves import CurvePlot, Curves
from explorer.dashboard.views.images import Images
from explorer.dashboard.views.pixels import Pictures
from explorer.dashboard.views.words import figures, short, words
from explorer.signals import SignalSet

RENDER_SIZE = 64


def forms_of(subject: Subject, row: int, size: int = RENDER_SIZE) -> Images | Curves:
    """Ask for one signal in every form that the pane shows; ``size``: samples of the render's longer axis."""
    return curves.curves_of(subject, row, size) if subject.signals.d == 1 else images.images_of(subject, row, size)


def numbers_of(subject: Subject, row: int) -> dict[str, Any]:
    """Ask how good a code is and how large: ``psnr_db``, ``ssim`` for images, ``arrays`` of (name, numbers, bytes)."""
    sizes = [(name, array.size, array.nbytes) for name, array in subject.code(row).items()]
    return {**subject.quality(row), "arrays": sizes}


def name_of(signals: SignalSet, row: int) -> str:
    """What a signal is called: its id and its label."""
    if signals.labels is None or signals.labels[row] < 0:
        return signals.ids[row]
    return f"{signals.ids[row]} · “{signals.class_names[signals.labels[row]]}”"


def numbers_html(numbers: dict[str, Any]) -> str:
    """The numbers in one line; empty while they are not known."""
    if not numbers:
        return "&nbsp;"
    parts = [f"PSNR <b>{numbers['psnr_db']:.1f}</b> dB"]
    if "ssim" in numbers:
        parts.append(f"SSIM <b>{numbers['ssim']:.3f}</b>")
    parts.extend(f"<b>{count:,}</b> {escape(name)}" for name, count, _ in numbers["arrays"])
    parts.append(f"<b>{short(sum(size for *_, size in numbers['arrays']) / 1000)}</b> kB")
    return figures(*parts)


class SamplePane(Viewer):
    """One signal; what is shown of it is given, not fetched."""

    forms = param.ClassSelector(class_=(Images, Curves), default=None, doc="The signal in every form; None: nothing.")
    numbers = param.Dict({}, doc="What ``numbers_of`` gives.")
    truth = param.Boolean(False, doc="Whether the whole signal is shown for what was observed.")
    error = param.Boolean(True, doc="Whether the error is shown.")
    dark = param.Boolean(False)

    def __init__(self, **params: Any):
        super().__init__(**params)
        self._pictures = Pictures(box=images.BOX, sizing_mode="stretch_width")
        self._body = pn.Column(self._pictures, sizing_mode="stretch_width")
        self._numbers = words(margin=(8, 0, 0, 0))
        self._draw()

    @cached_property
    def _plot(self) -> CurvePlot:
        """Made when the first curves come."""
        return CurvePlot()

    @param.depends("forms", "truth", "error", "dark", watch=True)
    def _draw(self) -> None:
        if isinstance(self.forms, Images):
            self._hold(self._pictures)
            self._pictures.show(images.draw(self.forms, truth=self.truth, error=self.error, dark=self.dark))
        elif isinstance(self.forms, Curves):
            self._hold(self._plot.layout)
            self._plot.show(self.forms, truth=self.truth, error=self.error, dark=self.dark)
        else:
            self._hold(self._pictures)
            self._pictures.show(())

    def _hold(self, view: Viewable) -> None:
        if self._body[0] is not view:
            self._body[:] = [view]

    @param.depends("numbers", watch=True)
    def _count(self) -> None:
        self._numbers.object = numbers_html(self.numbers)

    def __panel__(self) -> Viewable:
        return pn.Column(self._body, self._numbers, sizing_mode="stretch_width")
