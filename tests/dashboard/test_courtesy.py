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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()

    async def sleep(seconds: float) -> None:
        clock.now += seconds

    monkeypatch.setattr(courtesy, "time", clock)
    monkeypatch.setattr(courtesy, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(courtesy, "_wished", 0.0)
    return clock


def waited(patience_s: float = courtesy.PATIENCE_S) -> float:
    return asyncio.run(courtesy.give_way(patience_s))


def test_nothing_waits_unless_somebody_wishes(clock):
    assert waited() == 0
    courtesy.wish()
    assert waited() == pytest.approx(courtesy.REST_S)
    assert waited() == 0


def test_patience_ends(clock, monkeypatch):
    async def sleep_and_wish(seconds: float) -> None:
        clock.now += min(seconds, 0.05)
        courtesy.wish()

    monkeypatch.setattr(courtesy, "asyncio", SimpleNamespace(sleep=sleep_and_wish))
    courtesy.wish()
    assert waited() == pytest.approx(courtesy.PATIENCE_S)
    assert waited(0.0) == 0


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
