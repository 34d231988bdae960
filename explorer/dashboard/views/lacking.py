"""What stands in place of a page that has nothing to show yet."""

from collections.abc import Callable
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable

from explorer.dashboard.calls import change
from explorer.dashboard.views.pixels import Picture, Pictures, picture
from explorer.dashboard.views.sample import name_of
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.dashboard.views.words import words
from explorer.dashboard.workspace import Workspace
from explorer.signals import SignalSet

MOST, BOX = 4, 160  # as many as stand side by side in a middle column


class Lacking(pn.Column):
    """The first signals as they are, what is missing in a sentence, and a button that helps.

    Args:
        workspace: whose signals are shown.
        help: what the button does.
        others: what stands below it.
    """

    def __init__(self, workspace: Workspace, help: Callable[[], None], *others: Viewable):
        self.text = words(margin=(16, 0))
        self.button = pmui.Button(label="", size="small", margin=(0, 0, 16, 0), visible=False)
        self.button.on_click(lambda event: change(workspace.calls.doc, help))
        self._pictures = Pictures(box=BOX, sizing_mode="stretch_width")
        self._workspace, self._shown = workspace, ""  # the id of the signals that are shown
        super().__init__(
            self._pictures, self.text, self.button, *others,
            visible=False, margin=24, sizing_mode="stretch_width",
        )  # fmt: skip

    def say(self, missing: str, remedy: tuple[str, Any] | None) -> None:
        """Say what is missing, and what the button does; nothing is shown where nothing is missing."""
        remedy = remedy if missing else None
        self.text.object = escape(missing)
        self.button.param.update(label=remedy[0] if remedy else "", visible=remedy is not None)
        self.visible = bool(missing)
        signals = self._workspace.signals
        if missing and signals is not None and signals.id != self._shown:
            self._shown = signals.id
            self._workspace.ask("lacking", "drawing", lambda: first_of(signals), self._pictures.show)


def first_of(signals: SignalSet) -> list[Picture]:
    """The first signals of a set as they are."""
    rows = range(min(len(signals), MOST))
    return [
        picture(image, BOX, name_of(signals, row))
        for row, image in zip(rows, thumbnails(signals, rows, BOX), strict=True)
    ]
