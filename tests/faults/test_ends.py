"""What is left when a process ends at once: nothing that runs, and nothing that a page cannot come back to."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

PACKAGE = Path(__file__).parents[2] / "explorer"


def family(process: int) -> set[int]:
    """All processes that one has started, and those that they have."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    found, new = set(), {process}
    while new := {child for child, parent in parents.items() if parent in new} - found:
        found |= new
    return found


def running(processes: set[int]) -> set[int]:
    """Those that have not ended; one that has may stay listed until somebody asks how."""
    found = set()
    for process in processes:
        with suppress(OSError):
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.add(process)
    return found


@pytest.mark.parametrize("answers", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["running", "starting"])
def test_when_the_dashboard_is_killed_no_server_and_no_worker_is_left(tmp_path: Path, answers: bool):
    environment = {**os.environ, "EXPLORER_HOME": str(tmp_path), "EXPLORER_DEVICE": "cpu"}
    environment.pop("EXPLORER_SERVER", None)
    log = tmp_path / "log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "panel", "serve", str(PACKAGE), "--port", "0"]
        dashboard = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    while not (match := re.search(r"running at: (http://\S+)", log.read_text())):
        assert dashboard.poll() is None, log.read_text()
        time.sleep(0.1)
    while len(family(dashboard.pid)) < (2 if answers else 1):  # the server, and once it answers a worker of its own
        time.sleep(0.05)
    if answers:
        assert httpx.get(match[1], trust_env=False, timeout=60).status_code == 200
    started = family(dashboard.pid)
    dashboard.send_signal(signal.SIGKILL)
    dashboard.wait()
    deadline = time.monotonic() + 60
    while left := running(started):
        assert time.monotonic() < deadline, [Path(f"/proc/{process}/cmdline").read_bytes() for process in left]
        time.sleep(0.05)
