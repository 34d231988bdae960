"""Uploads give way to hands, and are not stopped by one that never rests. The clock is the test's."""

import asyncio
from types import SimpleNamespace

import pytest

from explorer.dashboard import courtesy
from explorer.dashboard.calls import Call, Calls


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()

    async def sleep(seconds: float) -> None:
        clock.sleep(seconds)

    monkeypatch.setattr(courtesy, "time", clock)
    monkeypatch.setattr(courtesy, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(courtesy, "_wished", 0.0)
    return clock


def reading(patience_s: float = courtesy.PATIENCE_S) -> None:
    asyncio.run(courtesy.give_way(patience_s))


def sending() -> None:
    assert [*courtesy.gently([b"a", b"b", b"c"])] == [b"a", b"b", b"c"]


@pytest.mark.parametrize("work", [reading, sending])
def test_nothing_waits_unless_somebody_wishes(clock: Clock, work):
    work()
    assert clock.now == 100
    courtesy.wish()
    work()
    assert clock.now == pytest.approx(100 + courtesy.REST_S)


@pytest.mark.parametrize("work", [reading, sending])
def test_patience_ends(clock: Clock, work, monkeypatch: pytest.MonkeyPatch):
    def sleep_and_wish(seconds: float) -> None:
        clock.now += seconds
        courtesy.wish()

    monkeypatch.setattr(clock, "sleep", sleep_and_wish)
    courtesy.wish()
    work()
    assert clock.now == pytest.approx(100 + courtesy.PATIENCE_S)


def test_patience_is_told(clock: Clock):
    courtesy.wish()
    assert asyncio.run(courtesy.give_way(1.0)) == pytest.approx(1 - courtesy.REST_S)
    courtesy.wish()
    assert asyncio.run(courtesy.give_way(0.0)) == 0


@pytest.mark.parametrize("long", [False, True])
def test_what_comes_at_once_is_a_wish_and_long_work_is_none(monkeypatch, long):
    wishes = []
    monkeypatch.setattr("explorer.dashboard.calls.wish", lambda: wishes.append(1))

    async def ask() -> None:
        calls = Calls()
        calls.latest("slider", Call("asking", lambda: None, lambda _: None, long=long))
        calls.close()
        await asyncio.sleep(0)

    asyncio.run(ask())
    assert len(wishes) == (not long)
