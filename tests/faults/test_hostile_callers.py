"""Strangers at the model server's and the dashboard's door: floods, slow bodies, hostile origins, guessed sessions."""

import base64
import json
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from explorer.child import ChildServer

PACKAGE = Path(__file__).parents[2] / "explorer"
GROWTH_LIMIT_BYTES = 100 * 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChildServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("EXPLORER_DEVICE", "cpu")
        server = ChildServer()
    with server.connect() as engine:
        engine.describe()
    yield server
    server.stop()


def peak_bytes(server: ChildServer) -> int:
    status = Path(f"/proc/{server._process.pid}/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])


def connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=30)


def head(server: ChildServer, path: str, *lines: str, token: bool = True) -> bytes:
    known = ["Authorization: Bearer " + server.token] if token else []
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *known, *lines, "", ""]).encode()


def huge_bodies(server: ChildServer, count: int) -> None:
    """Of a size that is said, and of one that is not; the second is cut off where the limit is."""
    for path in ("/v1/run/render", "/v1/jobs"):
        for _ in range(count):
            with closing(connected(server.url)) as line:
                line.sendall(head(server, path, "Content-Type: application/json", "Transfer-Encoding: chunked"))
                chunk = b"100000\r\n" + b" " * 2**20 + b"\r\n"
                try:
                    for _ in range(32):
                        line.sendall(chunk)
                except OSError:
                    pass


def slow_bodies(server: ChildServer, count: int) -> None:
    """Ever one byte more, and never the end."""
    lines = [connected(server.url) for _ in range(count)]
    for line in lines:
        line.sendall(head(server, "/v1/run/load", "Content-Type: application/json", "Content-Length: 1000000"))
    for _ in range(5):
        for line in lines:
            line.sendall(b" ")
        time.sleep(0.1)
    for line in lines:
        line.close()


def half_closed(server: ChildServer, count: int) -> None:
    """The half of a request, then nothing, while the other direction stays open."""
    lines = [connected(server.url) for _ in range(count)]
    for i, line in enumerate(lines):
        request = head(server, "/v1/run/load", "Content-Length: 50", token=bool(i % 2))
        line.sendall(request[: len(request) // (1 + i % 3)])
        line.shutdown(socket.SHUT_WR)
    for line in lines:
        line.close()


def many_parts(server: ChildServer, count: int) -> None:
    """A form of so many parts, where no form is expected."""
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Authorization": "Bearer " + server.token}
    for path in ("/v1/run/load", "/v1/jobs"):
        answer = httpx.post(server.url + path, content=part * count + b"--x--", headers=headers, trust_env=False)
        assert answer.status_code in (413, 422)


def many_headers(server: ChildServer, count: int) -> None:
    with closing(connected(server.url)) as line:
        try:
            line.sendall(head(server, "/v1/run/load", *(f"X-{i}: {'y' * 100}" for i in range(count))))
            line.recv(100)
        except OSError:
            pass


ABSURD = ("1" + "0" * 17, "9" * 30, "-1", "0x10", "1e9", "", "5, 6", "+5", "5 ")


def absurd_sizes(server: ChildServer, count: int) -> None:
    """Lengths that are none, or of which nothing comes, of whole bodies and of their chunks; and two that disagree."""
    wishes = [[f"Content-Length: {size}"] for size in ABSURD]
    wishes += [["Content-Length: 2", "Content-Length: 20"], ["Content-Length: 2", "Transfer-Encoding: chunked"]]
    for _ in range(count):
        for wish in wishes:
            with closing(connected(server.url)) as line:
                line.sendall(head(server, "/v1/run/load", *wish) + b"{}")
        for size in ("F" * 16, "F" * 40, "-1", "1" * 10_000, "5;" + "x" * 10_000):
            with closing(connected(server.url)) as line:
                line.sendall(head(server, "/v1/run/load", "Transfer-Encoding: chunked") + f"{size}\r\n{{}}".encode())


def endless_headers(server: ChildServer, count: int) -> None:
    """One header that never ends, from somebody who has no token."""
    with closing(connected(server.url)) as line:
        try:
            line.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX: ")
            for _ in range(count):
                line.sendall(b"y" * 2**20)
        except OSError:
            return
    assert count < 8, "the server took it all"


def wide_bodies(server: ChildServer, count: int) -> None:
    """As much JSON as is taken, of which every part is wrong, or many are."""
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + server.token}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False, timeout=60) as http:
        for part in ("[]", "{}", "1", "null", "0.5"):
            parts = ",".join([part] * ((count * 2**20 - 300) // (len(part) + 1)))
            for path, field in (("run/take", "rows"), ("run/edit", "edits"), ("jobs", "rows"), ("run/load", "x")):
                body = f'{{"op": "take", "codes": {CODES}, "row": 0, "name": 0, "{field}": [{parts}]}}'
                assert http.post(f"/v1/{path}", content=body).status_code in (404, 413, 422)


SAMPLING = {"kind": "grid", "size": [8]}
CODES = json.dumps({"op": "encode", "checkpoint": "0" * 64, "signals": "1" * 64, "sampling": SAMPLING})

FLOODS: list[tuple[Callable[[ChildServer, int], None], int, int]] = [
    (huge_bodies, 1, 20), (slow_bodies, 20, 200), (half_closed, 20, 200), (many_parts, 100_000, 100_000),
    (many_headers, 2_000, 50_000), (absurd_sizes, 1, 20), (endless_headers, 1, 64), (wide_bodies, 1, 4),
]  # fmt: skip


@pytest.mark.parametrize("long", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["short", "long"])
def test_floods_neither_fill_the_memory_nor_keep_others_from_an_answer(server: ChildServer, long: bool):
    """The slow run prints how long the others waited."""
    headers = {"Authorization": "Bearer " + server.token}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False, timeout=30) as http:
        http.get("/health")
        for flood, few, many in FLOODS:
            before, waited_s = peak_bytes(server), []
            # Another process: a thread would keep this one from looking at its clock.
            crowd = multiprocessing.get_context("fork").Process(target=flood, args=(server, many if long else few))
            crowd.start()
            while crowd.is_alive() or not waited_s:
                began = time.perf_counter()
                assert http.get("/health").json() == {"status": "ok"}
                waited_s.append(time.perf_counter() - began)
                time.sleep(0.01)
            crowd.join()
            assert crowd.exitcode == 0, flood.__name__
            grown = peak_bytes(server) - before
            print(f"\n{flood.__name__}: {grown / 2**20:.0f} MiB more, /health at most {1000 * max(waited_s):.0f} ms")
            assert grown < GROWTH_LIMIT_BYTES, flood.__name__


# ---------------------------------------------------------------------------------------------------------------------
# The dashboard


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    environment = {**os.environ, "EXPLORER_HOME": str(home), "EXPLORER_DEVICE": "cpu"}
    command = [sys.executable, "-m", "panel", "serve", str(PACKAGE), "--port", "0"]
    log = home / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    while not (match := re.search(r"running at: (http://\S+)", log.read_text())):
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    yield match[1]
    process.terminate()
    process.wait(30)


@pytest.fixture
def token(dashboard: str) -> str:
    """What a page that was just opened may connect with, once."""
    page = httpx.get(dashboard, trust_env=False, timeout=60).text
    return re.search(r'"token":\s*"([^"]+)"', page)[1]


def test_pages_take_no_large_bodies(dashboard: str):
    """From whoever reaches the port: each would be held in memory until its end."""
    for path in ("/", "/explorer", "/explorer/autoload.js", "/explorer/metadata", f"/explorer/upload/{'0' * 32}"):
        for method in ("GET", "POST", "PUT"):
            with closing(connected(dashboard)) as line:
                line.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {2**27}\r\n\r\n".encode())
                assert line.recv(100)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 413", b"HTTP/1.1 403"), (method, path)


def hostile_origins(port: int) -> list[str]:
    own = f"http://localhost:{port}"
    hosts = ["evil.org", "localhost.evil.org", "evil-localhost", "localhostx", "xlocalhost", "127.0.0.1.evil.org",
             "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f000001", "017700000001",
             "127.1", "localhost.", "lоcalhost".encode("idna").decode()]  # fmt: skip
    return [
        *(f"http://{host}:{port}" for host in hosts),
        f"http://localhost:{port}.evil.org", f"http://localhost:{port}@evil.org", f"http://evil.org#localhost:{port}",
        f"http://evil.org/localhost:{port}", f"http://evil.org?localhost:{port}", f"http://evil.org\\localhost:{port}",
        f"http://localhost:{port + 1}", "http://localhost", f"http://localhost:{port}0", f"http://localhost:0{port}x",
        "null", "file://", "data:", "", "*", "about:blank", f"chrome-extension://localhost{port}", f"//evil.org:{port}",
        f"{own} http://evil.org", f"http://evil.org {own}", f"http://localhost%00:{port}", "http://", "http://:",
    ]  # fmt: skip


def handshake(url: str, token: str, origin: str | None) -> tuple[int, socket.socket]:
    """The status with which the dashboard answers a websocket, and the open line."""
    parts = urlsplit(url)
    line = connected(url)
    key = base64.b64encode(os.urandom(16)).decode()
    request = [
        f"GET {parts.path}/ws HTTP/1.1", f"Host: localhost:{parts.port}", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Protocol: bokeh, {token}",
        *([] if origin is None else [f"Origin: {origin}"]), "", "",
    ]  # fmt: skip
    line.sendall("\r\n".join(request).encode())
    answer = b""
    while b"\r\n\r\n" not in answer and (more := line.recv(1)):
        answer += more
    return int(answer.split(b" ")[1]), line


def test_no_other_origin_opens_a_websocket(dashboard: str, token: str):
    origins = hostile_origins(urlsplit(dashboard).port or 0)
    assert len(set(origins)) >= 30
    for origin in origins:
        status, line = handshake(dashboard, token, origin)
        line.close()
        assert status in (400, 403), origin
    own = f"http://localhost:{urlsplit(dashboard).port}"
    status, line = handshake(dashboard, token, own)
    assert status == 101 and line.recv(1)[0] & 0x0F in (1, 2)  # a message: the page is let in
    line.close()


def forged(session: str, secret: bytes | None) -> str:
    from bokeh.util.token import generate_jwt_token

    return generate_jwt_token(session, secret_key=secret, signed=secret is not None)


@pytest.mark.parametrize("secret", [None, b"guess", b""], ids=["unsigned", "another key", "empty key"])
@pytest.mark.parametrize("origin", [True, False], ids=["own origin", "no origin"])
def test_guessed_sessions_are_refused(dashboard: str, secret: bytes | None, origin: bool):
    """Also from a program, which sends no origin at all."""
    own = f"http://localhost:{urlsplit(dashboard).port}" if origin else None
    for session in ("guess", "0" * 44, "A" * 44 + "." + "B" * 43):
        status, line = handshake(dashboard, forged(session, secret), own)
        with closing(line):
            if status == 101:
                opened = line.recv(1)
                assert not opened or opened[0] & 0x0F == 8, session  # closed at once
        answer = httpx.get(dashboard, params={"bokeh-session-id": session}, trust_env=False)
        assert answer.status_code == 403, session
