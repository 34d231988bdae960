"""Parts of the domain: small frozen values that say of points whether they lie inside."""

from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from explorer.errors import InvalidInput
from explorer.sequences import Few, Many

LIMIT = 16.0
"""How far from the middle of the domain [-1, 1]^D anything may lie."""

_UNBOUNDED = ("seed", "angle_deg", "other", "anchors")  # checked where they are


def settle(of: Any) -> None:
    """Makes the fields of a frozen dataclass plain numbers and tuples, and checks them as they are.

    Raises InvalidInput where one, however deep, is not finite or beyond ``LIMIT``.
    """

    def plain(name: str, value: Any) -> Any:
        if isinstance(value, (tuple, list, np.ndarray)):
            return tuple(plain(name, part) for part in value)
        number = value.item() if isinstance(value, np.generic) else value
        if isinstance(number, (int, float)) and name not in _UNBOUNDED and not abs(number) <= LIMIT:
            raise InvalidInput(
                f"Got {name} {number} for {type(of).__name__}; expected numbers from {-LIMIT:g} to {LIMIT:g}."
            )
        return number

    for f in fields(of):
        object.__setattr__(of, f.name, plain(f.name, getattr(of, f.name)))


def of_axes(name: str, numbers: tuple[float, ...], d: int) -> np.ndarray:
    """Numbers as float32 [D]; raises InvalidInput where they are not one for each axis."""
    if len(numbers) != d:
        raise InvalidInput(f"Got {name} of {len(numbers)} numbers for a cloud over {d} axes; expected {d}.")
    return np.array(numbers, np.float32)


@dataclass(frozen=True, kw_only=True)
class Disc:
    """Points within ``radius`` of ``center``: an interval, a disc, a ball."""

    kind: Literal["disc"] = "disc"
    center: Few[float]
    radius: float

    def __post_init__(self):
        settle(self)
        if self.radius <= 0:
            raise InvalidInput(f"Got radius {self.radius} for a disc; expected one above 0.")

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Of points [P, D] those inside: bool [P]."""
        center = of_axes("a center", self.center, points.shape[1])
        return np.asarray(np.linalg.norm(points - center, axis=1) <= self.radius)


@dataclass(frozen=True, kw_only=True)
class Box:
    """Points between ``low`` and ``high`` along every axis."""

    kind: Literal["box"] = "box"
    low: Few[float]
    high: Few[float]

    def __post_init__(self):
        settle(self)
        if len(self.low) != len(self.high) or not all(a < b for a, b in zip(self.low, self.high, strict=True)):
            raise InvalidInput(f"Got a box from {self.low} to {self.high}; expected low < high along every axis.")

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Of points [P, D] those inside: bool [P]."""
        low, high = (of_axes("a box", side, points.shape[1]) for side in (self.low, self.high))
        return np.all((low <= points) & (points <= high), axis=1)


@dataclass(frozen=True, kw_only=True)
class Polygon:
    """Points within a closed line over two axes, as a lasso draws it; where it crosses itself, by the even-odd rule."""

    kind: Literal["polygon"] = "polygon"
    corners: Many[tuple[float, float]]

    def __post_init__(self):
        settle(self)
        if not 3 <= len(self.corners) <= 10_000:
            raise InvalidInput(f"Got a polygon of {len(self.corners)} corners; expected 3 to 10000.")

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Of points [P, D] those inside: bool [P]."""
        if points.shape[1] != 2:
            raise InvalidInput(f"Got a polygon for a cloud over {points.shape[1]} axes; expected 2. Use a box.")
        y, x = points.T.astype(np.float64)
        inside = np.zeros(len(points), bool)
        for (y0, x0), (y1, x1) in zip(self.corners, (*self.corners[1:], self.corners[0]), strict=True):
            crosses = (y0 > y) != (y1 > y)
            if y0 != y1:
                inside ^= crosses & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
        return inside


Shape = Annotated[Disc | Box | Polygon, Field(discriminator="kind")]
