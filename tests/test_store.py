"""The store keeps what it acknowledged, shows nothing that is not whole, and says in words what it cannot do."""

import errno
import os
import random
import resource
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from explorer.artifacts import sha256
from explorer.errors import InvalidInput, NotFound, StoreError
from explorer.store import CACHE, OBJECTS, QUARANTINE, REFS, STATES, Store, assets_dir, home, publish, sweep, temporary

KEY = sha256(b"a recipe")
DATA = random.Random(0).randbytes(5000)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def temporaries(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.suffix == ".tmp"]


def flipped(data: bytes, bit: int) -> bytes:
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


# -- what is kept


@pytest.mark.parametrize("derived", [False, True])
@pytest.mark.parametrize("data", [b"", b"x", DATA, bytes(2**21)], ids=len)
def test_what_is_put_is_got(store: Store, data: bytes, derived: bool):
    id = store.put(data, derived=derived)
    assert id == sha256(data)
    assert store.get(id) == data
    assert (store.root / (CACHE if derived else OBJECTS) / id).read_bytes() == data
    assert not temporaries(store.root)


def test_what_is_there_is_not_written_again(store: Store):
    id = store.put(DATA)
    before = (store.root / OBJECTS / id).stat()
    store.put(DATA)
    store.put(DATA, derived=True)
    assert (store.root / OBJECTS / id).stat().st_mtime_ns == before.st_mtime_ns
    assert not (store.root / CACHE / id).exists()


def test_what_was_only_derived_is_kept_once_it_is_brought(store: Store):
    id = store.put(DATA, derived=True)
    store.put(DATA)
    store.evict(0)
    assert store.get(id) == DATA


def test_a_recipe_finds_its_result(store: Store):
    assert store.find(KEY) is None
    id = store.put(DATA, derived=True)
    store.bind(KEY, id, {"op": "encode"})
    assert store.find(KEY) == Store(store.root).find(KEY) == id
    store.unbind(KEY)
    assert store.find(KEY) is None
    with pytest.raises(NotFound, match="Put it first"):
        store.bind(KEY, sha256(b"never put"), {})


def test_what_is_deleted_is_gone_with_its_names(store: Store):
    id = store.put(DATA)
    store.bind(KEY, id, {})
    store.delete(id)
    store.delete(id)
    assert not store.has(id) and store.find(KEY) is None and store.check() == []
    with pytest.raises(NotFound, match="Upload or compute"):
        store.get(id)


def test_eviction_takes_the_least_recently_used_and_nothing_that_people_made(store: Store):
    made = store.put(b"made" * 100)
    old, used, new = (store.put(bytes([i]) * 1000, derived=True) for i in range(3))
    for age, id in enumerate((new, old, used), start=1):
        os.utime(store.root / CACHE / id, (0, 10**9 - age * 10**6))
        store.bind(sha256(id.encode()), id, {})
    store.get(used)
    store.evict(2000)
    assert [store.has(id) for id in (old, used, new, made)] == [False, True, True, True]
    assert store.find(sha256(old.encode())) is None and store.check() == []
    store.evict(0)
    assert [store.has(id) for id in (used, new, made)] == [False, False, True]


def test_states_are_replaced_whole(store: Store):
    assert store.load_state(KEY) is None
    for data in (b"step 1", b"", DATA):
        store.save_state(KEY, data)
        assert store.load_state(KEY) == data
    store.drop_state(KEY)
    store.drop_state(KEY)
    assert store.load_state(KEY) is None


@pytest.mark.parametrize(
    "id",
    ["", "../../etc/passwd", "/etc/passwd", "A" * 64, "g" * 64, "a" * 63, "a" * 65, "a" * 63 + "\n", "a" * 63 + "\0"],
)
def test_ids_are_never_paths(store: Store, id: str):
    calls = [
        store.get, store.has, store.delete, store.find, store.unbind, store.load_state, store.drop_state,
        lambda id: store.bind(id, KEY, {}), lambda id: store.bind(KEY, id, {}), lambda id: store.save_state(id, b""),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(InvalidInput, match="64 hexadecimal digits"):
            call(id)


# -- what ships


def test_what_ships_is_found_but_never_changed(tmp_path: Path):
    shipped = Store(tmp_path / "shipped")
    id = shipped.put(DATA, derived=True)
    shipped.bind(KEY, id, {})
    before = {path: path.stat().st_mtime_ns for path in shipped.root.rglob("*")}
    store = Store(tmp_path / "home", shipped.root)
    assert store.find(KEY) == id and store.get(id) == DATA
    store.put(DATA, derived=True)
    assert not (store.root / CACHE / id).exists()
    store.put(DATA)
    assert (store.root / OBJECTS / id).exists()
    store.delete(id)
    store.evict(0)
    assert store.get(id) == DATA and store.check() == []
    assert {path: path.stat().st_mtime_ns for path in shipped.root.rglob("*")} == before


def test_a_damaged_shipped_object_can_be_made_again(tmp_path: Path):
    shipped = Store(tmp_path / "shipped")
    id = shipped.put(DATA)
    shipped.bind(KEY, id, {})
    (shipped.root / OBJECTS / id).write_bytes(flipped(DATA, 77))
    store = Store(tmp_path / "home", shipped.root)
    with pytest.raises(StoreError, match="damaged"):
        store.get(id)
    assert store.find(KEY) is None
    store.put(DATA, derived=True)
    assert store.find(KEY) == id and store.get(id) == DATA


def test_the_shipped_folder_may_be_absent(tmp_path: Path):
    assert Store(tmp_path / "home", tmp_path / "none").find(KEY) is None


def test_home_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.delenv("EXPLORER_HOME")
    assert home().is_absolute() and "explorer" in home().name
    assert assets_dir().is_dir()


# -- damage


@pytest.mark.parametrize(
    ("flips", "truncations"), [(500, 50), pytest.param(10_000, 1_000, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_damaged_objects_are_caught(store: Store, flips: int, truncations: int):
    """They are never given, are put aside, and can be put again."""
    id, chance = store.put(DATA), random.Random(1)
    bits, lengths = chance.sample(range(8 * len(DATA)), flips), chance.sample(range(len(DATA)), truncations)
    for damaged in [*(flipped(DATA, bit) for bit in bits), *(DATA[:length] for length in lengths)]:
        (store.root / OBJECTS / id).write_bytes(damaged)
        with pytest.raises(StoreError, match="damaged bytes .* put aside"):
            store.get(id)
        assert not store.has(id)
    assert (store.root / QUARANTINE / id).exists()
    store.put(DATA)
    assert store.get(id) == DATA


def test_damaged_refs_and_states_count_as_absent(store: Store):
    id = store.put(DATA, derived=True)
    store.bind(KEY, id, {"op": "encode", "seed": 3})
    store.save_state(KEY, b"a state of some length")
    for path, load in ((store.root / REFS / KEY, store.find), (store.root / STATES / KEY, store.load_state)):
        whole = path.read_bytes()
        bits, lengths = range(0, 8 * len(whole), 5), range(0, len(whole), 5)
        for damaged in [*(flipped(whole, bit) for bit in bits), *(whole[:length] for length in lengths)]:
            path.write_bytes(damaged)
            assert load(KEY) is None
        assert store.check() == [f"{path} is damaged."]
        path.write_bytes(whole)
        assert load(KEY)


def test_check_names_all_that_is_wrong(store: Store):
    damaged, lost = store.put(b"1"), store.put(b"2", derived=True)
    store.bind(KEY, lost, {})
    (store.root / OBJECTS / damaged).write_bytes(b"other")
    (store.root / CACHE / lost).unlink()
    (store.root / OBJECTS / "README").write_text("hello")
    problems = " ".join(store.check())
    assert f"{damaged} is damaged" in problems
    assert f"{KEY} names the object {lost}, which is missing" in problems
    assert "README is none of the store's files" in problems
    assert len(store.check()) == 3


def test_putting_again_repairs(store: Store):
    id = store.put(DATA)
    (store.root / OBJECTS / id).write_bytes(DATA[:-1])
    store.put(DATA)
    assert store.get(id) == DATA


# -- faults. Kills at every system call stand in tests/faults.


@contextmanager
def largest_file_is_4_kb():
    """The disk takes the first 4 KB of a file, so a write is short, and nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_short_write_is_a_sentence_and_leaves_nothing(store: Store):
    store.save_state(KEY, b"before")
    for call in (store.put, lambda data: store.save_state(KEY, data)):
        with largest_file_is_4_kb(), pytest.raises(StoreError, match="Free some space"):
            call(DATA)
    assert not temporaries(store.root) and not store.has(sha256(DATA))
    assert store.load_state(KEY) == b"before" and store.check() == []
    assert store.get(store.put(DATA[:4096])) == DATA[:4096]


@pytest.fixture
def small_disk(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_a_sentence_and_service_goes_on(small_disk: Path):
    store, kept = Store(small_disk), []
    with pytest.raises(StoreError, match="Free some space"):
        for i in range(1000):
            kept.append(store.put(random.Random(i).randbytes(20_000), derived=True))
    assert len(kept) > 5 and not temporaries(small_disk) and store.check() == []
    assert all(sha256(store.get(id)) == id for id in kept)
    store.evict(20_000)
    assert store.has(store.put(DATA))


def test_a_forbidden_home_is_a_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Could not open the store"):
        Store(tmp_path / "file")
    if os.geteuid():
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(StoreError, match="EXPLORER_HOME"):
            Store(tmp_path / "locked" / "home")


def test_other_bytes_on_the_disk_than_were_written_are_noticed(store: Store, monkeypatch: pytest.MonkeyPatch):
    """A write that claims more than it did: what is published was read back first."""
    fsync = os.fsync

    def fsync_and_lose(descriptor: int) -> None:
        fsync(descriptor)
        if not os.path.isdir(f"/proc/self/fd/{descriptor}"):
            os.ftruncate(descriptor, 10)

    monkeypatch.setattr(os, "fsync", fsync_and_lose)
    with pytest.raises(StoreError, match="other bytes"):
        store.put(DATA)
    assert not store.has(sha256(DATA)) and not temporaries(store.root)


def test_an_unknown_fault_is_still_a_sentence(store: Store, monkeypatch: pytest.MonkeyPatch):
    def fails(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(StoreError, match="Input/output error. Check the disk"):
        store.put(DATA)
    assert not temporaries(store.root)


def test_publish_replaces_whole_or_not_at_all(tmp_path: Path):
    publish(tmp_path / "file", b"first")
    with largest_file_is_4_kb(), pytest.raises(StoreError):
        publish(tmp_path / "file", DATA)
    assert (tmp_path / "file").read_bytes() == b"first"
    publish(tmp_path / "file", b"second")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"second"


def test_a_sweep_takes_dead_temporary_files_and_leaves_living_ones(tmp_path: Path):
    (tmp_path / "dead.tmp").write_bytes(b"half")
    with temporary(tmp_path) as (living, _):
        sweep(tmp_path)
        assert list(tmp_path.iterdir()) == [living]
    assert not list(tmp_path.iterdir())


WRITER = """
import random, sys
from pathlib import Path
from explorer.store import Store
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for i in range(150):
    store.put(random.Random(i).randbytes(3000), derived=i % 2 == 0)
    store.save_state("a" * 64, bytes([i]) * 3000)
    if i % 10 == 0:
        Store(Path(sys.argv[1]))
"""


def test_processes_that_write_the_same_do_not_disturb_each_other(tmp_path: Path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen(command, **pipes) for _ in range(3)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    store = Store(tmp_path)
    assert store.check() == [] and not temporaries(tmp_path)
    for i in range(150):
        data = random.Random(i).randbytes(3000)
        assert store.get(sha256(data)) == data
    assert store.load_state("a" * 64) == bytes([149]) * 3000


# -- all operations in any order


class StoreMachine(RuleBasedStateMachine):
    """The store against what a dictionary would do."""

    ids = Bundle("ids")
    keys = st.sampled_from([sha256(bytes([i])) for i in range(4)])

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name))
        self.made: dict[str, bytes] = {}
        self.derived: dict[str, bytes] = {}
        self.refs: dict[str, str] = {}
        self.states: dict[str, bytes] = {}

    def teardown(self):
        self.folder.cleanup()

    def known(self, id: str) -> bytes | None:
        return self.made.get(id, self.derived.get(id))

    def forget_refs(self):
        self.refs = {key: id for key, id in self.refs.items() if self.known(id) is not None}

    @rule(target=ids, data=st.binary(min_size=1, max_size=40), derived=st.booleans())
    def put(self, data: bytes, derived: bool) -> str:
        id = self.store.put(data, derived=derived)
        if not derived:
            self.made[id] = data
        elif id not in self.made:
            self.derived[id] = data
        return id

    @rule(id=ids)
    def get(self, id: str):
        if self.known(id) is None:
            with pytest.raises(NotFound):
                self.store.get(id)
        else:
            assert self.store.get(id) == self.known(id)

    @rule(id=ids)
    def delete(self, id: str):
        self.store.delete(id)
        self.made.pop(id, None)
        self.derived.pop(id, None)
        self.forget_refs()

    @rule()
    def evict(self):
        self.store.evict(0)
        self.derived.clear()
        self.forget_refs()

    @rule(key=keys, id=ids)
    def bind(self, key: str, id: str):
        if self.known(id) is None:
            with pytest.raises(NotFound):
                self.store.bind(key, id, {})
        else:
            self.store.bind(key, id, {"op": "encode"})
            self.refs[key] = id

    @rule(key=keys)
    def unbind(self, key: str):
        self.store.unbind(key)
        self.refs.pop(key, None)

    @rule(key=keys, data=st.binary(max_size=40))
    def save_state(self, key: str, data: bytes):
        self.store.save_state(key, data)
        self.states[key] = data

    @rule(key=keys)
    def drop_state(self, key: str):
        self.store.drop_state(key)
        self.states.pop(key, None)

    @rule(id=ids, bit=st.integers(0, 7))
    def damage(self, id: str, bit: int):
        places = [self.store.root / folder / id for folder in (OBJECTS, CACHE)]
        data = self.known(id)
        if not data:
            return
        for path in places:
            if path.exists():
                path.write_bytes(flipped(data, bit))
        assert any("damaged" in problem for problem in self.store.check())
        with pytest.raises(StoreError, match="damaged"):
            self.store.get(id)
        assert not self.store.has(id)
        for key, bound in self.refs.items():
            if bound == id:
                assert self.store.find(key) is None
        self.delete(id)

    @rule()
    def reopen(self):
        self.store = Store(self.store.root)

    @invariant()
    def what_is_known_is_there(self):
        assert self.store.check() == []
        assert not temporaries(self.store.root)
        for key in (sha256(bytes([i])) for i in range(4)):
            assert self.store.find(key) == self.refs.get(key)
            assert self.store.load_state(key) == self.states.get(key)


StoreMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestStoreMachine = StoreMachine.TestCase
