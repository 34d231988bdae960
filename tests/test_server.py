"""The model server under strangers: no route without the token, no body without a limit, every refusal in words."""

import json
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import jwt
import pytest
import uvicorn

from explorer import connection
from explorer.artifacts import Artifact
from explorer.connection import Connection
from explorer.errors import InvalidInput, Unauthorized
from explorer.local import LocalEngine
from explorer.remote import RemoteEngine
from explorer.server import WRITTEN_AT_ONCE_BYTES, make_server
from explorer.tokens import opens, pass_for

TOKEN = "correct horse battery staple, and more"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def address(home: Path):
    engine = LocalEngine(home, device="cpu")
    app = make_server(engine, TOKEN)
    server = uvicorn.Server(uvicorn.Config(app, http=Connection, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        pass
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
    engine.close()


@pytest.fixture(scope="module")
def http(address: str):
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as client:
        yield client


def operations(http: httpx.Client) -> list[tuple[str, str]]:
    paths = http.get("/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def hostile_passes() -> list[str]:
    """Expired, of a token that was before, unsigned, of another kind, and one that never ends."""
    now, other = time.time(), "the token before, which was as long"
    return [
        jwt.encode({"exp": now - 1}, TOKEN),
        pass_for(other, 100),
        jwt.encode({"exp": now + 100}, None, algorithm="none"),
        jwt.encode({"exp": now + 100}, TOKEN * 2, algorithm="HS512"),
        jwt.encode({}, TOKEN),
        pass_for(TOKEN, 100)[:-1],
    ]


def test_every_route_asks_for_the_token(address: str, http: httpx.Client):
    stranger = httpx.Client(base_url=address, trust_env=False)
    routes = [*operations(http), ("GET", "/openapi.json"), ("GET", "/nowhere")]
    assert len(routes) > 20
    for method, path in routes:
        path = path.format(id="0" * 64, key="0" * 64, kind="signals")
        for given in (
            None,
            "",
            "Bearer wrong",
            "Bearer",
            f"Basic {TOKEN}",
            TOKEN,
            *map("Bearer {}".format, hostile_passes()),
        ):
            headers = {} if given is None else {"Authorization": given}
            answer = stranger.request(method, path, headers=headers)
            assert answer.status_code == 401, (method, path, headers)
    with pytest.raises(Unauthorized, match="EXPLORER_TOKEN"):
        RemoteEngine(address, "wrong").describe()


def test_a_pass_opens_until_it_ends(address: str):
    made, ended = pass_for(TOKEN, 3600), jwt.encode({"exp": time.time() - 1}, TOKEN)
    assert RemoteEngine(address, made).jobs() == [] and opens(made.encode(), TOKEN)
    with pytest.raises(Unauthorized, match="still holds"):
        RemoteEngine(address, ended).jobs()
    with pytest.raises(InvalidInput, match="expected 32"):
        pass_for("short", 100)


@pytest.mark.parametrize(
    "id", ["..", "../../etc/passwd", "%2e%2e%2f", "0" * 63, "G" * 64, "A" * 64, "a" * 64 + "/x", "C:\\x", "a\0b"]
)
def test_ids_are_hashes_never_paths(http: httpx.Client, id: str):
    for path in ("/v1/artifacts/", "/v1/results/"):
        answer = http.get(path + id.replace("\0", "%00"))
        assert answer.status_code in (404, 422)
        assert b"root:" not in answer.content


def test_bodies_are_counted_as_they_arrive(http: httpx.Client):
    def endless():
        for _ in range(64):
            yield b" " * 2**20

    answer = http.post("/v1/run/render", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert "expected less" in answer.json()["message"]
    assert http.get("/health").json() == {"status": "ok"}


def dripped(address: str, start: bytes, drops: bytes) -> tuple[bytes, int]:
    """What is answered to a request whose rest comes byte by byte, and how many of these were not waited for."""
    answer, left = b"", len(drops)
    with socket.create_connection(address.removeprefix("http://").split(":"), timeout=30) as line, suppress(OSError):
        line.sendall(start)
        for drop in drops:
            line.sendall(bytes([drop]))
            if select.select([line], [], [], 0.01 if left > 1 else 30)[0]:
                answer += (got := line.recv(2**16))
                if not got:
                    break
            left -= 1
    return answer, left


DRIPPING = f"POST /v1/run/load HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 100000"


@pytest.mark.parametrize(
    ("start", "answered"),
    [("", b"400"), (DRIPPING, b"400"), (f"{DRIPPING}\r\n\r\n", b"400"),
     (f"{DRIPPING}\r\n\r\n".replace("Bearer", "Wrong"), b"401")],
    ids=["nothing", "head", "body", "body of a stranger"],
)  # fmt: skip
def test_bytes_that_only_drip_are_not_waited_for(
    address: str, monkeypatch: pytest.MonkeyPatch, start: str, answered: bytes
):
    monkeypatch.setattr(connection, "HEAD_S", 0.3)
    monkeypatch.setattr(connection, "BODY_S", 0.3)
    answer, left = dripped(address, start.encode(), b" " * 10_000 if start else b"\n" * 10_000)
    assert answer.startswith(b"HTTP/1.1 " + answered) and left


def test_a_slow_body_is_taken_where_enough_of_it_comes(address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "BODY_S", 0.01)
    monkeypatch.setattr(connection, "BODY_BYTES", 0)
    body = b'{"name": "no such set"}'
    head = f"{DRIPPING}\r\nContent-Type: application/json\r\n\r\n".replace("100000", str(len(body)))
    assert dripped(address, head.encode(), body)[0].startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b'{"codes": ' * 5000,
        b'{"name": 3}',
        b'{"name": NaN}',
        b'{"name": "digits", "op": "train"}',
        b"\xff\xfe\x00",
    ],
)
def test_nonsense_is_refused_in_words(http: httpx.Client, body: bytes):
    for operation in ("load", "render", "encode", "project"):
        answer = http.post(f"/v1/run/{operation}", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), (operation, answer.status_code)
        assert answer.json()["message"]


def test_numbers_out_of_bounds_are_refused(http: httpx.Client):
    encode = {"checkpoint": "0" * 64, "signals": "1" * 64, "sampling": {"kind": "grid", "size": [8]}}
    for operation, fields in [
        ("render", {"codes": encode, "resolution": [10**9]}),
        ("render", {"codes": encode, "resolution": [8], "window": [[0.5, -0.5]]}),
        ("cluster", {"codes": encode, "k": -1}),
        ("neighbors", {"codes": encode, "row": -1}),
        ("encode", {**encode, "sampling": {"kind": "grid", "size": [10**12]}}),
        ("encode", {**encode, "seed": -1}),
        ("encode", {**encode, "checkpoint": "../x"}),
        ("take", {"codes": encode, "rows": [-1]}),
    ]:
        answer = http.post(f"/v1/run/{operation}", json=fields)
        assert answer.status_code == 422, (operation, fields)


def test_what_is_not_there_is_not_found(http: httpx.Client):
    encode = {"checkpoint": "0" * 64, "signals": "1" * 64, "sampling": {"kind": "grid", "size": [8]}}
    assert http.post("/v1/run/encode", json=encode).status_code == 404
    assert http.get("/v1/artifacts/" + "0" * 64).status_code == 404
    assert http.get("/v1/jobs/nothing").status_code == 404
    assert http.delete("/v1/entries/" + "0" * 64).status_code == 404


def test_an_upload_must_be_what_its_name_says(http: httpx.Client):
    data = Artifact("signals", {}, {}).to_bytes()
    for id, body in [("0" * 64, data), (Artifact("signals", {}, {}).id, data), ("0" * 64, b"not safetensors")]:
        answer = http.put(f"/v1/artifacts/{id}", params={"name": "x"}, content=body)
        assert answer.status_code == 422
        assert http.head(f"/v1/artifacts/{id}").status_code == 404
    assert http.get("/v1/entries/signals").json() == [] or all(
        e["name"] != "x" for e in http.get("/v1/entries/signals").json()
    )


def test_an_artifact_that_arrives_lies_on_the_disk_and_is_gone_when_the_line_breaks(address: str, home: Path):
    """However much is sent, little of it is in memory until all is there."""

    def arrived() -> list[int]:
        return [path.stat().st_size for path in (home / "uploads").glob("*")]

    head = f"PUT /v1/artifacts/{'0' * 64}?name=x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    with socket.create_connection(address.removeprefix("http://").split(":")) as line:
        line.sendall(f"{head}Content-Length: {2**30}\r\n\r\n".encode() + bytes(3 * WRITTEN_AT_ONCE_BYTES))
        until(lambda: sum(arrived()) >= 2 * WRITTEN_AT_ONCE_BYTES)
    until(lambda: not arrived())
    with socket.create_connection(address.removeprefix("http://").split(":")) as line:
        line.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode())
        assert line.recv(2**16).startswith(b"HTTP/1.1 422")


def until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_the_address_is_one_line_of_json(tmp_path: Path):
    import os
    import subprocess
    import sys

    child = subprocess.Popen(
        [sys.executable, "-m", "explorer", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        env={**os.environ, "EXPLORER_TOKEN": TOKEN, "EXPLORER_HOME": str(tmp_path)},
    )
    assert child.stdout
    url = json.loads(child.stdout.readline())["url"]
    assert RemoteEngine(url, TOKEN).describe()["device"]
    child.terminate()
    assert child.wait(10) in (0, -15)
