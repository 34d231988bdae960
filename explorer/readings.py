"""What a person may say about a source of signals, and what was understood of it before it is taken in."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from explorer.artifacts import Artifact
from explorer.errors import InvalidInput
from explorer.signals import Axis, SignalSet

LIMIT_BYTES = 2 * 2**30
"""The most that one set may hold once it is decompressed and decoded."""

FILE_LIMIT_BYTES = int(os.environ.get("EXPLORER_FILE_LIMIT_BYTES", 200 * 2**20))
"""The most that one file inside an archive, or one that is uploaded alone, may hold."""

ROLES = ("time", "x", "y", "z", "id", "label", "split", "channel", "value", "signal", "ignore")
"""What a column of a table may be. ``channel`` is for tables in which one column names what another one measures,
``signal`` for columns that are a whole signal each, where ``value`` is one channel of all."""

STANDARDISE = ("", "signal", "set")

_SHOWN = 12
_SHOWN_SIDE = 96


@dataclass(frozen=True, kw_only=True)
class Options:
    """Choices for a source.

    Args:
        name: of the set; by default the file's.
        array: which array of a file that holds several.
        axes: the axes in array order, ``"tyx"`` or ``("t", "y", "x")`` or Axis values, where the guess is wrong.
        alpha: keep an image's alpha channel; by default it is laid over white.
        columns: roles of a table's columns, where the guess is wrong; see ``ROLES``.
        channels: which channels to keep; ``("gray",)`` mixes colours by their luminance.
        crop: cut the longer side of images, in the middle, so that all have the sides of ``size`` (a square without).
        size: bring every signal onto this grid: one number, or one for each axis.
        sample_rate_hz: bring every recording to this rate; 0 leaves it.
        standardise: ``signal`` or ``set``: mean 0 and deviation 1 of each signal, or of the whole set, by channel.
        limit_bytes: the most that the set may hold, decompressed and decoded.
    """

    name: str | None = None
    array: str | None = None
    axes: Sequence[Axis | str] | None = None
    alpha: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    crop: bool = False
    size: tuple[int, ...] = ()
    sample_rate_hz: float = 0.0
    standardise: str = ""
    limit_bytes: int = LIMIT_BYTES

    def __post_init__(self):
        if wrong := set(self.columns.values()) - set(ROLES):
            raise InvalidInput(f"Got the role {min(wrong)[:40]!r} of a column; expected one of: {', '.join(ROLES)}.")
        if self.standardise not in STANDARDISE:
            raise InvalidInput(f"Got standardise {self.standardise[:40]!r}; expected '', 'signal' or 'set'.")
        if len(self.size) > 3 or any(not 1 <= n <= 2**16 for n in self.size):
            raise InvalidInput(f"Got size {str(self.size)[:80]}; expected one to three numbers from 1 to {2**16}.")
        if not 0 <= self.sample_rate_hz <= 1e6:
            raise InvalidInput(f"Got {self.sample_rate_hz} Hz; expected a sample rate up to 1,000,000, 0 to leave it.")

    def to_json(self) -> dict[str, Any]:
        """Only what differs from the defaults, so that equal wishes are spelt alike."""
        plain = asdict(self) | {"axes": None if self.axes is None else [_axis_json(a) for a in self.axes]}
        default = {f.name: getattr(Options(), f.name) for f in fields(self)}
        return {name: value for name, value in plain.items() if value != default[name]}

    @classmethod
    def from_json(cls, wishes: Mapping[str, Any]) -> "Options":
        """Raises InvalidInput for anything but what ``to_json`` gives."""
        try:
            taken = dict(wishes)
            for name in ("channels", "size"):
                taken[name] = tuple(taken.get(name, ()))
            if taken.get("axes") is not None:
                taken["axes"] = tuple(a if isinstance(a, str) else Axis(*a) for a in taken["axes"])
            return cls(**taken)
        except (TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(f"Got choices that do not fit ({error}); expected fields of Options.") from None


def _axis_json(axis: Axis | str) -> Any:
    return axis if isinstance(axis, str) else [axis.name, axis.unit, axis.start, axis.stop]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Something that was guessed and may be said otherwise: the option's name, what there is, and what was taken."""

    option: str
    among: tuple[str, ...]
    taken: Any


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was understood of a source.

    Args:
        id: that the set will have.
        format: the file's, such as ``PNG`` or ``CSV``.
        kind: ``image``, ``series``, ``sound``, ``video``, ``volume``, or ``points`` where samples lie on no grid.
        count: signals.
        sizes: of the grids: smallest and largest along each axis; of points: fewest and most samples.
        axes: name, unit, start, stop of each.
        classes: how many signals each label has.
        missing: samples without a value.
        nbytes: memory that the set takes.
        sample_rate_hz: of sound, None where there is none or several.
        shown: a small copy of the first signals, at most 96 samples along each axis.
        warnings: what a person should know, a sentence each.
        choices: what was guessed.
    """

    id: str
    name: str
    format: str
    kind: str
    count: int
    sizes: tuple[tuple[int, int], ...]
    axes: tuple[tuple[str, str, float, float], ...]
    channels: tuple[str, ...]
    value_range: tuple[float, float]
    classes: Mapping[str, int]
    missing: int
    nbytes: int
    shown: SignalSet = field(repr=False)
    sample_rate_hz: float | None = None
    warnings: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()

    def to_artifact(self) -> Artifact:
        about = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "shown"}
        about["choices"] = [asdict(choice) for choice in self.choices]
        return Artifact("reading", self.shown.artifact.arrays, {"reading": about, "shown": self.shown.artifact.meta})

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> "Reading":
        try:
            about = dict(artifact.meta["reading"])
            pairs = {name: tuple(map(tuple, about[name])) for name in ("sizes", "axes")}
            plain = {name: tuple(about[name]) for name in ("channels", "value_range", "warnings")}
            choices = tuple(Choice(**{**c, "among": tuple(c["among"])}) for c in about["choices"])
            shown = SignalSet.from_artifact(Artifact("signals", artifact.arrays, artifact.meta["shown"]))
            return cls(**{**about, **pairs, **plain, "choices": choices, "shown": shown})
        except (KeyError, TypeError) as error:
            raise InvalidInput(f"Got a reading that is not whole ({error!r}); ask for it again.") from None


def reading_of(
    signals: SignalSet, file_format: str, warnings: Sequence[str] = (), choices: Sequence[Choice] = ()
) -> Reading:
    """What there is to say of a set before it is taken in."""
    lengths = np.diff(signals.offsets) if signals.shapes is None else signals.shapes
    lengths = lengths.reshape(len(signals), -1)
    classes: dict[str, int] = {}
    if signals.labels is not None:
        counts = np.bincount(signals.labels[signals.labels >= 0], minlength=len(signals.class_names))
        classes = dict(zip(signals.class_names, counts.tolist(), strict=True))
    missing = int(np.isnan(signals.values).sum()) if signals.values.dtype == np.float32 else 0
    return Reading(
        id=signals.id,
        name=signals.name,
        format=file_format,
        kind=kind_of(signals),
        count=len(signals),
        sizes=tuple(zip(lengths.min(0).tolist(), lengths.max(0).tolist(), strict=True)),
        axes=tuple((a.name, a.unit, a.start, a.stop) for a in signals.axes),
        channels=signals.channels,
        value_range=signals.value_range,
        classes=classes,
        missing=missing,
        nbytes=signals.artifact.nbytes,
        shown=_small(signals),
        sample_rate_hz=signals.sample_rate_hz,
        warnings=tuple(warnings),
        choices=tuple(choices),
    )


def kind_of(signals: SignalSet) -> str:
    """What people call such signals."""
    if signals.shapes is None:
        return "points" if signals.d > 1 else "series"
    if signals.sample_rate_hz:
        return "sound"
    return {("y", "x"): "image", ("t", "y", "x"): "video", ("z", "y", "x"): "volume"}.get(
        tuple(a.name for a in signals.axes), ("series", "image", "volume")[signals.d - 1]
    )


def _small(signals: SignalSet) -> SignalSet:
    """The first signals with samples left out, so that a preview weighs little however large they are."""
    few = signals[: min(_SHOWN, len(signals))]
    if few.shapes is None:
        limit = _SHOWN_SIDE**2
        kept = [np.linspace(a, b - 1, min(b - a, limit)).astype(np.int64) for a, b in _spans(few)]
        chosen = np.concatenate(kept)
        offsets = np.cumsum([0, *map(len, kept)]).astype(np.int64)
        assert few.coords is not None
        return _with(few, values=few.values[chosen], coords=few.coords[chosen], offsets=offsets)
    side = _SHOWN_SIDE * 4 if few.d == 1 else _SHOWN_SIDE
    grids = []
    for row, (a, b) in enumerate(_spans(few)):
        grid = few.values[a:b].reshape(*few.shapes[row], few.m)
        places = [np.linspace(0, n - 1, min(n, side)).astype(np.int64) for n in few.shapes[row]]
        if few.d == 3:  # pictures show the middle slice
            places[0] = np.unique(places[0][len(places[0]) // 2 :][:1])
        grids.append(grid[np.ix_(*places)])
    return _with(
        few,
        values=np.concatenate([grid.reshape(-1, few.m) for grid in grids]),
        shapes=np.array([grid.shape[:-1] for grid in grids], np.int64),
        offsets=np.cumsum([0, *(grid[..., 0].size for grid in grids)]).astype(np.int64),
    )


def _spans(signals: SignalSet) -> list[tuple[int, int]]:
    return list(zip(signals.offsets[:-1].tolist(), signals.offsets[1:].tolist(), strict=True))


def _with(signals: SignalSet, **arrays: np.ndarray) -> SignalSet:
    given = {f.name: getattr(signals, f.name) for f in fields(signals) if not f.name.startswith("_")}
    return SignalSet(**{**given, **arrays})
