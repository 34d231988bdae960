"""Where dialogs live that nobody has opened yet."""

from typing import Any

import panel as pn
import panel_material_ui as pmui


class Dialogs(pn.Row):
    """A row without a height that takes each dialog in when it is first opened.

    A page is built and sent anew for each visit, at a cost for every component in it; most visits open no dialog.
    """

    def __init__(self, *dialogs: pmui.Dialog, **options: Any):
        super().__init__(**{"height": 0, "margin": 0, **options})
        for dialog in dialogs:
            dialog.param.watch(self._take_in, "open")

    def _take_in(self, event: Any) -> None:
        if event.new and event.obj not in self.objects:
            self.append(event.obj)
