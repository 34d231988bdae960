"""The dashboard's way to its model server: the one at ``EXPLORER_SERVER``, or a child that this process looks after."""

import os
import threading
from typing import Any

import httpx

from explorer.engine import Engine, connect
from explorer.errors import ServerUnavailable
from explorer.remote import ChildServer, RemoteEngine

_lock = threading.Lock()
_engine: Engine | None = None


def engine() -> Engine:
    """The engine of this process, shared by all its visitors. Does not wait for a child server to start."""
    global _engine
    with _lock:
        if _engine is None:
            _engine = connect() if os.environ.get("EXPLORER_SERVER") else ChildEngine()
        return _engine


def close() -> None:
    """End the child server, if there is one."""
    global _engine
    with _lock:
        if _engine is not None:
            _engine.close()
            _engine = None


class ChildEngine(RemoteEngine):
    """An engine on a child server, which is started again when it died.

    What is asked of an engine is a pure function of named inputs and the store outlives the server, so a request that
    the dying server did not answer is simply asked again.
    """

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._server = ChildServer()
        self._connected = False
        super().__init__("http://model-server.invalid")

    @property
    def restarting(self) -> bool:
        """Whether the server is being started at this moment."""
        return self._starting.locked()

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        asked = self._connect()
        try:
            return super()._ask(method, path, **options)
        except ServerUnavailable:
            # Its connections close a moment before it has ended; or another thread has already started the next.
            if not asked.ends_within(1.0):
                raise
            self._connect()
            return super()._ask(method, path, **options)

    def _connect(self) -> ChildServer:
        """See that the server lives and that requests go there."""
        if self._connected and self._server.alive:
            return self._server
        with self._starting:
            if self._connected and self._server.alive:
                return self._server
            if self._connected or not self._server.alive:
                self._server.stop()
                self._server = ChildServer()
            self.url = self._server.url
            self._http.base_url = httpx.URL(self.url)
            self._http.headers["Authorization"] = f"Bearer {self._server.token}"
            self._connected = True
            return self._server

    def close(self) -> None:
        super().close()
        self._server.stop()
