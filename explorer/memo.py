"""A memory for results: bounded, and each made once even if ten threads ask at the same moment."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from explorer.errors import Cancelled

V = TypeVar("V")


class Memo(Generic[V]):
    """Values by key; the least recently used go when the budget is full.

    Args:
        budget_bytes: how much is held.
        size: bytes of a value.
    """

    def __init__(self, budget_bytes: int, size: Callable[[V], int]):
        self._budget, self._size, self._used = budget_bytes, size, 0
        self._values: OrderedDict[str, V] = OrderedDict()
        self._pending: dict[str, Future[V]] = {}
        self._lock = threading.Lock()

    def __call__(self, key: str, make: Callable[[], V]) -> V:
        """The value of ``key``, made by ``make`` in this thread or awaited from the thread that already makes it."""
        while True:
            with self._lock:
                if key in self._values:
                    self._values.move_to_end(key)
                    return self._values[key]
                pending = self._pending.get(key)
                if pending is None:
                    mine = self._pending[key] = Future()
                    break
            try:
                return pending.result()
            except Cancelled:
                continue  # the other one's wish, not ours
        try:
            value = make()
        except BaseException as error:
            with self._lock:
                del self._pending[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._pending[key]
            self._values[key] = value
            self._used += self._size(value)
            while self._used > self._budget and self._values:
                _, dropped = self._values.popitem(last=False)
                self._used -= self._size(dropped)
        mine.set_result(value)
        return value

    def forget(self, key: str) -> None:
        """Make it anew when it is asked for next; what is being made now is not disturbed."""
        with self._lock:
            if key in self._values:
                self._used -= self._size(self._values.pop(key))
