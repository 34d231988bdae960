"""Other codes of the same samples, whose vectors can be joined with those that are open."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.dashboard.library import Library, told_apart
from explorer.dashboard.subject import Subject
from explorer.messages import Entry
from explorer.observations import Sampling
from explorer.signals import SignalSet

MOST = 12
"""Offered at most; more would be no choice."""
_KEY = 12  # digits of an id by which an address names it


@dataclass(frozen=True)
class Modality:
    """The same samples in other codes: of another signal set, by another checkpoint, or both.

    Args:
        key: what addresses call it.
        name: what people call it.
    """

    key: str
    name: str
    subject: Subject


def modalities(subject: Subject) -> tuple[Modality, ...]:
    """All that can be joined with a subject at once: what would have to be fitted first is left out.

    Of these very signals by other checkpoints, seen at the same sampling; and of kept sets with the very labels of
    these, in the same order, as they are, by the checkpoints that were trained on them.
    """
    found: list[Modality] = []
    for signals, title in _same_samples(subject.library, subject.signals):
        own = signals.id == subject.signals.id
        sampling = subject.sampling if own else Sampling().on(signals)
        entries = subject.library.menu(signals).checkpoints
        if not own:
            entries = tuple(entry for entry in entries if entry.details["training"].get("signals") == signals.id)
        names = told_apart(entries)
        for entry in entries:
            if (own and entry.id == subject.checkpoint.id) or not _at_hand(subject.library, entry, signals, sampling):
                continue
            other = Subject(subject.library, signals, subject.library.checkpoint(entry.id), sampling)
            name = names[entry.id] if own else f"{title} · {names[entry.id]}"
            found.append(Modality(f"{signals.id[:_KEY]}-{entry.id[:_KEY]}", name, other))
            if len(found) == MOST:
                return tuple(found)
    return tuple(found)


def _same_samples(library: Library, signals: SignalSet) -> Iterator[tuple[SignalSet, str]]:
    """The set itself, then kept ones of as many signals with the same labels; each with its name."""
    yield signals, signals.name
    if signals.labels is None:
        return
    for entry in library.engine.entries("signals"):
        alike = (entry.details["count"], entry.details["classes"]) == (len(signals), len(signals.class_names))
        if entry.id == signals.id or not alike:
            continue
        other = library.signals(entry.id)
        if other.labels is None or other.class_names != signals.class_names:
            continue
        if np.array_equal(other.labels, signals.labels):
            yield other, entry.name


def _at_hand(library: Library, entry: Entry, signals: SignalSet, sampling: Sampling) -> bool:
    """Whether codes are there or come at once."""
    about = library.engine.describe()["representations"].get(entry.details["representation"])
    if about is None:
        return False
    return bool(about["amortised"]) or library.there(entry.id, signals, sampling) is not None
