"""The power is cut after any system call of the store, the catalog and the uploads: nothing that was told is lost.

The calls are those that a child really made; the cut is played afterwards, on a disk that forgets (``power.py``).
"""

import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from operations import OPERATIONS, Children, observe
from power import TRACED, Disk

LEFT = {"nothing unsafe": (False, False), "names without bytes": (True, False), "some bytes": (True, True)}


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which a child did everything, and its calls."""
    folder = tmp_path_factory.mktemp("power")
    (folder / "home").mkdir()
    for children in Children.opened():
        told = children.run(
            folder / "home", "-xx", "-s", "10000000", "-e", f"trace={TRACED}", "-o", str(folder / "log")
        )
        assert told[-1] == "ended 0"
    return folder / "home", (folder / "log").read_text()


def test_names_are_given_to_what_is_safe_and_are_safe_when_told(trace: tuple[Path, str]):
    """Write, sync, rename, sync the folder, in this order, by every way in which anything is kept."""
    disk, renames, acknowledged = Disk(trace[0]), 0, 0
    for call in disk.replay(trace[1]):
        if call.startswith("rename("):
            renames += 1
            assert not [path for path, file in disk.seen.items() if file and file.unsafe and path.suffix == ""], call
        if disk.acknowledged > acknowledged:
            acknowledged = disk.acknowledged
            assert set(disk.unsynced()) <= {"uploads"}, f"after operation {acknowledged}"
    assert renames >= 10 and acknowledged == len(OPERATIONS)


@pytest.fixture(params=["some", pytest.param("all", marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def share(request: pytest.FixtureRequest) -> float:
    return 1.0 if request.param == "all" else 0.1


def test_a_cut_of_the_power_loses_nothing(
    trace: tuple[Path, str], truth: list[dict[str, Any]], share: float, tmp_path: Path
):
    disk, chance, cuts = Disk(trace[0]), random.Random(0), 0
    for call in disk.replay(trace[1]):
        if call.startswith(("close(", "lseek(", "writev(")) or chance.random() > share:
            continue
        for how, (names, torn) in LEFT.items():
            root = tmp_path / "home"
            disk.left(root, names, chance if torn else None)
            before, seen = disk.acknowledged, observe(root)
            after = min(before + 1, len(OPERATIONS))
            for what, value in seen.items():
                where = f"{what} of {how} after {call[:60]} of operation {after}"
                assert value in (truth[before][what], truth[after][what]), where
            shutil.rmtree(root)
            cuts += 1
    print(f"\n{cuts} cuts")
    assert cuts > 20
