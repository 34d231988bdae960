"""What arrives in bulk gives way to hands: while what a visitor has just wished for is on its way, no upload is read.

Then neither the sending browser nor the model server has anything to do, and the processors are the visitor's.
"""

import asyncio
import time

REST_S = 0.15
"""How long after a wish bulk rests: a slider's picture and what belongs to it have come by then."""

PATIENCE_S = 0.25
"""The longest that a block waits: whoever never lets go of a slider slows uploads and does not stop them."""

_wished = -REST_S


def wish() -> None:
    """A visitor has just wished for something that comes at once."""
    global _wished
    _wished = time.monotonic()


async def give_way(patience_s: float) -> float:
    """Wait until no wish is fresh, at most so long. Returns the seconds that were waited."""
    began = time.monotonic()
    while (left := min(_wished + REST_S, began + patience_s) - time.monotonic()) > 0:
        await asyncio.sleep(left)
    return time.monotonic() - began
