import asyncio
import threading
import time
from pathlib import Path

import pytest

from explorer.dashboard.calls import Call, Calls
from explorer.errors import InvalidInput
from explorer.local import LocalEngine
from explorer.messages import Train
from explorer.readers import load


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


def test_to_cancel_stops_the_job_that_is_waited_for(tmp_path: Path):
    said = []

    async def cancel() -> None:
        calls, shown, signals = Calls(), [], load("digits")[:50]
        engine.put(signals.artifact, "digits")
        long = Train(representation="hypernetwork", signals=signals.id, split="all", config={"max_steps": 10**6})
        calls.param.watch(lambda event: said.append(event.new), "cancelled")
        calls.latest("fit", Call("training", lambda: engine.submit(long).until_done(), shown.append, long=True))
        while not any(job.state == "running" for job in engine.jobs()):
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.4)
        calls.cancel()
        await settled(calls)
        assert [job.state for job in engine.jobs()] == ["cancelled"]
        assert shown == [] and calls.errors == {} and calls.word == ""

    with LocalEngine(tmp_path, device="cpu") as engine:
        asyncio.run(cancel())
    assert said == ["training"]


def test_a_job_for_which_another_waits_goes_on(engine: LocalEngine):
    async def cancel() -> None:
        ours, theirs, shown, signals = Calls(), Calls(), [], load("digits")[:50]
        engine.put(signals.artifact, "digits")
        small = {"min_steps": 400, "max_steps": 400, "width": 8, "point_width": 16}
        short = Train(representation="hypernetwork", signals=signals.id, split="all", config=small, seed=11)
        job = engine.submit(short)
        for calls in (ours, theirs):
            calls.latest("fit", Call("training", job.until_done, shown.append, long=True))
        await asyncio.sleep(0.1)  # both wait, and it has hardly begun
        ours.cancel()
        await settled(theirs, 180)
        assert [state.state for state in shown] == ["done"]

    asyncio.run(cancel())


def test_what_is_forgotten_is_not_shown_and_its_slot_is_free_again():
    gate, shown = threading.Event(), []

    async def leave():
        calls = Calls()
        calls.latest("Explore.map", Call("projecting", lambda: gate.wait(5), shown.append))
        calls.latest("Edit.map", Call("projecting", lambda: "edit", shown.append))
        await asyncio.sleep(0.05)
        assert calls.forget("Explore.") and not calls.forget("Train.")
        calls.latest("Explore.map", Call("projecting", lambda: "again", shown.append))
        gate.set()
        await settled(calls)

    asyncio.run(leave())
    assert shown == ["edit", "again"]


def test_what_follows_an_answer_waits_until_the_browser_shows_the_page():
    shown: list[str] = []

    async def opening():
        calls = Calls()
        calls._arrived.clear()  # as while a browser loads the page
        calls.latest("map", Call("a", lambda: None, lambda _: shown.append("map"), then=lambda: shown.append("rest")))
        while not shown:
            await asyncio.sleep(0.01)
        for _ in range(10):
            await asyncio.sleep(0)
        assert shown == ["map"]
        calls.arrive()
        await settled(calls)

    asyncio.run(opening())
    assert shown == ["map", "rest"]
