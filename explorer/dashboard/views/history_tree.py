"""What was done to a cloud, to look at and to walk."""

from collections.abc import Callable
from typing import Any

import param

from explorer.dashboard.views.history import History, in_words
from explorer.dashboard.views.script import Scripted, script


class HistoryTree(Scripted):
    """The states of a cloud, one below the other, branches further in. A click goes to one: see ``go``.

    Its own component: a toolkit's list answers what it is told by telling what it showed before, and so can lose a
    state where two follow quickly.
    """

    states = param.List(
        [], doc="Dicts: ``state``, ``depth``, ``text``, and ``stands`` as ``is``, ``was`` or ``undone``."
    )

    _esm = script("history_tree.js")

    def __init__(self, go: Callable[[int], None], **params: Any):
        super().__init__(**params)
        self._go = go

    def show(self, history: History) -> None:
        """What was done, where one stands, and what was undone."""
        line = history.line(history.at)
        self.states = [
            {
                "state": state,
                "depth": depth,
                "text": in_words(history.edits[state - 1]) if state else "as it was encoded",
                "stands": "is" if state == history.at else "was" if state in line else "undone",
            }
            for state, depth in history.rows()
        ]

    def _handle_msg(self, data: Any) -> None:
        if isinstance(data, int) and any(state["state"] == data for state in self.states):
            self._go(data)
