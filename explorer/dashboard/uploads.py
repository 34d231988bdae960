"""The page's way to send files and to fetch them again: HTTP beside the websocket, piped to the model server.

A page announces an upload over its websocket and gets an id that nobody can guess; the browser then sends slices to it.
Two blocks are in memory at a time, however large the upload.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlparse

from bokeh.server import urls
from bokeh.server.views.auth_request_handler import AuthRequestHandler
from tornado.web import stream_request_body

from explorer.dashboard import server
from explorer.dashboard.courtesy import PATIENCE_S, gently, give_way
from explorer.errors import ExplorerError, InvalidInput, NotFound
from explorer.messages import check_hash

SLICE_BYTES = 2**26
"""The most that the browser sends at once."""

SLICE_S = 600.0
"""How long a slice may take: the browser makes them as large as goes in a second, and none smaller than a MiB."""

BLOCK_BYTES, CHUNK_BYTES = 2**22, 2**18
"""What goes on to the model server in one request, and what is read at once."""

UPLOAD, ORIGINAL = r"/upload/([0-9a-f]{32})", r"/original/([0-9a-f]{64})"

_STATUS = {NotFound: 404, InvalidInput: 422}


class _Door(AuthRequestHandler):
    """Only visitors that Panel lets in, and only pages of this server."""

    def initialize(self, application_context: Any, bokeh_websocket_path: str | None = None) -> None:
        self.application_context = application_context

    async def prepare(self) -> None:
        await super().prepare()
        if self.current_user is None:
            return self.refuse(403, "Got a request from nobody; expected a visitor. Log in first.")
        origin = self.request.headers.get("Origin")
        if self.request.method != "GET" and (origin is None or urlparse(origin).netloc != self.request.host):
            self.refuse(403, "Got a request from another page; expected one from this server.")

    def refuse(self, status: int, sentence: str) -> None:
        if self._finished:
            return
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"message": sentence}))

    async def ask(self, work: Callable[[], Any]) -> Any:
        """What the engine answers, or None after it was told what is wrong."""
        try:
            return await asyncio.to_thread(work)
        except ExplorerError as error:
            self.refuse_for(error)
            return None

    def refuse_for(self, error: ExplorerError) -> None:
        self.refuse(next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 507), str(error))


@stream_request_body
class Slices(_Door):
    """``PUT ?offset=N``: the next slice of an upload; ``GET``: how far it has come; ``DELETE``: leave it.

    A slice goes on to the model server in blocks, one on its way while the next arrives. Where that refuses one, the
    rest of the slice is read all the same, since a browser that is cut short does not hear why.
    """

    async def prepare(self) -> None:
        self._block: list[bytes] = []
        self._held = self._received = self._offset = 0
        self._patience_s = PATIENCE_S
        self._passing: asyncio.Task[Any] | None = None
        self._error: ExplorerError | None = None
        await super().prepare()
        if self._finished or self.request.method != "PUT":
            return
        offset = self.get_query_argument("offset", "")
        if not offset.isdecimal() or len(offset) > 16:
            self._error = InvalidInput(f"Got the offset {offset[:40]!r}; expected a whole number.")
            return
        length = self.request.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > SLICE_BYTES:
            return self._refuse_size()
        self._offset = int(offset)
        _suit_to_slices(self.request.connection)

    async def data_received(self, chunk: bytes) -> None:
        if self._finished or self._error:
            return
        self._received += len(chunk)
        if self._received > SLICE_BYTES:
            return self._refuse_size()
        self._block.append(chunk)
        self._held += len(chunk)
        self._patience_s = await give_way(self._patience_s)
        if self._held >= BLOCK_BYTES:
            await self._pass_on()

    def _refuse_size(self) -> None:
        self.refuse(413, f"Got a slice of more than {SLICE_BYTES} bytes; expected at most that.")

    async def _pass_on(self) -> None:
        """Send the block that is here, once the one before has gone: no more than two are in memory."""
        await self._passed()
        block, offset = self._block, self._offset
        self._offset += self._held
        self._block, self._held, self._patience_s = [], 0, PATIENCE_S
        if self._error is None:
            self._passing = asyncio.create_task(
                asyncio.to_thread(server.engine().send, self.path_args[0], offset, gently(block))
            )

    async def _passed(self) -> Any:
        """What the engine answered to the last block."""
        try:
            return None if self._passing is None else await self._passing
        except ExplorerError as error:
            self._error = error
            return None

    async def put(self, id: str) -> None:
        if self._finished:
            return
        if self._error is None:
            await self._pass_on()
        state = await self._passed()
        if self._error is not None:
            return self.refuse_for(self._error)
        self._tell(state)

    async def get(self, id: str) -> None:
        self._tell(await self.ask(lambda: server.engine().upload_state(id)))

    async def delete(self, id: str) -> None:
        if await self.ask(lambda: server.engine().drop_upload(id) or True):
            self.finish("{}")

    def _tell(self, state: Any) -> None:
        if state is not None:
            self.set_header("Content-Type", "application/json")
            self.finish(json.dumps({"received": state.received, "size": state.size}))


def _suit_to_slices(connection: Any) -> None:
    """Slices are larger than other requests and may take longer; to read 64 KiB costs as much as to read four times
    that."""
    if hasattr(connection, "set_body_timeout") and hasattr(connection, "set_max_body_size"):
        connection.set_body_timeout(SLICE_S)
        connection.set_max_body_size(SLICE_BYTES)
    if hasattr(connection, "params") and hasattr(connection, "stream"):
        connection.params.chunk_size = connection.stream.read_chunk_size = CHUNK_BYTES


class Originals(_Door):
    """``GET``: the bytes that a signal set was read from, as a file to keep."""

    async def get(self, id: str) -> None:
        check_hash(id)
        found: tuple[str, Iterator[bytes]] | None = await self.ask(lambda: server.engine().original(id))
        if found is None:
            return
        name, pieces = found
        plain = name.replace("\\", "/").rpartition("/")[2] or "signals"
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(plain, safe='')}")
        while (piece := await asyncio.to_thread(next, pieces, b"")) and not self.request.connection.stream.closed():
            self.write(piece)
            await self.flush()
        self.finish()


def install() -> None:
    """Add the routes beside each app's own; must run before the server is made, as ``app_hooks.py`` does."""
    if not hasattr(urls, "per_app_patterns"):
        raise RuntimeError("Got a Bokeh without per_app_patterns; expected 3.9. Install the version that is pinned.")
    for route in ((UPLOAD, Slices), (ORIGINAL, Originals)):
        if route not in urls.per_app_patterns:
            urls.per_app_patterns.append(route)  # type: ignore[arg-type]


def installed() -> bool:
    """Whether pages of this process can send files by HTTP."""
    return (UPLOAD, Slices) in urls.per_app_patterns
