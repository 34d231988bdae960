"""What store, catalog and uploads do, one operation after the other, in children that are watched by strace."""

import os
import random
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer.artifacts import sha256
from explorer.catalog import Catalog
from explorer.errors import StoreError
from explorer.messages import Entry, Load
from explorer.store import Store
from explorer.uploads import Uploads

A, B, C, D = (random.Random(i).randbytes(10_000) for i in range(4))
KEY, OTHER_KEY = sha256(b"a recipe"), sha256(b"another")
ENTRY = Entry(id=sha256(A), kind="signals", name="first", details={"count": 1})


def take_an_upload(store: Store) -> None:
    """Bytes that arrive in pieces, and are moved into the store."""
    uploads = Uploads(store.root / "uploads", lambda owner: 0)
    try:
        upload = uploads.start("name", len(D))
        uploads.append(upload.id, 0, [D[:3000], D[3000:]])
        uploads.take(upload.id, lambda sent: store.put_file(sent.path))
    finally:
        uploads.close()


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
    lambda store, catalog: take_an_upload(store),
]


def observe(root: Path) -> dict[str, Any]:
    """All that can be seen after a start. Nothing that is not whole, and no temporary file."""
    store, catalog = Store(root), Catalog(root)
    Uploads(root / "uploads", lambda owner: 0).close()
    assert store.check() == []
    assert not [path for path in root.rglob("*") if path.suffix == ".tmp"]
    seen: dict[str, Any] = {
        f"object {name}": store.has(sha256(data)) for name, data in zip("ABCD", (A, B, C, D), strict=True)
    }
    for name, data in zip("ABCD", (A, B, C, D), strict=True):
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


class Children:
    """Forked by one process that has imported everything, so a point costs some 30 ms and no start of Python."""

    def __init__(self):
        command = [sys.executable, __file__]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @classmethod
    def opened(cls) -> "Iterator[Children]":
        """A fixture's: skips the test where there is no strace."""
        if not shutil.which("strace"):
            pytest.skip("needs strace")
        children = cls()
        yield children
        children.process.communicate()

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


def done(told: list[str]) -> int:
    """The last operation that was acknowledged."""
    return max((int(line.split()[1]) for line in told if line.startswith("done")), default=0)


if __name__ == "__main__":
    serve_children()
