"""Kills, failures and lies of the kernel at each system call of the store and the catalog.

A child process does all OPERATIONS, telling of each one that is done; strace strikes at one of its system calls. What
was told must be there afterwards, and of the operation that was struck either all or nothing.

Children are forked by one process that has imported everything (``python test_store_kills.py``), so a point costs some
30 ms and not a start of Python.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer.artifacts import sha256
from explorer.catalog import Catalog
from explorer.errors import StoreError
from explorer.messages import Entry, Load
from explorer.store import Store

A, B, C = (random.Random(i).randbytes(10_000) for i in range(3))
KEY, OTHER_KEY = sha256(b"a recipe"), sha256(b"another")
ENTRY = Entry(id=sha256(A), kind="signals", name="first", details={"count": 1})

OPERATIONS: list[Callable[[Store, Catalog], Any]] = [
    lambda store, catalog: store.put(A),
    lambda store, catalog: store.put(A),
    lambda store, catalog: catalog.add(ENTRY),
    lambda store, catalog: store.put(B, derived=True),
    lambda store, catalog: store.bind(KEY, sha256(B), {"op": "encode"}),
    lambda store, catalog: store.save_state(KEY, b"step 1" * 1000),
    lambda store, catalog: store.save_state(KEY, b"step 2" * 1000),
    lambda store, catalog: catalog.rename(ENTRY.id, "second", "a note"),
    lambda store, catalog: store.put(C),
    lambda store, catalog: store.bind(OTHER_KEY, sha256(C), {"op": "train"}),
    lambda store, catalog: store.delete(sha256(C)),
    lambda store, catalog: store.evict(0),
    lambda store, catalog: store.put(B, derived=True),
    lambda store, catalog: store.put(B),
    lambda store, catalog: store.bind(KEY, sha256(B), {"op": "encode"}),
    lambda store, catalog: catalog.add_job("queue", Load(name="digits")),
    lambda store, catalog: store.unbind(KEY),
    lambda store, catalog: store.drop_state(KEY),
    lambda store, catalog: catalog.delete(ENTRY.id),
    lambda store, catalog: catalog.restore(ENTRY.id),
    lambda store, catalog: store.put(C, derived=True),
    lambda store, catalog: store.get(sha256(C)),
]


def observe(root: Path) -> dict[str, Any]:
    """All that can be seen after a start. Nothing that is not whole, and no temporary file."""
    store, catalog = Store(root), Catalog(root)
    assert store.check() == []
    assert not [path for path in root.rglob("*") if path.suffix == ".tmp"]
    seen: dict[str, Any] = {
        f"object {name}": store.has(sha256(data)) for name, data in zip("ABC", (A, B, C), strict=True)
    }
    for name, data in zip("ABC", (A, B, C), strict=True):
        assert not seen[f"object {name}"] or store.get(sha256(data)) == data
    seen |= {"ref": store.find(KEY), "other ref": store.find(OTHER_KEY), "state": store.load_state(KEY)}
    seen |= {"entries": catalog.entries("signals"), "jobs": [job.key for job in catalog.jobs()]}
    catalog.close()
    return seen


# ---------------------------------------------------------------------------------------------------------------------
# The children


def serve_children() -> None:
    """For each folder that comes in a line: fork a child, let it wait for a signal, then do all operations there."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    for root in map(str.strip, sys.stdin):
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            _say(f"ended {status}")
        else:
            _say(f"child {os.getpid()}")
            signal.sigwait([signal.SIGUSR1])
            _operate(Path(root))
            os._exit(0)


def _operate(root: Path) -> None:
    store = catalog = None
    for number, operation in enumerate(OPERATIONS, start=1):
        for _ in range(2):  # a failure does not last: the second attempt must succeed, without a restart
            try:
                store = store or Store(root)
                catalog = catalog or Catalog(root)
                operation(store, catalog)
            except StoreError as error:
                _say(f"failed {number} {error}")
            except BaseException:
                _say("fault " + traceback.format_exc().replace("\n", " | "))
                os._exit(1)
            else:
                _say(f"done {number}")
                break


def _say(line: str) -> None:
    """By a system call that is not struck."""
    os.writev(1, [line.encode(), b"\n"])


# ---------------------------------------------------------------------------------------------------------------------
# The tests


class Children:
    def __init__(self):
        command = [sys.executable, __file__]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, root: Path, *strace: str) -> list[str]:
        """What a child told while strace watched it."""
        self.process.stdin.write(f"{root}\n")
        self.process.stdin.flush()
        child = self.process.stdout.readline().split()[1]
        command = ["strace", "-p", child, *strace]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            attached = tracer.stderr.readline()
            os.kill(int(child), signal.SIGUSR1)
            told = []
            while not (line := self.process.stdout.readline()).startswith("ended"):
                told.append(line.strip())
            tracer.stderr.read()
            if "attached" not in attached:
                pytest.skip(f"strace may not attach here: {attached}")
        return [*told, line.strip()]


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    children = Children()
    yield children
    children.process.communicate()


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What is to be seen after each number of operations."""
    root = tmp_path_factory.mktemp("truth")
    states = [observe(root)]
    for operation in OPERATIONS:
        store, catalog = Store(root), Catalog(root)
        operation(store, catalog)
        catalog.close()
        states.append(observe(root))
    return states


@pytest.fixture(scope="module")
def calls(children: Children, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int]]:
    """Every system call of the operations: its name, and the how manieth of that name it is."""
    log = tmp_path_factory.mktemp("trace") / "log"
    children.run(tmp_path_factory.mktemp("traced"), "-o", str(log))
    names = re.findall(r"^(\w+)\(", log.read_text(), re.MULTILINE)
    spared = {"writev", "rt_sigtimedwait", "exit_group"}
    return [(name, n) for name, count in Counter(names).items() if name not in spared for n in range(1, count + 1)]


def sampled(points: list[Any], request: pytest.FixtureRequest, some: int) -> list[Any]:
    """Some points spread over all, or all of them."""
    return points if request.param == "all" else random.Random(0).sample(points, some)


@pytest.fixture(params=["some", pytest.param("all", marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def kills(request: pytest.FixtureRequest, calls: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return sampled(calls, request, 25)


@pytest.fixture(params=["some", pytest.param("all", marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def failures(request: pytest.FixtureRequest, calls: list[tuple[str, int]]) -> list[tuple[str, int, str]]:
    """Calls that touch the disk, each with what the kernel may say. A short write lies about its length, too."""
    says = {
        "openat": ("EIO", "ENOSPC", "EACCES"), "write": ("EIO", "ENOSPC"), "pwrite64": ("EIO", "ENOSPC"),
        "fsync": ("EIO", "ENOSPC"), "fdatasync": ("EIO",), "rename": ("EIO", "ENOSPC", "EACCES"),
        "unlink": ("EIO", "EACCES"), "read": ("EIO",), "flock": ("EIO",), "mkdir": ("ENOSPC", "EACCES"),
    }  # fmt: skip
    points = [(name, n, f"error={error}") for name, n in calls for error in says.get(name, ())]
    points += [(name, n, "retval=100") for name, n in calls if name == "write"]
    return sampled(points, request, 25)


def done(told: list[str]) -> int:
    """The last operation that was acknowledged."""
    return max((int(line.split()[1]) for line in told if line.startswith("done")), default=0)


def test_a_kill_at_any_system_call_loses_nothing(
    children: Children, kills: list[tuple[str, int]], truth: list[dict[str, Any]], tmp_path: Path
):
    struck = 0
    for number, (name, n) in enumerate(kills):
        root = tmp_path / str(number)
        root.mkdir()
        told = children.run(root, "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={n}")
        struck += told[-1] == "ended 9"
        before = done(told)
        after, seen = min(before + 1, len(OPERATIONS)), observe(root)
        for what, value in seen.items():
            assert value in (truth[before][what], truth[after][what]), f"{what} after a kill at {name} {n}: {told}"
        shutil.rmtree(root)
    print(f"\n{len(kills)} points, {struck} killed")
    assert struck >= 0.95 * len(kills)


def test_a_failure_of_any_system_call_is_a_sentence_and_service_goes_on(
    children: Children, failures: list[tuple[str, int, str]], truth: list[dict[str, Any]], tmp_path: Path
):
    sentences = 0
    for number, (name, n, says) in enumerate(failures):
        root = tmp_path / str(number)
        root.mkdir()
        told = children.run(root, "-e", f"trace={name}", "-e", f"inject={name}:{says}:when={n}")
        point = f"{says} of {name} {n}: {told}"
        assert told[-1] == "ended 0" and done(told) == len(OPERATIONS), point
        assert observe(root) == truth[-1], point
        sentences += sum(line.startswith("failed") for line in told)
        assert all(line.endswith(".") for line in told if line.startswith("failed")), point
        shutil.rmtree(root)
    print(f"\n{len(failures)} failures, {sentences} sentences")
    assert sentences


def test_what_is_acknowledged_was_synced_first(children: Children, tmp_path: Path):
    """Write, sync, rename, sync the folder, in this order: a cut of the power loses nothing that was acknowledged."""
    log = tmp_path / "log"
    (tmp_path / "home").mkdir()
    children.run(tmp_path / "home", "-y", "-o", str(log))
    before = log.read_text().split('"done 1"')[0].replace("\n", "\0")
    id = sha256(A)
    assert re.search(
        rf"write\(\d+<[^>]*/objects/(\w+\.tmp)>.*fsync\(\d+<[^>]*/objects/\1>\).*"
        rf"rename\(\S*/objects/\1\", \S*/objects/{id}\".*fsync\(\d+<[^>]*/objects>\)",
        before,
    ), before.replace("\0", "\n")[-3000:]


if __name__ == "__main__":
    serve_children()
