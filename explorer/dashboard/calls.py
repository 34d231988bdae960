"""How the page asks the engine: off the event loop, one call in flight and the latest one waiting for each slot."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import panel as pn
import param
from panel.io.document import unlocked
from panel.io.state import set_curdoc

from explorer.dashboard.courtesy import wish
from explorer.errors import Cancelled, ExplorerError
from explorer.waiting import Wait

log = logging.getLogger(__name__)

# Threads only wait for the model server. Long work has its own, so that it never stands before a slider.
_QUICK = ThreadPoolExecutor(32, thread_name_prefix="call")
_LONG = ThreadPoolExecutor(16, thread_name_prefix="long-call")


def change(doc: Any, draw: Callable[[], None]) -> None:
    """Change a visitor's page, and tell the browser of all of it at once.

    Panel lets that happen at any time, but while the browser still loads the page it must wait for Bokeh's lock.
    """
    with set_curdoc(doc):
        if doc is not None and doc.session_context is not None and not pn.state.loaded:
            doc.add_next_tick_callback(draw)
            return
        with unlocked():
            draw()


@dataclass(frozen=True)
class Call:
    """Something to ask.

    Args:
        word: what is going on, for the person who waits.
        work: asks; runs in a thread, and touches nothing of the page.
        show: draws the answer; runs on the event loop.
        long: whether it may take more than a second or two.
        then: what follows, whether or not there was an answer, once the browser shows the page.
        rest_s: how long before that, so that the browser can show the answer meanwhile.
    """

    word: str
    work: Callable[[], Any]
    show: Callable[[Any], None]
    long: bool = False
    then: Callable[[], None] | None = None
    rest_s: float = 0.0


@dataclass
class _Flight:
    """A call that was asked and has not come back."""

    call: Call
    started: float = field(default_factory=time.monotonic)
    wait: Wait = field(default_factory=Wait)
    dropped: bool = False

    def ask(self) -> Any:
        with self.wait:
            return self.call.work()


class Calls(param.Parameterized):
    """The calls of one visitor.

    A slot is a place where only the latest wish counts: a slider, a map. A new call in a slot replaces the one that
    waits there; an answer is shown unless a newer call of its slot was made meanwhile and ``keep_up`` is not wished.
    """

    word = param.String("", doc="What is going on; empty when nothing is.")
    cancelled = param.String("", doc="What was cancelled last; empty once something else is asked.")
    elapsed_s = param.Number(0.0, doc="How long it has been going on.")
    left_s = param.Number(None, allow_None=True, doc="How long it will take, from how long it took before.")
    errors = param.Dict({}, doc="What went wrong, in words, by slot; gone when the slot succeeds.")

    def __init__(self, **params: Any):
        super().__init__(**params)
        self.doc = pn.state.curdoc
        self._waiting: dict[str, Call] = {}
        self._running: dict[str, _Flight] = {}
        self._took: dict[str, float] = {}
        self._tasks: set[asyncio.Task] = set()
        self._answers: list[Callable[[], None]] = []  # to be drawn in the next turn of the loop
        self._drawing: asyncio.Task | None = None
        self._telling = False
        self._closed = False
        self._arrived = asyncio.Event()
        if self.doc is not None and self.doc.session_context is not None and not pn.state.loaded:
            pn.state.onload(self.arrive)
        else:
            self._arrived.set()

    def latest(self, slot: str, call: Call) -> None:
        """Ask, as soon as what is in flight in this slot has come back."""
        if self._closed:
            return
        self._waiting[slot] = call
        if not call.long:
            wish()
        if self.cancelled:
            self._say(cancelled="")
        if slot not in self._running:
            self._spawn(self._drain(slot, self._start(slot)))
        if not self._telling:
            self._telling = True
            self._spawn(self._tell())

    def arrive(self) -> None:
        """The browser shows the page. Called again it does nothing."""
        self._arrived.set()

    def close(self) -> None:
        """Ask and show nothing any more: the visitor has gone."""
        self._closed = True
        self._waiting.clear()
        self.arrive()  # nothing waits for that any more

    @property
    def open(self) -> bool:
        """Whether the visitor is still there."""
        return not self._closed

    def cancel(self) -> None:
        """Have the work for all that is asked stopped; answers that still come are not shown."""
        self._waiting.clear()
        flights = list(self._running.values())
        for flight in flights:
            flight.dropped = True
        self._say(word="", elapsed_s=0.0, left_s=None, cancelled=self.word)
        self._spawn(_stop(flights))

    def forget(self, start: str) -> bool:
        """Drop what waits or is asked in slots that start so, and their errors: nobody looks at them now.

        Work that has begun goes on, for its result is kept. Whether there was anything to drop.
        """
        waiting = [slot for slot in self._waiting if slot.startswith(start)]
        for slot in waiting:
            del self._waiting[slot]
        flights = [flight for slot, flight in self._running.items() if slot.startswith(start)]
        for flight in flights:
            flight.dropped = True
        self.errors = {slot: text for slot, text in self.errors.items() if not slot.startswith(start)}
        return bool(waiting or flights)

    @property
    def running(self) -> tuple[str, ...]:
        """The slots in which something is asked."""
        return tuple(self._running)

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _start(self, slot: str) -> asyncio.Future:
        """Ask what waits in a slot, in a thread that begins at once: before what is left to be drawn in this turn."""
        call = self._waiting.pop(slot)
        flight = self._running[slot] = _Flight(call)
        return asyncio.get_event_loop().run_in_executor(_LONG if call.long else _QUICK, flight.ask)

    async def _drain(self, slot: str, answer: asyncio.Future) -> None:
        try:
            while True:
                flight = self._running[slot]
                call, result, error = flight.call, None, ""
                try:
                    result = await answer
                except Cancelled as raised:
                    error = "" if flight.dropped else str(raised)
                except ExplorerError as raised:
                    error = str(raised)
                except Exception:
                    log.exception("a call of the page failed")
                    error = f"Something unexpected went wrong while {call.word}; the server's log has the details."
                self._took[call.word] = time.monotonic() - flight.started
                await self._shown(slot, flight, result, error)
                if slot not in self._waiting:
                    return
                answer = self._start(slot)
        finally:
            del self._running[slot]

    async def _shown(self, slot: str, flight: _Flight, result: Any, error: str) -> None:
        """Draw an answer, together with those that have come by the next turn of the loop: each message to the browser
        costs as much as the page is large."""

        def show() -> None:
            if flight.dropped:
                return
            others = {key: text for key, text in self.errors.items() if key != slot}
            self.errors = others | ({slot: error} if error else {})
            if not error:
                flight.call.show(result)

        self._answers.append(show)
        if self._drawing is None:
            self._drawing = asyncio.ensure_future(self._draw_answers())
        await asyncio.shield(self._drawing)
        if flight.call.then is not None and not flight.dropped:
            await self._arrived.wait()
            if slot not in self._waiting:
                await asyncio.sleep(flight.call.rest_s)
            self.draw(flight.call.then)

    async def _draw_answers(self) -> None:
        await asyncio.sleep(0)
        answers, self._answers, self._drawing = self._answers, [], None

        def draw() -> None:
            for answer in answers:
                try:
                    answer()
                except Exception:
                    log.exception("an answer could not be drawn")

        self.draw(draw)

    def follow(self, source: param.Parameterized, react: Callable[..., None], *names: str) -> None:
        """Have parameters followed by something that changes the page."""
        source.param.watch(lambda *events: self.draw(lambda: react(*events)), list(names))

    def draw(self, draw: Callable[[], None]) -> None:
        """Change the page, unless the visitor has gone."""
        if not self._closed:
            change(self.doc, draw)

    async def _tell(self) -> None:
        """Keep ``word``, ``elapsed_s`` and ``left_s`` up to date while anything is asked; nothing for quick answers."""
        await asyncio.sleep(0.3)
        while (flights := [f for f in self._running.values() if not f.dropped]) and not self._closed:
            flight = min(flights, key=lambda flight: flight.started)
            elapsed = time.monotonic() - flight.started
            before = self._took.get(flight.call.word)
            self._say(
                word=flight.call.word if elapsed > 0.3 else "",
                elapsed_s=elapsed,
                left_s=None if before is None else max(before - elapsed, 0.0),
            )
            await asyncio.sleep(0.25)
        self._telling = False
        self._say(word="", elapsed_s=0.0, left_s=None)

    def _say(self, **words: Any) -> None:
        self.draw(lambda: self.param.update(**words))


async def _stop(flights: list[_Flight]) -> None:
    """Cancel what they wait for; what cannot be cancelled is only dropped."""
    loop = asyncio.get_running_loop()
    stops = (loop.run_in_executor(_QUICK, flight.wait.cancel) for flight in flights)
    for problem in await asyncio.gather(*stops, return_exceptions=True):
        if problem is not None:
            log.warning("%s", problem)
