"""Slices of uploads as a browser sends them: whole at the other end, refused in words, two blocks in memory at most."""

import asyncio
import http.client
import select
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
from bokeh.server.auth_provider import NullAuth
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from explorer.dashboard import server, uploads
from explorer.uploads import Uploads

DATA = np.random.default_rng(0).bytes(3 * uploads.BLOCK_BYTES + 12_345)


class Engine:
    """The part of one that uploads speak to, without what computes."""

    def __init__(self, folder: Path):
        self.uploads = Uploads(folder, lambda owner: 0)
        self.upload_state, self.drop_upload = self.uploads.state, self.uploads.drop
        self.largest = 0

    def send(self, upload: str, offset: int, pieces: Iterable[bytes]):
        pieces = list(pieces)
        self.largest = max(self.largest, sum(map(len, pieces)))
        return self.uploads.append(upload, offset, pieces)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine(tmp_path)
    monkeypatch.setattr(server, "engine", lambda: engine)
    return engine


@pytest.fixture
def http_(engine: Engine) -> Iterator[httpx.Client]:
    """A page's way to the routes, by a Tornado of their own."""
    loop, ready, found = asyncio.new_event_loop(), threading.Event(), []

    async def serve() -> None:
        application = Application([(uploads.UPLOAD, uploads.Slices, {"application_context": None})])
        application.auth_provider = NullAuth()  # type: ignore[attr-defined]
        sockets = bind_sockets(0, "127.0.0.1")
        HTTPServer(application).add_sockets(sockets)
        found.append(sockets[0].getsockname()[1])
        ready.set()

    def run() -> None:
        loop.create_task(serve())
        loop.run_forever()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    url = f"http://127.0.0.1:{found[0]}"
    with httpx.Client(base_url=url, headers={"Origin": url}, trust_env=False, timeout=60) as client:
        yield client
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def put(http_: httpx.Client, id: str, offset: int | str, data: bytes) -> httpx.Response:
    return http_.put(f"/upload/{id}", params={"offset": offset}, content=data)


def test_slices_of_any_size_arrive_whole(http_: httpx.Client, engine: Engine, tmp_path: Path):
    id = engine.uploads.start("data", len(DATA)).id
    sent = 0
    for size in (1, 5000, uploads.BLOCK_BYTES, 2 * uploads.BLOCK_BYTES + 7, len(DATA)):
        answer = put(http_, id, sent, DATA[sent : sent + size])
        sent = min(sent + size, len(DATA))
        assert answer.json() == {"received": sent, "size": len(DATA)}
    assert (tmp_path / f"{id}.tmp").read_bytes() == DATA
    assert engine.largest <= uploads.BLOCK_BYTES + uploads.CHUNK_BYTES
    assert http_.get(f"/upload/{id}").json()["received"] == len(DATA)
    assert http_.delete(f"/upload/{id}").status_code == 200 and not list(tmp_path.iterdir())


def test_a_slice_that_is_refused_is_read_to_its_end_and_answered(http_: httpx.Client, engine: Engine):
    id = engine.uploads.start("data", len(DATA)).id
    assert put(http_, id, 7, DATA).status_code == 422
    assert put(http_, "0" * 32, 0, DATA).status_code == 404
    assert engine.uploads.state(id).received == 0
    assert put(http_, id, 0, DATA + b"x").status_code == 422  # more than was announced
    assert put(http_, id, 0, DATA).status_code == 404  # so it was dropped
    assert all(put(http_, id, wrong, b"x").status_code == 422 for wrong in ("", "-1", "x", "9" * 40))


def test_what_is_too_large_is_refused_before_it_comes(http_: httpx.Client):
    line = http.client.HTTPConnection("127.0.0.1", http_.base_url.port)
    line.putrequest("PUT", f"/upload/{'0' * 32}?offset=0")
    for name, value in (("Origin", f"http://127.0.0.1:{http_.base_url.port}"), ("Content-Length", str(2**40))):
        line.putheader(name, value)
    line.endheaders()
    assert line.getresponse().status in (400, 413)
    line.close()


def test_a_slice_that_only_drips_is_cut_off_and_what_came_stays(
    http_: httpx.Client, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uploads, "SLICE_S", 0.3)
    id = engine.uploads.start("data", len(DATA)).id
    head = f"PUT /upload/{id}?offset=0 HTTP/1.1\r\nOrigin: {http_.base_url}\r\nHost: {http_.base_url.netloc.decode()}"
    with socket.create_connection(("127.0.0.1", http_.base_url.port), timeout=30) as line:
        line.sendall(f"{head}\r\nContent-Length: {len(DATA)}\r\n\r\n".encode())
        line.sendall(DATA[: uploads.BLOCK_BYTES + uploads.CHUNK_BYTES])
        with suppress(OSError):
            while not select.select([line], [], [], 0.01)[0]:
                line.sendall(b"x")
            assert line.recv(1) == b""
    received = engine.uploads.state(id).received
    assert uploads.BLOCK_BYTES <= received < len(DATA)
    assert put(http_, id, received, DATA[received:]).json()["received"] == len(DATA)
