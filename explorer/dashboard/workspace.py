"""What all pages of a visit share: the choices, what they opened, and the way to ask the engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import param

from explorer.dashboard.calls import Call, Calls
from explorer.dashboard.library import FIRST, Library, Menu, library_of
from explorer.dashboard.state import SELECTION_IN_ADDRESS, State
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.resolution import Stop, nearest_stop, stops
from explorer.engine import Engine
from explorer.messages import RAW, Entry
from explorer.observations import Sampling
from explorer.selection import Selection
from explorer.signals import SignalSet


@dataclass(frozen=True)
class Opened:
    """What the state's names stand for.

    Args:
        subject: the signals through a checkpoint as they are, None while there is no checkpoint for them.
        menu: what else can be chosen.
        entry: the checkpoint among the engine's entries.
        stops: the places of the resolution slider.
        spaces: in what distances can be taken, the representation's own first.
        capabilities: what ``Engine.describe`` says of the representation: ``paths``, ``layered``, ``amortised`` ...
        instead: a sentence, where another checkpoint is open than the one that was asked for; else "".
    """

    signals: SignalSet
    subject: Subject | None
    menu: Menu
    entry: Entry | None
    stops: tuple[Stop, ...] = ()
    spaces: tuple[str, ...] = ()
    capabilities: Mapping[str, Any] | None = None
    instead: str = ""


class Workspace(param.Parameterized):
    """One visit. Pages are drawn from it, and write to its state."""

    state = param.ClassSelector(class_=State, constant=True)
    opened = param.ClassSelector(class_=Opened, default=None, doc="None until the first signals are there.")
    names = param.List([], item_type=str, doc="The signal sets that can be chosen.")
    representation = param.String(FIRST, doc="That of the codes that were open last.")

    def __init__(self, engine: Engine, state: State, library: Library | None = None, **params: Any):
        super().__init__(state=state, **params)
        self.engine, self.library, self.calls = engine, library or library_of(engine), Calls()
        self._era = self._settled = 0  # how often other signals were wished, and which of those wishes was answered
        self.calls.follow(state, self.load, "signals", "checkpoint")
        self.calls.follow(state, self._keep, "selection")

    # -- what is looked at

    @property
    def signals(self) -> SignalSet | None:
        return self.opened.signals if self.opened else None

    @property
    def loaded(self) -> Subject | None:
        """The signals as they are, through the checkpoint; None while there is none."""
        return self.opened.subject if self.opened else None

    @property
    def stop(self) -> Stop:
        """Where the resolution slider stands."""
        stops = self.opened.stops
        return stops[nearest_stop(stops, self.state.resolution)]

    @property
    def row(self) -> int:
        """The one signal that is shown: the first of the selection."""
        return self.state.selection[0] if self.state.selection else 0

    @property
    def subject(self) -> Subject | None:
        """What the state wants to be looked at."""
        if self.loaded is None:
            return None
        state = self.state
        return replace(
            self.loaded,
            sampling=self.stop.sampling(state.uneven),
            space=state.space if state.space in self.opened.spaces else "",
            method=state.method,
            k=state.k,
        )

    @property
    def loading(self) -> bool:
        """Whether other signals or codes are on their way, with which all controls are filled.

        Controls wait for them: one that is told two values within a moment may answer with the former, by which it is
        taken for a choice (the toolkit's components write what they show back, after they were drawn).
        """
        return self._settled != self._era

    @property
    def fitted(self) -> bool:
        """Whether what the state wants to be looked at is there or comes at once; else signals must be fitted first."""
        return self.loaded is None or self.stop.ready[self.state.uneven]

    def step(self, by: int) -> None:
        """The next signal: among the selected ones where there are several, else of all."""
        chosen, signals = self.state.selection, self.signals
        if len(chosen) > 1:
            self.state.selection = chosen[by:] + chosen[:by]
        elif signals is not None:
            self.state.selection = [(self.row + by) % len(signals)]

    def search(self, text: str) -> None:
        """Select the signals of that id or label; failing that, those in whose id or label the text occurs."""
        signals, wanted = self.signals, text.strip().casefold()
        if signals is not None and wanted:
            self.state.selection = found(signals, wanted)

    # -- asking

    def load(self, *events: param.parameterized.Event) -> None:
        """Ask for what the state names."""
        name, checkpoint = self.state.signals, self.state.checkpoint
        self._era += 1
        work = lambda: _opened(self.library, name, checkpoint)  # noqa: E731
        self.ask("load", "loading signals", work, self._open, then=self._explain)

    def _open(self, opened: Opened) -> None:
        self._settled = self._era
        n = len(opened.signals) if opened.subject else 0
        if opened.subject is not None:
            self.representation = opened.subject.checkpoint.representation

        def choose(rows: list[int]) -> None:
            self.state.selection = [row for row in rows if row < n]

        choose(self.state.selection)
        self.param.update(opened=opened, names=list(opened.menu.names))
        view = self.state.view
        if view and not self.state.selection:
            self.ask("view", "finding the selection", lambda: self.library.selection(view), choose)

    def _keep(self, *events: param.parameterized.Event) -> None:
        """Have the engine keep a selection that is too large for the address."""
        rows = self.state.selection
        if len(rows) <= SELECTION_IN_ADDRESS:
            self.state.view = ""
            return

        def work() -> str:
            return self.engine.put(Selection(np.array(rows, np.int64)).artifact, "")

        def name(id: str) -> None:
            if self.state.selection is rows:
                self.state.view = id

        self.ask("keep", "keeping the selection", work, name)

    def _explain(self) -> None:
        """Where loading failed: the names that there are, so that another can be chosen."""
        if "load" in self.calls.errors:
            self._settled = self._era
            self.ask("names", "listing signals", self.library.names, lambda names: self.param.update(names=list(names)))

    def ask(
        self,
        slot: str,
        word: str,
        work: Callable[[], Any],
        show: Callable[[Any], None],
        *,
        long: bool = False,
        then: Callable[[], None] | None = None,
        rest_s: float = 0.0,
    ) -> None:
        """Ask in a slot; an answer about other signals than those that are wished by then is not shown.

        Args as of ``Call``.
        """
        era = self._era
        fitting = lambda result: show(result) if era == self._era else None  # noqa: E731
        self.calls.latest(slot, Call(word, work, fitting, long, then, rest_s))


def found(signals: SignalSet, wanted: str) -> list[int]:
    """The signals whose id or label is a text in lower case; where there are none, those in which it occurs."""
    labels = [-1] * len(signals) if signals.labels is None else signals.labels.tolist()
    names = [*(name.casefold() for name in signals.class_names), ""]  # -1, no label, is the last
    ids = [id.casefold() for id in signals.ids]
    words = [(id, names[label]) for id, label in zip(ids, labels, strict=True)]
    equal = [[row for row, pair in enumerate(words) if pair[part] == wanted] for part in (0, 1)]
    within = [row for row, pair in enumerate(words) if wanted in pair[0] or wanted in pair[1]]
    return list(dict.fromkeys(equal[0] + equal[1])) or within


def _opened(library: Library, name: str, checkpoint: str) -> Opened:
    """The signals, what can be chosen for them, and the checkpoint: the one that is wished or the best that fits."""
    signals = library.signals(name)
    menu = library.menu(signals)
    wished = [entry for entry in menu.checkpoints if checkpoint and entry.id.startswith(checkpoint)]
    entry = next(iter([*wished, *menu.checkpoints]), None)
    instead = "" if wished or not checkpoint else _instead(menu, checkpoint, entry)
    if entry is None:
        return Opened(signals, None, menu, None, instead=instead)
    subject = Subject(library, signals, library.checkpoint(entry.id), Sampling().on(signals))
    about = library.about(subject.checkpoint.representation)
    places = stops(signals, subject.checkpoint)
    if not about["amortised"]:
        own = library.there(entry.id, signals, Sampling()) is not None
        places = tuple(replace(stop, ready=_ready(subject, stop) if own else (False, False)) for stop in places)
    return Opened(signals, subject, menu, entry, places, (*about["spaces"], RAW), about, instead)


def _instead(menu: Menu, checkpoint: str, entry: Entry | None) -> str:
    """What was asked for in vain, what is there in its place, and what to do."""
    other = next((other for other in menu.others if other.id.startswith(checkpoint)), None)
    what = "is not kept here, or no more" if other is None else "is for signals of another kind"
    name = f"{checkpoint[:12]} …" if other is None else other.name
    shown = "nothing stands in its place" if entry is None else f"in its place you see {entry.name}"
    return f"The checkpoint {name} {what}; {shown}. Choose one on the left, or train one."


def _ready(subject: Subject, stop: Stop) -> tuple[bool, bool]:
    """Of even and of uneven samples: whether they have been fitted."""
    even, uneven = (
        subject.library.there(subject.checkpoint.id, subject.signals, stop.sampling(uneven)) is not None
        for uneven in (False, True)
    )
    return even, uneven
