"""The pages' tabs."""

from collections.abc import Callable
from typing import Any

import param

from explorer.dashboard.views.script import Scripted, script


class Tabs(Scripted):
    """One component for all: each of the toolkit's buttons costs every visit some milliseconds.

    Args:
        open: called with the name of a tab that was clicked.
    """

    names = param.List([], item_type=str, constant=True, doc="What can be opened.")
    current = param.String("", doc="What is open.")

    _esm = script("tabs.js")

    def __init__(self, open: Callable[[str], None], **params: Any):
        super().__init__(**params)
        self._open = open

    def _handle_msg(self, data: Any) -> None:
        if data in self.names:
            self._open(data)
