"""The dashboard's way to its model server: the one at ``EXPLORER_SERVER``, or that of its home, which it starts."""

import os
import threading
from collections.abc import Iterator
from typing import Any

import httpx

from explorer.child import ChildServer
from explorer.engine import Engine, connect
from explorer.errors import ServerUnavailable
from explorer.messages import JobState
from explorer.remote import RemoteEngine

_lock = threading.Lock()
_engines: dict[int, Engine] = {}
"""By process: under ``--num-procs`` those that are forked find that of the one they come from, and need their own."""


def engine() -> Engine:
    """The engine of this process, shared by all its visitors. Does not wait for a child server to start."""
    with _lock:
        process = os.getpid()
        if process not in _engines:
            _engines[process] = connect() if os.environ.get("EXPLORER_SERVER") else ChildEngine()
        return _engines[process]


def close() -> None:
    """Use the model server no longer."""
    with _lock:
        found = _engines.pop(os.getpid(), None)
    if found is not None:
        found.close()


class ChildEngine(RemoteEngine):
    """An engine on a child server, which is started again when it died.

    What is asked of an engine is a pure function of named inputs and the store outlives the server, so a request that
    the dying server did not answer is simply asked again; jobs go on in the next one under the ids that they had.
    """

    def __init__(self) -> None:
        super().__init__("http://model-server.invalid")
        self._starting = threading.Lock()
        self._server = ChildServer()
        self._reached: ChildServer | None = None  # the one to which requests go; none while one starts
        self._closed = False

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        asked = self._connect()
        try:
            return super()._ask(method, path, **options)
        except ServerUnavailable:
            if not self._replaced(asked):
                raise
            return super()._ask(method, path, **options)

    def job_events(self, id: str) -> Iterator[JobState]:
        asked = self._connect()
        try:
            yield from super().job_events(id)
        except ServerUnavailable:
            if not self._replaced(asked):
                raise
            yield from self.job_events(id)

    def _connect(self) -> ChildServer:
        """The server that lives, once requests go there."""
        reached = self._reached
        if reached is not None and reached.alive:
            return reached
        with self._starting:
            if self._closed:
                raise ServerUnavailable("The model server was stopped, since the dashboard ends. Start it again.")
            if self._reached is not None and self._reached.alive:
                return self._reached
            if self._reached is not None or not self._server.alive:
                self._reached = None
                self._server.stop()
                self._server = ChildServer()
            self._http = self._server.client()
            self._reached = self._server
            return self._server

    def _replaced(self, asked: ChildServer) -> bool:
        """Whether a server has ended, and another one is there now. Its connections close a moment before it ends."""
        if not asked.ends_within(1.0):
            return False
        self._connect()
        return True

    def close(self) -> None:
        with self._starting:
            self._closed = True
            super().close()
            self._server.stop()
