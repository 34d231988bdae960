"""The jobs of an engine, asked for once however many pages of this process look at them."""

import threading
import time
from weakref import WeakKeyDictionary

from explorer.engine import Engine
from explorer.messages import JobState

EVERY_S = 1.0
"""How old an answer may be."""


class _Answer:
    """What the engine said last, and when it was asked."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.jobs: list[JobState] = []
        self.asked = float("-inf")


_answers: WeakKeyDictionary[Engine, _Answer] = WeakKeyDictionary()
_opening = threading.Lock()


def jobs_of(engine: Engine) -> list[JobState]:
    """The jobs as they were at most a second ago: an open page that asks again and again holds nothing of the server.

    May wait for the engine, and raises what it raises: call it in a thread.
    """
    with _opening:
        answer = _answers.setdefault(engine, _Answer())
    with answer.lock:
        if time.monotonic() - answer.asked >= EVERY_S:
            answer.jobs = engine.jobs()
            answer.asked = time.monotonic()
        return answer.jobs
