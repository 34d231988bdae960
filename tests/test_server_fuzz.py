"""Requests made from the server's own description, valid and not: never a fault of the server, and nothing changes."""

import threading
from pathlib import Path

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings

from explorer.local import LocalEngine
from explorer.readers import load
from explorer.server import make_server

TOKEN = "token"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory):
    with LocalEngine(tmp_path_factory.mktemp("home"), device="cpu") as engine:
        engine.put_signals(load("digits")[:20])
        yield engine


@pytest.fixture(scope="module")
def openapi(engine: LocalEngine):
    server = uvicorn.Server(uvicorn.Config(make_server(engine, TOKEN), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        pass
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield schemathesis.openapi.from_url(f"{address}/openapi.json", headers=HEADERS)
    server.should_exit = True
    thread.join()


def objects(home: Path) -> set[str]:
    return {path.name for path in (home / "objects").iterdir()}


@pytest.mark.parametrize(
    "examples", [4, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(7200)])], ids="{} each".format
)
def test_no_request_is_a_fault_of_the_server(openapi, engine: LocalEngine, examples: int):
    operations = [result.ok() for result in openapi.get_all_operations()]
    assert len(operations) > 20
    for operation in operations:

        @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy())
        def every_case(case: schemathesis.Case) -> None:
            check(case, engine)

        every_case()


def check(case: schemathesis.Case, engine: LocalEngine) -> None:
    before = objects(engine.home)
    response = case.call(headers=HEADERS)
    assert response.status_code < 500 or response.status_code == 507, response.text
    if not 200 <= response.status_code < 300:
        if case.method != "HEAD":
            assert response.json()["message"]
        assert objects(engine.home) == before
