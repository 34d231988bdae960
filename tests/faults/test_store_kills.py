"""Kills, failures and lies of the kernel at each system call of the store, the catalog and the uploads.

A child process does all OPERATIONS (``operations.py``), telling of each one that is done; strace strikes at one of its
system calls. What was told must be there afterwards, and of the operation that was struck either all or nothing.
"""

import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from operations import OPERATIONS, A, Children, done, observe

from explorer.artifacts import sha256


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    yield from Children.opened()


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
