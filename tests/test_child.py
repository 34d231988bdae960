"""Of all the processes that want the model server of a home one starts it, and it ends with the last of them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

MEMBER = """
import sys
from explorer.child import ChildServer
server = ChildServer()
assert server.connect().describe()["device"] == "cpu"
print(server.pid, flush=True)
for line in sys.stdin:
    if line == "stop\\n":
        server.stop()
        break
"""


class Member:
    """A process that uses the model server of a home."""

    def __init__(self, home: Path):
        self.process = subprocess.Popen(
            [sys.executable, "-c", MEMBER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "EXPLORER_HOME": str(home), "EXPLORER_DEVICE": "cpu"},
        )

    def server(self) -> int:
        """The server's process, once it answers."""
        assert self.process.stdout
        return int(self.process.stdout.readline())

    def stop(self) -> None:
        self.process.communicate("stop\n", timeout=60)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def join(tmp_path: Path):
    members: list[Member] = []

    def start() -> Member:
        members.append(Member(tmp_path))
        return members[-1]

    yield start
    for member in members:
        member.kill()


def lives(process: int) -> bool:
    """Whether it has not ended; a dead child of a dead parent may still be listed."""
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_members_share_one_server_which_ends_with_the_last(join: Callable[[], Member], tmp_path: Path):
    first, second = join(), join()  # at the same moment
    server = first.server()
    assert second.server() == server
    address = tmp_path / "server" / "address"
    assert json.loads(address.read_text())["pid"] == str(server) and address.stat().st_mode & 0o077 == 0
    (first if first.process.pid == parent(server) else second).kill()  # the one that had started it
    late = join()
    assert late.server() == server
    late.stop()
    assert lives(server)
    for member in (first, second):
        member.kill()
    until(lambda: not lives(server))
    again = join()
    assert again.server() != server
    again.stop()
    assert not lives(json.loads(address.read_text())["pid"]), "the last one waits until the server has ended"


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_server_that_was_killed_is_started_again_by_one_of_its_members(join: Callable[[], Member]):
    first = join()
    server = first.server()
    os.kill(server, signal.SIGKILL)
    until(lambda: not lives(server))
    second = join()
    assert second.server() != server
