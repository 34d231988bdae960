"""uvicorn's HTTP connection, which bounds what comes before a body: its parser would take headers without an end."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 2**16
"""The most that the headers of a request may hold."""

HEAD_S = 30.0
"""How long the first one may take to arrive."""

_READ_BYTES = 2**18  # what asyncio reads at once, of which a head may be the end


class Connection(HttpToolsProtocol):
    """One connection of the model server."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self._head = self._unfinished = 0
        self._in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._until = self.loop.call_later(HEAD_S, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._until.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._unfinished = self._unfinished + len(data) if self._in_head else 0
        if self._unfinished > HEAD_BYTES + _READ_BYTES and not self.transport.is_closing():
            self.send_400_response("Headers that are too large.")

    def on_message_begin(self) -> None:
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value)
        if self._head > HEAD_BYTES:
            raise ValueError("headers that are too large")  # to the parser, which refuses the request
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._until.cancel()
        super().on_headers_complete()
