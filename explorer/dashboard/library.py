"""Signal sets, checkpoints and handles on codes: immutable, so one copy serves all visitors of a process."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from explorer.codes import Checkpoint, Codes
from explorer.engine import Engine
from explorer.errors import NotFound
from explorer.memo import Memo
from explorer.messages import Encode, Entry
from explorer.observations import Sampling
from explorer.selection import Selection
from explorer.signals import SignalSet

MEMORY_BYTES = 2**29
FIRST = "hypernetwork"
"""What a first visit shows: codes that follow the slider freely."""


@dataclass(frozen=True)
class Menu:
    """What can be chosen for a signal set.

    Args:
        names: of signal sets.
        called: what those are called that people added, by id.
        checkpoints: those that fit, best first.
        others: those that are for signals of another kind.
        capabilities: what ``Engine.describe`` says of each representation.
    """

    names: tuple[str, ...]
    checkpoints: tuple[Entry, ...]
    others: tuple[Entry, ...] = ()
    called: Mapping[str, str] = field(default_factory=dict)
    capabilities: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def alike(self, signals: SignalSet, chosen: str) -> tuple[Entry, ...]:
        """Checkpoints worth a look side by side: the chosen one, and those for signals of the same size."""
        return tuple(
            entry
            for entry in self.checkpoints
            if entry.id == chosen or tuple(entry.details["domain"]["shape"]) == tuple(signals.reference_shape)
        )


class Library:
    """What an engine holds, kept at hand. Every method may wait for the engine: call it in a thread."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self._signals: Memo[SignalSet] = Memo(MEMORY_BYTES, lambda signals: signals.artifact.nbytes)
        self._checkpoints: Memo[Checkpoint] = Memo(MEMORY_BYTES, lambda checkpoint: checkpoint.artifact.nbytes)
        self._codes: Memo[Codes] = Memo(4096, lambda codes: 1)

    def signals(self, name: str) -> SignalSet:
        """A signal set by name or id. What people named is kept by id, for they may give a name to another set."""
        named = (entry.id for entry in self.engine.entries("signals") if name in (entry.id, entry.name))
        id = next(named, name)
        return self._signals(id, lambda: self.engine.load(id))

    def about(self, representation: str) -> Mapping[str, Any]:
        """What ``Engine.describe`` says of a representation. Raises NotFound."""
        described = self.engine.describe()["representations"]
        if representation not in described:
            known = ", ".join(described)
            raise NotFound(f"Got codes by {representation!r}; expected one of {known}. Install its package.")
        return described[representation]

    def renew(self, name: str) -> None:
        """Forget what a name stands for: people gave it to another set."""
        self._signals.forget(name)

    def checkpoint(self, id: str) -> Checkpoint:
        """A checkpoint by its id."""
        return self._checkpoints(id, lambda: self.engine.checkpoint(id))

    def codes(self, checkpoint: Checkpoint, signals: SignalSet, sampling: Sampling) -> Codes:
        """A handle on the codes of all signals as a sampling shows them, which are computed when they are needed."""

        def make() -> Codes:
            about = self.about(checkpoint.representation)
            there = None if about["amortised"] else self.there(checkpoint.id, signals, sampling)
            self.engine.put_signals(signals)
            return Codes(
                recipe=there or afresh,
                representation=checkpoint.representation,
                spaces=tuple(about["spaces"]),
                ids=signals.ids,
                engine=self.engine,
            )

        afresh = encodings(checkpoint.id, signals, sampling)[0]
        return self._codes(afresh.key, make)

    def there(self, checkpoint: str, signals: SignalSet, sampling: Sampling) -> Encode | None:
        """The first of ``encodings`` whose codes are there already."""
        for recipe in encodings(checkpoint, signals, sampling):
            with suppress(NotFound):
                self.engine.result_id(recipe.key)
                return recipe
        return None

    def selection(self, id: str) -> list[int]:
        """The rows of a kept selection."""
        return Selection.from_artifact(self.engine.artifact(id)).rows.tolist()

    def menu(self, signals: SignalSet) -> Menu:
        """What there is, and which checkpoints fit these signals."""
        entries = self.engine.entries("checkpoint")
        fitting = _fitting(entries, signals)
        others = tuple(entry for entry in entries if entry not in fitting)
        return Menu(
            self.names(),
            fitting,
            others,
            called=told_apart(self.engine.entries("signals")),
            capabilities=self.engine.describe()["representations"],
        )

    def names(self) -> tuple[str, ...]:
        """The signal sets that come with the engine, and those that people added."""
        kept = [entry.name for entry in self.engine.entries("signals")]
        return tuple(dict.fromkeys([*self.engine.describe()["datasets"], *kept]))


@lru_cache(maxsize=8)
def library_of(engine: Engine) -> Library:
    """The one that all visitors of an engine share."""
    return Library(engine)


def encodings(checkpoint: str, signals: SignalSet, sampling: Sampling) -> tuple[Encode, ...]:
    """All codes of a set: begun afresh and, where signals are fitted, going on from those of the signals as they are.

    The last takes the least work.
    """
    own = Sampling().on(signals)
    afresh = Encode(checkpoint=checkpoint, signals=signals.id, sampling=sampling.on(signals))
    return (afresh,) if afresh.sampling == own else (afresh, replace(afresh, start=own))


def told_apart(entries: Sequence[Entry]) -> dict[str, str]:
    """What entries are called, by id: their names, and where several have the same one also the start of the id."""
    names = [entry.name for entry in entries]
    return {e.id: e.name if names.count(e.name) == 1 else f"{e.name} ({e.id[:6]})" for e in entries}


def learned_from(entry: Entry, signals: SignalSet) -> bool:
    """Whether a checkpoint was trained on these signals, or on a part of their set."""
    training = entry.details["training"]
    return signals.id == training.get("signals") or signals.name == training.get("name")


def _fitting(entries: Sequence[Entry], signals: SignalSet) -> tuple[Entry, ...]:
    """Checkpoints for functions like these: those trained on these very signals first, of them the hypernetwork's."""

    def fits(entry: Entry) -> bool:
        domain = entry.details["domain"]
        return (len(domain["axes"]), len(domain["channels"])) == (signals.d, signals.m)

    def other(entry: Entry) -> tuple[bool, bool]:
        return not learned_from(entry, signals), entry.details["representation"] != FIRST

    return tuple(sorted(filter(fits, entries), key=other))
