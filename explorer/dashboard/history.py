"""Undo and redo of what one visitor chose."""

import time
from typing import Any

import numpy as np
import param

from explorer.dashboard.state import State

MOST_STEPS = 100
ONE_GESTURE_S = 0.8
"""Changes of the same choice that follow each other so closely are one step: a drag over many stops."""

CHOICES = (
    "signals", "checkpoint", "resolution", "uneven", "space", "method", "k", "projection", "color", "neighbors",
    "selection",
)  # fmt: skip

Snapshot = dict[str, Any]


class History:
    """The states that a visit went through. Watches a state, and puts earlier ones back."""

    def __init__(self, state: State):
        self.state = state
        self._past: list[Snapshot] = []
        self._future: list[Snapshot] = []
        self._now = self._taken()
        self._last: tuple[frozenset[str], float] = frozenset(), 0.0
        self._watching = True
        state.param.watch(self._note, list(CHOICES))

    def undo(self) -> bool:
        """Back one step, if there is one."""
        return self._move(self._past, self._future)

    def redo(self) -> bool:
        """Forward again, until something else is chosen."""
        return self._move(self._future, self._past)

    def settle(self) -> None:
        """Take what stands now for the start of the next step: it was not the visitor who changed it."""
        self._now = self._taken()

    def _note(self, *events: param.parameterized.Event) -> None:
        if not self._watching:
            return
        what, now = frozenset(event.name for event in events), time.monotonic()
        again, self._last = (what == self._last[0] and now - self._last[1] < ONE_GESTURE_S), (what, now)
        if not again:
            self._past = [*self._past[1 - MOST_STEPS :], self._now]
        self._future.clear()
        self._now = self._taken()

    def _move(self, source: list[Snapshot], target: list[Snapshot]) -> bool:
        if not source:
            return False
        target.append(self._now)
        self._now = source.pop()
        self._watching, self._last = False, (frozenset(), 0.0)
        try:
            self.state.param.update(self._now | {"selection": self._now["selection"].tolist()})
        finally:
            self._watching = True
        return True

    def _taken(self) -> Snapshot:
        taken = {name: getattr(self.state, name) for name in CHOICES}
        return taken | {"selection": np.array(taken["selection"], np.int32)}
