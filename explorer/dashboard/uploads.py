"""The page's way to send files and to fetch them again: HTTP beside the websocket, piped to the model server.

A page announces an upload over its websocket and gets an id that nobody can guess; the browser then sends slices to it.
One slice is in memory at a time, however large the upload.
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
from explorer.errors import ExplorerError, InvalidInput, NotFound
from explorer.messages import check_hash

SLICE_BYTES = 2 * 2**20
"""The most that the browser sends at once."""

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
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"message": sentence}))

    async def ask(self, work: Callable[[], Any]) -> Any:
        """What the engine answers, or None after it was told what is wrong."""
        try:
            return await asyncio.to_thread(work)
        except ExplorerError as error:
            status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 507)
            self.refuse(status, str(error))
            return None


@stream_request_body
class Slices(_Door):
    """``PUT ?offset=N``: the next slice of an upload; ``GET``: how far it has come; ``DELETE``: leave it."""

    async def prepare(self) -> None:
        self._slice = bytearray()
        await super().prepare()

    def data_received(self, chunk: bytes) -> None:
        if not self._finished and len(self._slice) + len(chunk) > SLICE_BYTES:
            self._slice.clear()
            self.refuse(413, f"Got a slice of more than {SLICE_BYTES} bytes; expected at most that.")
        if not self._finished:
            self._slice += chunk

    async def put(self, id: str) -> None:
        offset = self.get_query_argument("offset", "")
        if not offset.isdecimal() or len(offset) > 16:
            return self.refuse(422, f"Got the offset {offset[:40]!r}; expected a whole number.")
        data = bytes(self._slice)
        self._slice.clear()
        self._tell(await self.ask(lambda: server.engine().send(id, int(offset), [data])))

    async def get(self, id: str) -> None:
        self._tell(await self.ask(lambda: server.engine().upload_state(id)))

    async def delete(self, id: str) -> None:
        if await self.ask(lambda: server.engine().drop_upload(id) or True):
            self.finish("{}")

    def _tell(self, state: Any) -> None:
        if state is not None:
            self.set_header("Content-Type", "application/json")
            self.finish(json.dumps({"received": state.received, "size": state.size}))


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
