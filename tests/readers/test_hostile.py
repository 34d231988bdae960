"""Hostile files end in one sentence or a correct load, within their limits, and nothing else happens."""

import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import hostile
import pytest

from explorer.errors import ExplorerError, InvalidInput
from explorer.readers import sandbox
from explorer.readers.files import read_file
from explorer.readers.inputs import from_bytes
from explorer.readings import Options

BYTES, SECONDS = 2**30, 10
PARTS = 8  # in which the whole corpus is gone through


class Watch(threading.Thread):
    """The largest that any child of this process has been, looked at every few milliseconds.

    What the system counts for children that have ended includes the memory that they shared with this process before
    they began.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes, self.ended = 0, False

    def run(self) -> None:
        listing = Path(f"/proc/{os.getpid()}/task")
        while not self.ended:
            for task in listing.iterdir():
                with suppress(OSError, ValueError, IndexError):
                    for child in (task / "children").read_text().split():
                        if b"explorer.readers.decoder" in Path(f"/proc/{child}/cmdline").read_bytes():
                            status = Path(f"/proc/{child}/status").read_text()
                            self.bytes = max(self.bytes, 1024 * int(status.split("VmHWM:")[1].split()[0]))
            time.sleep(0.005)


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    watch.start()
    yield watch
    watch.ended = True


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("outside") / "canary"
    path.write_bytes(hostile.CANARY)
    return path


def busy_s() -> float:
    """Seconds of the processor that this process and those that it has waited for took."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def end_of(path: Path) -> str:
    """What becomes of a file: "" for a load, else the sentence."""
    try:
        read = sandbox.read([path], Options(), ["upload"])
    except ExplorerError as error:
        said = str(error)
        assert isinstance(error, InvalidInput) and "xpected" in said and len(said) < 1500, said
        assert hostile.CANARY.decode() not in said
        return said
    assert hostile.CANARY not in read.signals.values.tobytes()
    return ""


BOMBS = ("bomb.gz", "bomb.zip", "bomb.png", "hdf5 of 1000000000", "bomb.parquet")
SMALL = ("hdf5 external", "pickle 2.png", "playlist behind a mark", "laughs as the sheet.xlsx", "nrrd with a list")


def test_each_library_finds_room_in_the_sandbox(tmp_path):
    """Where addresses are counted, and some libraries reserve more than they use."""
    kinds = ("table.parquet", "array.h5", "array.mat", "video.mp4", "sound.ogg", "volume.nii", "mesh.ply", "table.xlsx")
    for name, data in hostile.seeds().items():
        if name in kinds:
            (tmp_path / name).write_bytes(data)
            assert end_of(tmp_path / name) == "", name


def test_a_sample_in_the_sandbox(canary, tmp_path):
    files = {name: hostile.bombs()[name]() for name in BOMBS}
    files |= {name: data for name, data in hostile.small(str(canary)) if name in SMALL}
    assert len(files) == len(BOMBS) + len(SMALL)
    for i, (name, data) in enumerate(files.items()):
        (tmp_path / f"{i}").write_bytes(data)
        assert end_of(tmp_path / f"{i}"), name
    assert not Path("/tmp/explorer-was-here").exists()


@pytest.mark.filterwarnings("ignore")
def test_cut_and_changed_files_in_this_process(canary):
    """Small ones, by the readers alone: half a second for each process would be too long."""
    ends = {"load": 0, "sentence": 0}
    for name, data in list(hostile.small(str(canary)))[::3]:
        if len(data) > 50_000 or "sound" in name or "video" in name:
            continue  # to libraries that may take the process down
        try:
            read_file(from_bytes("upload", data), Options(limit_bytes=2**24))
            ends["load"] += 1
        except ExplorerError as error:
            assert "xpected" in str(error), (name, error)
            ends["sentence"] += 1
    assert ends["sentence"] > 100


def test_what_takes_too_long_is_ended(tmp_path, monkeypatch):
    """The sandbox looks at the clock itself, so that no test has to."""
    endless = (
        "import sys, time; print('ready', flush=True); sys.stdin.readline(); print('9', flush=True); time.sleep(600)"
    )
    monkeypatch.setattr(sandbox, "SECONDS", 0.2)
    monkeypatch.setattr(sandbox, "_COMMAND", ["-c", endless])
    (tmp_path / "x").write_bytes(b"a,b")
    assert "took longer" in end_of(tmp_path / "x")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
def test_all_in_the_sandbox(canary, tmp_path, watch, part):
    """With -s it says how many there were, and the worst of them.

    Seconds are of the processor: the decoder's clock goes on while a busy machine lets it wait.
    """
    ends: dict[str, str] = {}
    slowest, largest = ("", 0.0), 0
    for i, (name, data) in enumerate(islice(hostile.corpus(str(canary)), part, None, PARTS)):
        path = tmp_path / f"{i}"
        path.write_bytes(data)
        assert sandbox.limits(len(data), Options().limit_bytes)[1] <= SECONDS, name
        before = busy_s()
        ends[name] = end_of(path)
        slowest = max(slowest, (name, busy_s() - before), key=lambda pair: pair[1])
        path.unlink()
        largest = max(largest, watch.bytes)
        assert largest < BYTES, (name, largest)
    assert len(ends) >= 500 / PARTS
    loads = [name for name, said in ends.items() if not said]
    assert not {name: said for name, said in ends.items() if said and name.startswith("whole/")}
    assert not Path("/tmp/explorer-was-here").exists()
    late = [name for name, said in ends.items() if "took longer" in said]
    print(f"\n{len(ends)} files, {len(loads)} load, slowest {slowest}, largest {largest / 2**20:.0f} MiB, late: {late}")
