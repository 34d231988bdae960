"""Killed at random moments of uploads and deletions: every set is whole or absent, and nothing is left over.

One process stands for the dashboard: it sends what a page would, through the same engine. Struck are it, the model
server that it started, and the process in which that one decodes.
"""

import os
import random
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from explorer.artifacts import Artifact, sha256
from explorer.catalog import Catalog
from explorer.store import Store, sweep
from explorer.uploads import Uploads

SEED = 0

# Sends, takes in, deletes and brings back, for ever. Says each set once it is acknowledged, and what it will delete.
WORK = textwrap.dedent("""
    import io, sys
    import numpy as np
    from explorer.dashboard.server import ChildEngine
    from explorer.errors import ExplorerError

    engine, number = ChildEngine(), int(sys.argv[1])
    engine.describe()
    print("begun", flush=True)
    while True:
        number += 1
        buffer = io.BytesIO()
        np.savez(buffer, a=np.random.default_rng(number).integers(0, 255, (4, 64, 64), np.uint8))
        try:
            signals = engine.upload(buffer.getvalue(), name=f"set {number}")
            print("kept", signals.id, flush=True)
            if number % 2:
                print("deleting", signals.id, flush=True)
                engine.delete(signals.id)
                print("deleted", signals.id, flush=True)
        except ExplorerError:
            print("broken", flush=True)  # it was struck: said in words, and the next one goes
""")


def started_by(process: int) -> list[tuple[int, bytes]]:
    """The processes that one has started, with their commands."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(status.read_text().rpartition(")")[2].split()[1]) == process:
                found.append((int(status.parent.name), (status.parent / "cmdline").read_bytes()))
    return found


def lives(process: int) -> bool:
    """Whether it runs; one that has ended may stay listed until somebody asks how."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Dashboard:
    """The process, and what it has said."""

    def __init__(self, home: Path, number: int):
        environment = {**os.environ, "EXPLORER_HOME": str(home), "EXPLORER_DEVICE": "cpu"}
        environment.pop("EXPLORER_SERVER", None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORK, str(number)], stdout=subprocess.PIPE, text=True, env=environment
        )
        self.said: list[list[str]] = []
        assert self.process.stdout is not None and self.process.stdout.readline() == "begun\n"
        self._listener = threading.Thread(target=self._listen, args=(self.process.stdout,))
        self._listener.start()

    def _listen(self, lines: Iterator[str]) -> None:
        self.said.extend(line.split() for line in lines if line.endswith("\n"))

    @property
    def server(self) -> int:
        return next((pid for pid, command in started_by(self.process.pid) if b"serve" in command), 0)

    @property
    def decoder(self) -> int:
        return next((pid for pid, command in started_by(self.server) if b"decoder" in command), 0)

    def kept(self) -> int:
        return sum(words[0] == "kept" for words in self.said)

    def killed(self) -> list[list[str]]:
        """What it had said when it was struck. Its server has ended, too, when this returns."""
        server = self.server
        self.process.kill()
        self.process.wait()
        self._listener.join()
        while server and lives(server):
            time.sleep(0.01)
        return self.said


@contextmanager
def opened(home: Path) -> Iterator[tuple[Store, Catalog]]:
    """The home as the next start finds it."""
    store, catalog = Store(home), Catalog(home)
    sweep(home / "queues")
    Uploads(home / "uploads", lambda owner: 0).close()
    yield store, catalog
    catalog.close()


def check(home: Path, said: list[list[str]]) -> None:
    """Of all sets that were ever spoken of."""
    with opened(home) as (store, catalog):
        assert store.check() == [] and list((home / "uploads").iterdir()) == []
        assert not list(home.rglob("*.tmp"))
        listed = {entry.id: entry for entry in catalog.entries("signals")}
        for id, entry in listed.items():
            original = entry.details["original"]
            assert Artifact.from_bytes(store.get(id)).kind == "signals"
            assert len(store.get(original["id"])) == original["bytes"]
        by = {word: {words[1] for words in said if words[0] == word} for word in ("kept", "deleting", "deleted")}
        assert not by["deleted"] & set(listed), "what was deleted came back"
        assert by["kept"] - by["deleting"] <= set(listed), "what was acknowledged is lost"
        assert all(sha256(store.get(id)) == id for id in by["kept"]), "a deletion can be undone"


def strikes(home: Path, dashboards: int, servers: int, decoders: int) -> list[list[str]]:
    """Kills, each at a random moment, with a check of the home after each that ends the server."""
    chance, said, number = random.Random(SEED), [], 0
    for _ in range(dashboards):
        dashboard = Dashboard(home, number)
        number += 1000
        victims = ["server"] * (servers // dashboards) + ["decoder"] * (decoders // dashboards)
        for victim in chance.sample(victims, len(victims)):
            before, until = dashboard.kept(), time.monotonic() + chance.uniform(0, 2)
            while time.monotonic() < until or not getattr(dashboard, victim):
                time.sleep(0.002)
            with suppress(ProcessLookupError):
                os.kill(getattr(dashboard, victim), 9)
            while dashboard.kept() == before:  # service goes on
                assert dashboard.process.poll() is None
                time.sleep(0.01)
        time.sleep(chance.uniform(0, 2))
        said += dashboard.killed()
        check(home, said)
    return said


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_kills(tmp_path: Path):
    """It prints how many sets went through."""
    said = strikes(tmp_path, dashboards=20, servers=40, decoders=40)
    kept, broken = (sum(words[0] == word for words in said) for word in ("kept", "broken"))
    print(f"\n100 kills, {kept} sets kept, {broken} uploads broken off in words")
    assert kept >= 100 and broken


def test_a_kill_of_each(tmp_path: Path):
    assert strikes(tmp_path, dashboards=1, servers=1, decoders=1)
