"""What every layer passes on: checkpoints, and codes with the recipe that makes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.artifacts import Arrays, Artifact
from explorer.errors import InvalidInput
from explorer.messages import AtStep, CodesRecipe, Encode, Take

if TYPE_CHECKING:
    from explorer.engine import Engine


@dataclass(frozen=True, kw_only=True)
class Domain:
    """The functions that a checkpoint speaks of.

    Args:
        axes: names of the axes.
        channels: names of the channels.
        value_range: lowest and highest value of the field.
        shape: the grid on which functions are compared, [*S].
    """

    axes: tuple[str, ...]
    channels: tuple[str, ...]
    value_range: tuple[float, float]
    shape: tuple[int, ...]

    @property
    def d(self) -> int:
        return len(self.axes)

    @property
    def m(self) -> int:
        return len(self.channels)


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """A representation's shared parameters.

    Args:
        representation: the method's name.
        config: the fields of the method's Config.
        domain: what its functions look like.
        arrays: parameters by name.
        training: where it comes from: signal set, split, seed, resolutions, steps. Nothing that a clock says, so that
            equal trainings give equal bytes.
    """

    representation: str
    config: Mapping[str, Any]
    domain: Domain
    arrays: Arrays = field(repr=False)
    training: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def artifact(self) -> Artifact:
        d = self.domain
        meta = {
            "representation": self.representation,
            "config": dict(self.config),
            "domain": [list(d.axes), list(d.channels), list(d.value_range), list(d.shape)],
            "training": dict(self.training),
        }
        return Artifact("checkpoint", self.arrays, meta)

    @property
    def id(self) -> str:
        """SHA-256 of the checkpoint's bytes."""
        return self.artifact.id

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> "Checkpoint":
        """Raises InvalidInput for an artifact that is not a checkpoint."""
        if artifact.kind != "checkpoint":
            raise InvalidInput(f"Got {artifact.kind!r}; expected a checkpoint.")
        try:
            axes, channels, value_range, shape = artifact.meta["domain"]
            domain = Domain(
                axes=tuple(map(str, axes)),
                channels=tuple(map(str, channels)),
                value_range=(float(value_range[0]), float(value_range[1])),
                shape=tuple(map(int, shape)),
            )
            checkpoint = cls(
                representation=str(artifact.meta["representation"]),
                config=dict(artifact.meta["config"]),
                domain=domain,
                arrays=artifact.arrays,
                training=dict(artifact.meta["training"]),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InvalidInput(f"Got a checkpoint whose description is not whole ({error!r}).") from None
        checkpoint.__dict__["artifact"] = artifact
        return checkpoint


def take(arrays: Arrays, rows: Any) -> dict[str, np.ndarray]:
    """Some rows of code arrays.

    The first axis is the signal, but for ragged arrays: those named ``cloud/…`` hold all signals' rows one after the
    other, and ``cloud/offsets`` int64 [n + 1] says where each begins. Any prefix before the slash makes such a group.
    """
    taken = {}
    for name, array in arrays.items():
        group = name.rpartition("/")[0]
        if not group:
            taken[name] = array[rows]
            continue
        offsets = arrays[f"{group}/offsets"]
        index = np.arange(len(offsets) - 1)[rows]
        lengths = np.diff(offsets)[index]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        inner = np.repeat(offsets[index] - starts[:-1], lengths) + np.arange(starts[-1])
        taken[name] = starts if name.endswith("/offsets") else array[inner]
    return taken


def join(parts: Sequence[Arrays]) -> dict[str, np.ndarray]:
    """Code arrays one after the other; see ``take`` for ragged ones."""
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    for name in [name for name in joined if name.endswith("/offsets")]:
        lengths = np.concatenate([np.diff(part[name]) for part in parts])
        joined[name] = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return joined


def encoding_of(codes: CodesRecipe) -> Encode:
    """The encoding that codes come from in the end."""
    return codes if isinstance(codes, Encode) else encoding_of(codes.codes)


def source_of(codes: CodesRecipe) -> tuple[Encode, np.ndarray | None]:
    """The encoding that codes come from, and which of its rows (None: all).

    Raises InvalidInput for codes that were made, and are nobody's.
    """
    if isinstance(codes, Encode):
        return codes, None
    if isinstance(codes, AtStep):
        return source_of(codes.codes)
    if not isinstance(codes, Take):
        raise InvalidInput(
            f"Got codes made by {codes.op!r}; expected codes of signals, to compare them with. Encode a signal set."
        )
    encode, rows = source_of(codes.codes)
    chosen = np.array(codes.rows)
    return encode, chosen if rows is None else rows[chosen]


@dataclass(frozen=True, kw_only=True, eq=False)
class Codes:
    """Signals in a representation: a handle on arrays that an engine holds and fetches when they are looked at.

    Args:
        recipe: what makes them; it names them everywhere.
        representation: the method's name.
        spaces: in which the codes can be seen as vectors; the first is the default.
        ids: the signals' ids.
        engine: where they live.
    """

    recipe: CodesRecipe
    representation: str
    spaces: tuple[str, ...]
    ids: tuple[str, ...]
    engine: "Engine" = field(repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: int | slice | Sequence[int] | np.ndarray) -> "Codes":
        """Some of the codes, by position or mask; they keep their ids."""
        index = np.arange(len(self))[[rows] if isinstance(rows, int) else rows]
        if not len(index):
            raise InvalidInput(f"Got an empty choice of {len(self)} codes; expected at least one.")
        recipe, chosen = self.recipe, index
        if isinstance(recipe, Take):  # a part of a part is a part of the whole
            chosen = np.array(recipe.rows)[index]
            recipe = recipe.codes
        return Codes(
            recipe=Take(codes=recipe, rows=tuple(map(int, chosen))),
            representation=self.representation,
            spaces=self.spaces,
            ids=tuple(self.ids[i] for i in index.tolist()),
            engine=self.engine,
        )

    @cached_property
    def arrays(self) -> Arrays:
        """The code itself: arrays whose first axis is the signal."""
        return self.engine.run(self.recipe).arrays

    @property
    def vectors(self) -> np.ndarray:
        """The codes as points of the representation's first space: float32 [n, dz]."""
        return self.engine.vectors(self)
