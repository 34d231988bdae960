"""Signals in two parts: some to learn from, others to be asked about."""

import numpy as np

from explorer.errors import InvalidInput
from explorer.signals import SPLITS, SignalSet


def train_test_split(signals: SignalSet, *, share: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Positions of signals to learn from and of others to be asked about: int64 [n] and [m].

    Args:
        share: of every class, for a set without training and test signals of its own.
        seed: by which these are drawn.

    Raises:
        InvalidInput: for a set that has neither a split nor labels, or no class with signals enough.
    """
    if (own := own_parts(signals)) is not None:
        if signals.labels is None:
            return own
        train, test = (part[signals.labels[part] >= 0] for part in own)
        return train, test
    if signals.labels is None:
        raise InvalidInput(f"Got {signals.name!r}, which has no labels; expected a labelled signal set.")
    return holdout(signals.labels, share=share, seed=seed)


def own_parts(signals: SignalSet) -> tuple[np.ndarray, np.ndarray] | None:
    """Positions of the set's own training and test signals; None for a set without them."""
    if signals.split is None:
        return None
    train, test = (np.flatnonzero(signals.split == SPLITS.index(name)) for name in ("train", "test"))
    return (train, test) if train.size and test.size else None


def holdout(labels: np.ndarray, *, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Positions in two parts, the second with about a ``share`` of every class and never the whole of one.

    Signals without a label (-1) are in neither. Raises InvalidInput where no class has signals enough.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    known = np.unique(labels[labels >= 0])
    held = [rows[: int(share * len(rows))] for rows in (order[labels[order] == c] for c in known)]
    second = np.sort(np.concatenate([*held, np.zeros(0, np.int64)])).astype(np.int64)
    if not second.size:
        raise InvalidInput(
            f"Got {len(labels)} signals of {len(known)} classes; expected at least {round(1 / share)} of "
            "one class, so that some can be held out. Give a set with a split."
        )
    return np.setdiff1d(np.flatnonzero(labels >= 0), second), second
