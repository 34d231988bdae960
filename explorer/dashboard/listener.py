"""Following what an engine tells over time, off the event loop."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

from explorer.dashboard.calls import Calls, change
from explorer.errors import ExplorerError


class Listener:
    """One thread that reads an iterator and has what comes shown; of what comes too quickly only the latest.

    Args:
        calls: of the visit whose page is changed.
        show: draws what came, on the event loop.
        every_s: how long a drawing stands at least.
    """

    def __init__(self, calls: Calls, show: Callable[[Any], None], every_s: float = 0.2):
        self._calls, self._show, self._every_s = calls, show, every_s
        self._turn = 0

    def listen(self, source: Callable[[], Iterator[Any]]) -> None:
        """Read from this source instead of the last one."""
        self._turn += 1
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(source, self._turn, loop), daemon=True).start()

    def stop(self) -> None:
        """Show nothing any more. The thread ends when its iterator next yields."""
        self._turn += 1

    def _read(self, source: Callable[[], Iterator[Any]], turn: int, loop: asyncio.AbstractEventLoop) -> None:
        waiting: list[Any] = []
        scheduled = False
        lock = threading.Lock()

        def draw() -> None:
            nonlocal scheduled
            with lock:
                scheduled = False
                latest, waiting[:] = waiting[-1:], []
            if latest and turn == self._turn and self._calls.open:
                change(self._calls.doc, lambda: self._show(latest[0]))

        try:
            for item in source():
                if turn != self._turn or not self._calls.open or loop.is_closed():
                    return
                with lock:
                    waiting.append(item)
                    if scheduled:
                        continue
                    scheduled = True
                loop.call_soon_threadsafe(loop.call_later, self._every_s, draw)
        except ExplorerError:
            return  # the server is gone; the page's calls say so
        except RuntimeError:
            if not loop.is_closed():
                raise
