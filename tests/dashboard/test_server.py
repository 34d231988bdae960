"""The dashboard's child server: killed at any moment, under any number of callers, it is there again."""

import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from explorer.dashboard.server import ChildEngine


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    monkeypatch.setenv("EXPLORER_DEVICE", "cpu")
    engine = ChildEngine()
    yield engine
    engine.close()


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)], ids="{} kills".format)
def test_no_caller_notices_that_the_server_was_killed(child: ChildEngine, kills: int):
    """Those least of all who ask while the next one starts."""
    child.describe()
    failures: list[Exception] = []
    answers, ended, chance = [0], threading.Event(), random.Random(0)

    def ask() -> None:
        while not ended.is_set():
            try:
                assert child.jobs() == []
                answers[0] += 1
            except Exception as error:
                failures.append(error)
                return
            time.sleep(0.01)

    callers = [threading.Thread(target=ask) for _ in range(8)]
    for caller in callers:
        caller.start()
    for _ in range(kills):
        time.sleep(chance.uniform(0.1, 1))
        before, killed = answers[0], child._server
        os.kill(killed.pid, signal.SIGKILL)
        while (child._server is killed or answers[0] < before + 50) and not failures:
            time.sleep(0.02)
    ended.set()
    for caller in callers:
        caller.join()
    assert not failures
