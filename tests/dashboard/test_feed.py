"""Twenty pages that look at the jobs ask the engine once, and hold no connection to it."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from explorer.dashboard import feed
from explorer.dashboard.feed import jobs_of
from explorer.errors import ServerUnavailable


class Counting:
    """The one thing of an engine that is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.gone = False

    def jobs(self) -> list[Any]:
        self.asked += 1
        if self.gone:
            raise ServerUnavailable("gone")
        return [SimpleNamespace(number=self.asked)]


def test_many_who_look_at_once_are_one_question(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(feed, "EVERY_S", 60)
    engine: Any = Counting()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: jobs_of(engine)[0].number, range(200)))
    assert set(answers) == {1} and engine.asked == 1
    other: Any = Counting()
    assert jobs_of(other)[0].number == 1 and other.asked == 1


def test_an_old_answer_is_asked_again_and_an_error_is_no_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(feed, "EVERY_S", 0)
    engine: Any = Counting()
    assert [jobs_of(engine)[0].number for _ in range(3)] == [1, 2, 3]
    engine.gone = True
    with pytest.raises(ServerUnavailable):
        jobs_of(engine)
    engine.gone = False
    assert jobs_of(engine)[0].number == 5
