"""What arrives in bulk gives way to hands: while what a visitor has just wished for is on its way, no upload is read or
passed on.

Then neither the sending browser nor the model server has anything to do, and the processors are the visitor's.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator

REST_S = 0.15
"""How long after a wish bulk rests: a slider's picture and what belongs to it have come by then."""

PATIENCE_S = 0.25
"""The longest that a block waits: whoever never lets go of a slider slows uploads and does not stop them."""

_wished = -REST_S


def wish() -> None:
    """A visitor has just wished for something that comes at once."""
    global _wished
    _wished = time.monotonic()


def _rest_s(patience_s: float) -> float:
    """For how long to rest now; not above 0 where there is no reason to, or no patience."""
    return min(_wished + REST_S - time.monotonic(), patience_s)


async def give_way(patience_s: float) -> float:
    """Wait until no wish is fresh, at most so long. Returns the seconds of patience that are left."""
    while (left := _rest_s(patience_s)) > 0:
        await asyncio.sleep(left)
        patience_s -= left
    return patience_s


def gently(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of a block, which give way as well while a thread sends them on."""
    patience_s = PATIENCE_S
    for piece in pieces:
        while (left := _rest_s(patience_s)) > 0:
            time.sleep(left)
            patience_s -= left
        yield piece
