"""Edits of anchored clouds: small frozen values that can be listed, saved, composed and replayed.

``apply`` replays a list of them. Undoing the last is replaying the shorter list, so it is exact. Each acts on the
clouds of a batch at once; the functions beside them take parameters for every anchor of its own, as augmentations do.

Source: "ARC: Anchored Representation Clouds for High-Resolution INR Classification", sections 3.3 and 4.4.
Shape legend: N signals, A anchors of all of them, D axes, Z latents of an anchor.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, get_args

import numpy as np
from pydantic import Field

from explorer.clouds import Cloud
from explorer.errors import InvalidInput
from explorer.sequences import Few, Many
from explorer.shapes import Shape, of_axes, settle

MOST_EDITS = 1000
MOST_ANCHORS = 2**21

# ---------------------------------------------------------------------------------------------------------------------
# What moves anchors; parameters are for all of them or one for each


def push(cloud: Cloud, center: Any, vector: Any, radius: Any, falloff: str = "smooth") -> Cloud:
    """Anchors near ``center`` go along ``vector``, the less the farther away they are.

    Args:
        center, vector: [D] or [A, D].
        radius: number or [A].
        falloff: ``smooth`` (1 - r²)², ``linear`` 1 - r, or ``none``; 0 from the radius on.
    """
    away = np.linalg.norm(cloud.positions - center, axis=1) / radius
    near = np.clip(1 - away, 0, None)
    strength = {"smooth": np.clip(1 - away**2, 0, None) ** 2, "linear": near, "none": near > 0}[falloff]
    moved = cloud.positions + strength.astype(np.float32)[:, None] * vector
    return replace(cloud, positions=moved.astype(np.float32))


def shift(cloud: Cloud, vector: Any) -> Cloud:
    """All anchors go along ``vector`` [D] or [A, D]."""
    return replace(cloud, positions=(cloud.positions + vector).astype(np.float32))


def transform(cloud: Cloud, matrix: np.ndarray, center: Any = 0.0, frames: bool = True) -> Cloud:
    """A linear map [D, D] or [A, D, D] of where anchors lie around ``center``.

    Args:
        frames: whether the frames turn along, so that what an anchor shows is mapped too; else anchors move and
            nothing else, as in the paper.
    """
    away = (matrix @ (cloud.positions - center)[:, :, None])[:, :, 0]
    turned = cloud.frames @ np.linalg.inv(matrix) if frames else cloud.frames
    return replace(cloud, positions=(center + away).astype(np.float32), frames=turned.astype(np.float32))


def rotation(angle: Any, d: int, axes: tuple[int, int] = (0, 1)) -> np.ndarray:
    """The matrix, [D, D] or [A, D, D], that turns the first of two axes towards the second by radians."""
    matrix = np.zeros((*np.shape(angle), d, d))
    matrix[..., range(d), range(d)] = 1
    a, b = axes
    matrix[..., a, a] = matrix[..., b, b] = np.cos(angle)
    matrix[..., b, a], matrix[..., a, b] = np.sin(angle), -np.sin(angle)
    return matrix.round(15)  # a quarter turn is one


# ---------------------------------------------------------------------------------------------------------------------
# Edits


@dataclass(frozen=True, kw_only=True)
class _Edit:
    """``others`` are the rows, of the same codes, whose clouds an edit takes in."""

    others: ClassVar[tuple[int, ...]] = ()

    def __post_init__(self):
        settle(self)

    def __call__(self, cloud: Cloud, others: Sequence[Cloud]) -> Cloud:
        """The edited clouds of N signals; ``others`` as clouds of N signals each."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Push(_Edit):
    """A brush: anchors within ``radius`` of ``center`` go along ``vector``, less towards its rim."""

    op: Literal["push"] = "push"
    center: Few[float]
    vector: Few[float]
    radius: float
    falloff: Literal["smooth", "linear", "none"] = "smooth"

    def __post_init__(self):
        super().__post_init__()
        if self.radius <= 0:
            raise InvalidInput(f"Got radius {self.radius} for a push; expected one above 0.")

    def __call__(self, cloud: Cloud, others: Sequence[Cloud]) -> Cloud:
        center, vector = of_axes("a center", self.center, cloud.d), of_axes("a vector", self.vector, cloud.d)
        return push(cloud, center, vector, self.radius, self.falloff)


@dataclass(frozen=True, kw_only=True)
class Move(_Edit):
    """Single anchors, by number, go along ``vector``."""

    op: Literal["move"] = "move"
    anchors: Many[int]
    vector: Few[float]

    def __post_init__(self):
        super().__post_init__()
        if not self.anchors or min(self.anchors) < 0:
            raise InvalidInput("Got no anchors to move, or numbers below 0; expected numbers from 0 up.")

    def __call__(self, cloud: Cloud, others: Sequence[Cloud]) -> Cloud:
        if max(self.anchors) >= cloud.sizes.min():
            raise InvalidInput(f"Got anchor {max(self.anchors)} of {cloud.sizes.min()}; expected one that is there.")
        moved = cloud.positions.copy()
        which = (cloud.offsets[:-1, None] + np.unique(self.anchors)).ravel()
        moved[which] += of_axes("a vector", self.vector, cloud.d)
        return replace(cloud, positions=moved)


@dataclass(frozen=True, kw_only=True)
class Rotate(_Edit):
    """A turn around ``center`` (default: the middle) from the first of ``axes`` towards the second.

    In images, whose axes are y downwards and x, positive angles turn against the clock. ``frames`` False moves the
    anchors and nothing else.
    """

    op: Literal["rotate"] = "rotate"
    angle_deg: float
    center: Few[float] = ()
    axes: tuple[int, int] = (0, 1)
    frames: bool = True

    def __post_init__(self):
        super().__post_init__()
        if not math.isfinite(self.angle_deg):
            raise InvalidInput(f"Got angle {self.angle_deg}; expected a number of degrees.")
        if min(self.axes) < 0 or self.axes[0] == self.axes[1]:
            raise InvalidInput(f"Got axes {self.axes}; expected two different ones, from 0 up.")

    def __call__(self, cloud: Cloud, others: Sequence[Cloud]) -> Cloud:
        if max(self.axes) >= cloud.d:
            raise InvalidInput(f"Got a turn of axes {self.axes} of a cloud over {cloud.d}; expected axes that it has.")
        matrix = rotation(math.radians(self.angle_deg % 360), cloud.d, self.axes)
        return transform(cloud, matrix, _center(self.center, cloud.d), self.frames)


@dataclass(frozen=True, kw_only=True)
class Flip(_Edit):
    """The mirror image along an axis. ``frames`` as for ``Rotate``."""

    op: Literal["flip"] = "flip"
    axis: int
    frames: bool = True

    def __call__(self, cloud: Cloud, others: Sequence[Cloud]) -> Cloud:
        _has_axis(cloud, self.axis)
        matrix = np.eye(cloud.d)
        matrix[self.axis, self.axis] = -1
        return transform(cloud, matrix, frames=self.frames)


@dataclass(frozen=True, kw_only=True)
class Shift(_Edit):
    """All anchors go along ``vector``."""

    op: Literal["shift"] = "shift"
    vector: Few[float]

    def __call__(self, cloud: Cloud, others: Sequence[Cloud]) -> Cloud:
        return shift(cloud, of_axes("a vector", self.vector, cloud.d))


@dataclass(frozen=True, kw_only=True)
class Scale(_Edit):
    """Larger or smaller around ``center`` by one factor, or one for each axis. ``frames`` as for ``Rotate``."""

    op: Literal["scale"] = "scale"
    factors: Few[float]
    center: Few[float] = ()
    frames: bool = True

    def __post_init__(self):
        super().__post_init__()
        if not self.factors or min(self.factors) < 0.01:
            raise InvalidInput(f"Got factors {self.factors}; expected numbers of 0.01 or more.")

    def __call__(self, cloud: Cloud, others: Sequence[Cloud]) -> Cloud:
        factors = self.factors * cloud.d if len(self.factors) == 1 else self.factors
        matrix = np.diag(of_axes("factors", factors, cloud.d).astype(np.float64))
        return transform(cloud, matrix, _center(self.center, cloud.d), self.frames)


@dataclass(frozen=True, kw_only=True)
class Mask(_Edit):
    """Only the anchors inside a shape stay, or only those outside."""

    op: Literal["mask"] = "mask"
    shape: Shape
    keep: Literal["inside", "outside"] = "inside"

    def __call__(self, cloud: Cloud, others: Sequence[Cloud]) -> Cloud:
        return cloud.pick(self.shape.contains(cloud.positions) == (self.keep == "inside"))


@dataclass(frozen=True, kw_only=True)
class Thin(_Edit):
    """A share of the anchors, drawn by ``seed``, goes; one of each signal stays in any case."""

    op: Literal["thin"] = "thin"
    share: float
    seed: int = 0

    def __post_init__(self):
        super().__post_init__()
        _check_share(self.share, self.seed)

    def __call__(self, cloud: Cloud, others: Sequence[Cloud]) -> Cloud:
        return cloud.pick(~_drawn(cloud, self.share, self.seed))


@dataclass(frozen=True, kw_only=True)
class Noise(_Edit):
    """Normal noise on the latents, ``amount`` times their deviation over the clouds, drawn by ``seed``."""

    op: Literal["noise"] = "noise"
    amount: float
    seed: int = 0

    def __post_init__(self):
        super().__post_init__()
        _check_share(min(self.amount, 1), self.seed)

    def __call__(self, cloud: Cloud, others: Sequence[Cloud]) -> Cloud:
        noise = np.random.default_rng(self.seed).normal(size=cloud.latents.shape)
        return replace(cloud, latents=(cloud.latents + self.amount * cloud.latents.std(0) * noise).astype(np.float32))


@dataclass(frozen=True, kw_only=True)
class Mix(_Edit):
    """Two signals in one cloud (ARCMix).

    Args:
        other: the other signal's row.
        by: which anchors are the other's: those inside a ``shape``; those beyond ``at`` along ``axis`` (``side``); a
            ``share`` of them, drawn by ``seed``, for as large a share of the own; or all, beside all the own
            (``stack``).
    """

    op: Literal["mix"] = "mix"
    other: int
    by: Literal["shape", "side", "share", "stack"] = "side"
    shape: Shape | None = None
    axis: int = -1
    at: float = 0.0
    share: float = 0.5
    seed: int = 0

    def __post_init__(self):
        super().__post_init__()
        _check_row(self.other)
        _check_share(self.share, self.seed)
        if (self.by == "shape") != (self.shape is not None):
            raise InvalidInput("Got a mix by shape without one, or a shape without 'by'; expected both or none.")

    @property
    def others(self) -> tuple[int, ...]:  # type: ignore[override]
        return (self.other,)

    def __call__(self, cloud: Cloud, others: Sequence[Cloud]) -> Cloud:
        (other,) = others
        if self.by == "stack":
            return Cloud.stack(cloud, other)
        if self.by == "share":
            own, theirs = (_drawn(c, s, self.seed) for c, s in ((cloud, 1 - self.share), (other, self.share)))
        elif self.by == "shape":
            assert self.shape is not None
            own, theirs = ~self.shape.contains(cloud.positions), self.shape.contains(other.positions)
        else:
            axis = self.axis % cloud.d if -cloud.d <= self.axis < cloud.d else _has_axis(cloud, self.axis)
            own, theirs = cloud.positions[:, axis] < self.at, other.positions[:, axis] >= self.at
        return Cloud.joined(cloud, own, other, theirs)


@dataclass(frozen=True, kw_only=True)
class Copy(_Edit):
    """What another signal, or the same one, shows inside a shape replaces what is there, or at ``by`` from there."""

    op: Literal["copy"] = "copy"
    other: int
    shape: Shape
    by: Few[float] = ()

    def __post_init__(self):
        super().__post_init__()
        _check_row(self.other)

    @property
    def others(self) -> tuple[int, ...]:  # type: ignore[override]
        return (self.other,)

    def __call__(self, cloud: Cloud, others: Sequence[Cloud]) -> Cloud:
        (other,), by = others, _center(self.by, cloud.d)
        inside = self.shape.contains(other.positions)
        return Cloud.joined(cloud, ~self.shape.contains(cloud.positions - by), shift(other, by), inside)


AnyEdit = Annotated[
    Push | Move | Rotate | Flip | Shift | Scale | Mask | Thin | Noise | Mix | Copy, Field(discriminator="op")
]
EDITS: dict[str, type] = {edit.op: edit for edit in get_args(get_args(AnyEdit)[0])}


def apply(edits: Sequence[Any], cloud: Cloud, other: Callable[[int], Cloud]) -> Cloud:
    """A list of edits, one after the other.

    Args:
        cloud: of N signals.
        other: the unedited cloud of a row, one signal.
    """
    if len(edits) > MOST_EDITS:
        raise InvalidInput(f"Got {len(edits)} edits; expected at most {MOST_EDITS}.")
    for edit in edits:
        cloud = edit(cloud, [_for_each(other(row), len(cloud)) for row in edit.others])
        if len(cloud.positions) > MOST_ANCHORS:
            raise InvalidInput(f"Got edits that make more than {MOST_ANCHORS} anchors; expected fewer.")
        if not np.abs(cloud.positions).max(initial=0) < 1e3 or not np.isfinite(cloud.frames).all():
            raise InvalidInput(f"Got edits that lead beyond all bounds at {edit.op!r}; expected smaller ones.")
    return cloud


def _for_each(cloud: Cloud, n: int) -> Cloud:
    """A cloud of one signal, as N alike."""
    return Cloud(
        positions=np.tile(cloud.positions, (n, 1)),
        latents=np.tile(cloud.latents, (n, 1)),
        frames=np.tile(cloud.frames, (n, 1, 1)),
        offsets=np.arange(n + 1) * len(cloud.positions),
    )


def _drawn(cloud: Cloud, share: float, seed: int) -> np.ndarray:
    """A share of each signal's anchors, never all: bool [A]."""
    lots = np.random.default_rng(seed).random(len(cloud.positions))
    order = np.lexsort((lots, cloud.owners))
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order)) - cloud.offsets[cloud.owners]
    return rank < np.minimum(np.round(share * cloud.sizes), cloud.sizes - 1)[cloud.owners]


def _center(numbers: tuple[float, ...], d: int) -> np.ndarray:
    return of_axes("a center", numbers, d) if numbers else np.zeros(d, np.float32)


def _has_axis(cloud: Cloud, axis: int) -> int:
    if not 0 <= axis < cloud.d:
        raise InvalidInput(f"Got axis {axis} of a cloud over {cloud.d} axes; expected 0 to {cloud.d - 1}.")
    return axis


def _check_row(row: int) -> None:
    if not 0 <= row < 2**53:
        raise InvalidInput(f"Got row {row}; expected a position from 0 up.")


def _check_share(share: float, seed: int) -> None:
    if not 0 <= share <= 1 or not 0 <= seed < 2**63:
        raise InvalidInput(f"Got share {share} and seed {seed}; expected a share of 0 to 1 and a seed from 0 up.")
