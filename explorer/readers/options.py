"""What a person may say about a source, passed to every reader."""

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.signals import Axis

LIMIT_BYTES = 2 * 2**30
"""The most that one set may hold once it is decompressed and decoded."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Choices for a source.

    Args:
        name: of the set; by default the file's.
        array: which array of a file that holds several.
        axes: the axes in array order, ``"tyx"`` or ``("t", "y", "x")`` or Axis values, where the guess is wrong.
        alpha: keep an image's alpha channel; by default it is laid over white.
        limit_bytes: the most that the set may hold, decompressed and decoded.
    """

    name: str | None = None
    array: str | None = None
    axes: Sequence[Axis | str] | None = None
    alpha: bool = False
    limit_bytes: int = LIMIT_BYTES
