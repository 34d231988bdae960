"""Requests made from the server's own description, valid and not: never a fault of the server, and nothing changes."""

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from explorer.errors import NotFound
from explorer.local import LocalEngine
from explorer.readers import load
from explorer.server import make_server

TOKEN, SEED = "token", 0
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
SLOW = ("train", "fit", "project", "keptneighbors", "evaluate", "classify", "jobs")
"""Operations that start a worker where what they name is there: few of their requests name such."""

TABLE = b"t,a\n0,1\n1,4\n2,9\n"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """With something of each kind that a request may name."""
    with LocalEngine(tmp_path_factory.mktemp("home"), device="cpu") as engine:
        digits = load("digits")[:20]
        engine.train("hypernetwork", digits, split="all", width=8, point_width=16, min_steps=1, max_steps=2)
        engine.upload(TABLE, name="table")
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


class Home:
    """What is kept, so that a change of it is seen."""

    def __init__(self, engine: LocalEngine):
        self._home = engine.home
        self._catalog = sqlite3.connect(engine.catalog.path)
        self.close = self._catalog.close

    def fingerprint(self) -> tuple[int, frozenset[tuple[str, int]]]:
        """The catalog's version, which every write raises, and all files but what recipes give again."""
        (version,) = self._catalog.execute("PRAGMA data_version").fetchone()
        folders = ("objects", "states", "quarantine", "uploads")
        files = (path for folder in folders for path in (self._home / folder).glob("*"))
        return version, frozenset((f"{path.parent.name}/{path.name}", path.stat().st_size) for path in files)


class Names:
    """What is there to be named: strings made up by a machine would never be one of them."""

    def __init__(self, engine: LocalEngine):
        self._engine = engine
        self._entries = {kind: engine.entries(kind)[0].id for kind in ("signals", "checkpoint")}
        self._entry = next(e.id for e in engine.entries("signals") if "original" in e.details)
        self._upload = ""

    def put_into(self, case: schemathesis.Case, turn: int) -> None:
        """Ids that are there, for some of those in a request."""
        if isinstance(case.path_parameters, dict) and "id" in case.path_parameters:
            case.path_parameters["id"] = self._for(case.path, turn)
        case.body = self._into(case.body)

    def _into(self, value: Any) -> Any:
        if isinstance(value, dict):
            known = {name: id for name, id in self._entries.items() if isinstance(value.get(name), str)}
            return {name: self._into(part) for name, part in value.items()} | known
        return [self._into(part) for part in value] if isinstance(value, list) else value

    def _for(self, path: str, turn: int) -> str:
        if path.startswith("/v1/jobs"):
            return next((job.id for job in self._engine.jobs()), "none")
        if path.startswith("/v1/uploads"):
            return self._uploaded(whole=turn < 5)
        return self._entry if path.startswith("/v1/originals") else self._entries["signals"]

    def _uploaded(self, whole: bool) -> str:
        """One that is whole is looked at in a process of its own, which takes long; most are not. One stays open."""
        with suppress(NotFound):
            self._engine.drop_upload(self._upload)
        upload = self._engine.start_upload("table", len(TABLE))
        self._upload = upload.id
        if whole:
            self._engine.send(upload.id, 0, [TABLE])
        return upload.id


def still(engine: LocalEngine) -> None:
    """Until nothing goes on that an earlier request began."""
    for job in engine.jobs():
        if not job.ended:
            engine.cancel_job(job.id)
    while any(not job.ended for job in engine.jobs()):
        time.sleep(0.01)
    for upload in list(engine.uploads._uploads):
        engine.drop_upload(upload)


VALID, WRONG = GenerationMode.POSITIVE, GenerationMode.NEGATIVE


PARTS = 8  # in which all operations are gone through with many examples
LONG = [
    pytest.param(
        1000, (VALID, WRONG), part, marks=[pytest.mark.slow, pytest.mark.timeout(3600)], id=f"1000 each, {part}"
    )
    for part in range(PARTS)
]


@pytest.mark.parametrize(("examples", "modes", "part"), [pytest.param(4, (VALID,), None, id="4 each"), *LONG])
def test_no_request_is_a_fault_of_the_server(
    openapi, engine: LocalEngine, examples: int, modes: tuple[GenerationMode, ...], part: int | None
):
    """What fits the description is wrong in nearly every case, and what is there to be named is put into some.

    The slow runs print how many requests there were, and how they ended.
    """
    operations = [result.ok() for result in openapi.get_all_operations()]
    assert len(operations) > 40
    operations = operations if part is None else operations[part::PARTS]
    names, ended, faults = Names(engine), Counter[int](), []
    with closing(Home(engine)) as home, requests.Session() as session:
        for operation in operations:
            began, before = time.monotonic(), ended.total()

            def ends(case: schemathesis.Case, turn: int) -> None:
                if turn < (1 if case.path.endswith(SLOW) else 50):
                    names.put_into(case, turn)
                seen = home.fingerprint()
                answer = case.call(session=session, headers=HEADERS)
                ended[answer.status_code] += 1
                assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.text}"
                if answer.status_code >= 300:
                    assert case.method == "HEAD" or answer.json()["message"], case.as_curl_command()
                    assert home.fingerprint() == seen, case.as_curl_command()
                elif case.method not in ("GET", "HEAD"):
                    still(engine)

            for mode in modes if operation.body else modes[:1]:  # any text fits a path
                every = given(operation.as_strategy(generation_mode=mode), st.integers(0, 199))(ends)
                every = settings(
                    max_examples=examples if mode.is_positive else examples // 4, deadline=None, database=None,
                    suppress_health_check=list(HealthCheck), phases=[Phase.generate],
                )(seed(SEED)(every))  # fmt: skip
                try:
                    every()
                except Exception as fault:
                    faults.append(fault)
            print(f"\n{operation.label}: {ended.total() - before} requests in {time.monotonic() - began:.0f} s", end="")
    print(f"\n{len(operations)} operations, {ended.total()} requests: {dict(sorted(ended.items()))}")
    if faults:
        raise ExceptionGroup("operations that are at fault", faults)
