"""Parts of a page that few visits see."""

from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable


class Later(pn.Column):
    """A column that takes each of its parts in when it is first seen: when it becomes visible, or, a dialog, is opened.

    A page is built and sent anew for each visit, at a cost for every component in it.
    """

    def __init__(self, *parts: Viewable, **options: Any):
        seen = [part for part in parts if not isinstance(part, pmui.Dialog) and part.visible]
        super().__init__(*seen, **{"margin": 0, **options})
        self._parts = parts
        for part in parts:
            part.param.watch(self._take_in, "open" if isinstance(part, pmui.Dialog) else "visible")

    def _take_in(self, event: Any) -> None:
        if event.new and event.obj not in self.objects:
            self[:] = [part for part in self._parts if part in self.objects or part is event.obj]
