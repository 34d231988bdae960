"""uvicorn's HTTP connection, which bounds what uvicorn does not: how large a head is, and how long bytes may take."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 2**16
"""The most that the headers of a request may hold."""

HEAD_S = 30.0
"""How long they may take to arrive, the first ones from when the connection opens."""

BODY_S, BODY_BYTES = 30.0, 2**14
"""So many bytes of a body have to arrive in so long, unless all have or nobody reads them."""

_READ_BYTES = 2**18  # what asyncio reads at once, of which a head may be the end


class Connection(HttpToolsProtocol):
    """One connection of the model server."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self._head = self._unfinished = self._body = 0
        self._in_head = True
        self._until: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._unfinished = self._unfinished + len(data) if self._in_head else 0
        if self._unfinished > HEAD_BYTES + _READ_BYTES and not self.transport.is_closing():
            self.send_400_response("Headers that are too large.")

    def on_message_begin(self) -> None:
        self._in_head, self._head = True, 0
        self._wait(HEAD_S)
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value)
        if self._head > HEAD_BYTES:
            raise ValueError("headers that are too large")  # to the parser, which refuses the request
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._wait(BODY_S)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._wait(None)
        super().on_message_complete()

    def _wait(self, seconds: float | None) -> None:
        """Look in so many seconds whether enough has come."""
        if self._until is not None:
            self._until.cancel()
        self._body = 0
        self._until = None if seconds is None else self.loop.call_later(seconds, self._look, seconds)

    def _look(self, seconds: float) -> None:
        came = not self._in_head and self._body >= BODY_BYTES
        if came or self.flow.read_paused:
            self._wait(seconds)
        elif self.cycle is not None and self.cycle.response_started:
            self.transport.close()
        else:
            self.send_400_response("Bytes that come too slowly.")
