import asyncio
import threading
import time

import pytest

from explorer.dashboard.calls import Call, Calls
from explorer.errors import InvalidInput


async def settled(calls: Calls, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while calls.running:
        assert time.monotonic() < end, "calls never came to rest"
        await asyncio.sleep(0.01)


def test_of_many_wishes_the_first_and_the_latest_are_asked():
    gate, asked, shown = threading.Event(), [], []

    def work(i: int):
        asked.append(i)
        gate.wait(5)
        return i

    async def drag():
        calls = Calls()
        for i in range(50):
            calls.latest("slider", Call("rendering", lambda i=i: work(i), shown.append))
            await asyncio.sleep(0)
        while not asked:
            await asyncio.sleep(0.01)
        gate.set()
        await settled(calls)

    asyncio.run(drag())
    assert asked[-1] == 49 and len(asked) <= 2
    assert shown == asked


def test_a_slow_slot_holds_nobody_up():
    gate, shown = threading.Event(), []

    async def both():
        calls = Calls()
        calls.latest("map", Call("projecting", lambda: gate.wait(10), lambda _: shown.append("map"), long=True))
        calls.latest("picture", Call("rendering", lambda: None, lambda _: shown.append("picture")))
        while not shown:
            await asyncio.sleep(0.01)
        gate.set()
        await settled(calls)

    asyncio.run(both())
    assert shown == ["picture", "map"]


def test_an_error_reaches_the_page_in_words_and_goes_when_the_slot_succeeds():
    def fail():
        raise InvalidInput("Got 3; expected 4. Try 4.")

    async def fail_then_succeed():
        calls, followed = Calls(), []
        calls.latest("slider", Call("rendering", fail, lambda _: None, then=lambda: followed.append(1)))
        await settled(calls)
        assert calls.errors == {"slider": "Got 3; expected 4. Try 4."}
        assert followed == [1], "what follows must not hang on success"
        calls.latest("slider", Call("rendering", lambda: 4, lambda _: None))
        await settled(calls)
        assert calls.errors == {}

    asyncio.run(fail_then_succeed())


def test_an_unexpected_error_says_so_and_is_logged(caplog: pytest.LogCaptureFixture):
    async def fail():
        calls = Calls()
        calls.latest("slider", Call("rendering", lambda: 1 / 0, lambda _: None))
        await settled(calls)
        return calls.errors["slider"]

    assert "rendering" in asyncio.run(fail())
    assert "ZeroDivisionError" in caplog.text


def test_what_is_cancelled_is_not_shown():
    gate, shown = threading.Event(), []

    async def cancel():
        calls = Calls()
        calls.latest("slider", Call("rendering", lambda: gate.wait(5), shown.append))
        await asyncio.sleep(0.05)
        calls.latest("slider", Call("rendering", lambda: 2, shown.append))
        calls.cancel()
        gate.set()
        await settled(calls)

    asyncio.run(cancel())
    assert shown == []


def test_after_a_moment_the_page_knows_what_goes_on_and_how_long():
    async def watch():
        calls, words = Calls(), []
        calls.param.watch(lambda event: words.append(event.new), "word")
        for _ in range(2):
            calls.latest("slider", Call("rendering", lambda: time.sleep(0.8), lambda _: None))
            await asyncio.sleep(0.6)
            left = calls.left_s
            await settled(calls)
        await asyncio.sleep(0.4)
        assert words[0] == "rendering" and words[-1] == ""
        assert 0 < left < 0.8

    asyncio.run(watch())


def test_nothing_is_asked_for_a_visitor_who_has_gone():
    asked = []

    async def leave():
        calls = Calls()
        calls.close()
        calls.latest("slider", Call("rendering", lambda: asked.append(1), lambda _: None))
        await asyncio.sleep(0.05)

    asyncio.run(leave())
    assert asked == []
