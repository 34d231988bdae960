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


# How many processes are to be there: the server, and once it answers a worker of its own; and what was forked.
@pytest.mark.parametrize(
    ("started", "options", "end"),
    [
        pytest.param(2, [], signal.SIGKILL, id="running"),
        pytest.param(1, [], signal.SIGKILL, id="starting", marks=pytest.mark.slow),
        pytest.param(4, ["--num-procs", "2"], signal.SIGTERM, id="two processes"),
        pytest.param(4, ["--num-procs", "2"], signal.SIGKILL, id="two processes, killed", marks=pytest.mark.slow),
    ],
)
def test_when_the_dashboard_ends_no_server_and_no_worker_is_left(
    tmp_path: Path, started: int, options: list[str], end: signal.Signals
):
    environment = {**os.environ, "EXPLORER_HOME": str(tmp_path), "EXPLORER_DEVICE": "cpu"}
    environment.pop("EXPLORER_SERVER", None)
    log = tmp_path / "log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "panel", "serve", str(PACKAGE), "--port", "0", *options]
        dashboard = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    while not (match := re.search(r"running at: (http://\S+)", log.read_text())):
        assert dashboard.poll() is None, log.read_text()
        time.sleep(0.1)
    while len(family(dashboard.pid)) < started:
        time.sleep(0.05)
    if started > 1:
        assert httpx.get(match[1], trust_env=False, timeout=60).status_code == 200
    those = family(dashboard.pid)
    dashboard.send_signal(end)
    dashboard.wait()
    deadline = time.monotonic() + 60
    while left := running(those):
        assert time.monotonic() < deadline, [Path(f"/proc/{process}/cmdline").read_bytes() for process in left]
        time.sleep(0.05)
