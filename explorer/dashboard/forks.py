"""Under ``--num-procs`` Panel forks itself and then only waits: what it has forked would outlive it."""

import os
import signal
import threading
from functools import cache

_living = -1
"""What only the first process holds open, so that the others hear of its end, whatever it ends by."""


@cache  # Bokeh runs app_hooks.py more than once
def end_together() -> None:
    """Have what is forked from this process end when this process does."""
    global _living
    ended, _living = os.pipe()
    os.register_at_fork(after_in_child=lambda: _watch(ended))


def _watch(ended: int) -> None:
    global _living
    if _living < 0:
        return  # forked by one that watches already
    os.close(_living)
    _living = -1
    threading.Thread(target=_end_after, args=(ended,), daemon=True).start()


def _end_after(ended: int) -> None:
    os.read(ended, 1)
    os.kill(os.getpid(), signal.SIGTERM)
