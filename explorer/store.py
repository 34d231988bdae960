"""What is kept, as files that are whole or absent.

objects/<sha256 of the bytes>   what people made or brought: it is only deleted when asked
cache/<sha256 of the bytes>     what a recipe gives again: ``evict`` takes the least recently used
refs/<key of a recipe>          the object that the recipe gave
states/<key of a recipe>        what an unfinished training needs to go on
quarantine/<id>                 damaged objects, moved aside so that they can be made again

Ids and keys are 64 hexadecimal digits and nothing else, so no path comes from outside.
"""

import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import platformdirs

from explorer.artifacts import canonical_json, sha256
from explorer.errors import InvalidInput, NotFound, StoreError
from explorer.messages import check_hash

OBJECTS, CACHE, REFS, STATES, QUARANTINE = "objects", "cache", "refs", "states", "quarantine"
_TEMPORARY = ".tmp"


def home() -> Path:
    """Where this person's things are kept: ``EXPLORER_HOME``, or the platform's folder for user data."""
    return Path(os.environ.get("EXPLORER_HOME") or platformdirs.user_data_dir("explorer")).expanduser().absolute()


def assets_dir() -> Path:
    """What ships with the package: the copy that the wheel includes, or the repository's folder."""
    package = Path(__file__).parent
    return package / "assets" if (package / "assets").is_dir() else package.parent / "assets"


# ---------------------------------------------------------------------------------------------------------------------
# Files


def publish(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``: durable when this returns, and never seen half-written.

    Raises StoreError; then what was at ``path`` before is still there, and no temporary file is left.
    """
    with in_words(f"write {path}"):
        with temporary(path.parent) as (name, file):
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
            file.seek(0)
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256(data):
                raise OSError(errno.EIO, "The disk gave back other bytes than were written")
            os.replace(name, path)
        _sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove the temporary files of processes that were killed; those of living ones are locked, and stay."""
    for path in _listing(folder):
        if path.suffix == _TEMPORARY:
            with suppress(FileNotFoundError, BlockingIOError), open(path, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


@contextmanager
def temporary(folder: Path) -> Iterator[tuple[Path, FileIO]]:
    """A new file that other processes see as long as this one holds it; ``sweep`` removes it if this one is killed."""
    name = folder / f"{uuid4().hex}{_TEMPORARY}"
    try:
        with FileIO(name, "x+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink:
                yield name, file
                return
    finally:
        name.unlink(missing_ok=True)
    # A sweep came between the first two lines: it does so once, when a process starts.
    with temporary(folder) as again:
        yield again


def _listing(folder: Path) -> list[Path]:
    """What is in a folder. Unlike ``Path.glob``, it does not take one that cannot be read for an empty one."""
    return [folder / name for name in sorted(os.listdir(folder))]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def in_words(doing: str) -> Iterator[None]:
    """Turns the system's errors into a StoreError that says what could not be done, and what to do."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            advice = "Free some space and try again."
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            advice = "Allow it, or set EXPLORER_HOME to a folder of your own."
        else:
            advice = "Check the disk and try again."
        raise StoreError(f"Could not {doing}: {error.strerror or error}. {advice}") from error


def _files(folder: Path) -> list[Path]:
    """The finished files of a folder; none if it is absent."""
    with in_words(f"list {folder}"):
        try:
            return [path for path in _listing(folder) if path.suffix != _TEMPORARY]
        except FileNotFoundError:
            return []


def _seal(data: bytes) -> bytes:
    return sha256(data).encode() + b"\n" + data


def _unseal(path: Path) -> bytes | None:
    """What was sealed; None if it is absent or damaged."""
    with in_words(f"read {path}"):
        try:
            seal, _, data = path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
    return data if seal == sha256(data).encode() else None


def _is_sealed(path: Path) -> bool:
    return _unseal(path) is not None


def _is_hash(name: str) -> bool:
    try:
        check_hash(name)
    except InvalidInput:
        return False
    return True


# ---------------------------------------------------------------------------------------------------------------------
# The store


class Store:
    """Bytes by their hash, and recipes' results by the recipe's key. Any number of threads and processes may share one.

    Args:
        root: where to keep things; made if absent.
        shipped: a second store, only read, for what ``root`` lacks.

    Raises StoreError, in words, whenever the disk is full, forbidden or damaged; the store can be used on.
    """

    def __init__(self, root: Path, shipped: Path | None = None):
        self.root = root
        self._layers = (root,) if shipped is None else (root, shipped)
        self._refused: set[Path] = set()
        with in_words(f"open the store {root}"):
            for name in (OBJECTS, CACHE, REFS, STATES, QUARANTINE):
                (root / name).mkdir(parents=True, exist_ok=True)
                sweep(root / name)
            _sync_folder(root)

    # -- objects

    def put(self, data: bytes, *, derived: bool = False) -> str:
        """Keep bytes; their id. What is there already is not written again.

        Args:
            derived: whether a recipe makes them, so that they may be evicted.
        """
        id = sha256(data)
        folder = self.root / (CACHE if derived else OBJECTS)
        places = self._places(id) if derived else [folder / id]
        if any(self._is_whole(path) for path in places):
            # Whoever wrote it may not have come to this yet.
            with in_words(f"write {folder / id}"):
                _sync_folder(folder)
        else:
            publish(folder / id, data)
            self._refused.discard(folder / id)
        return id

    def put_file(self, path: Path) -> str:
        """Keep a file of the same disk by moving it here; its id. What is there already is not moved."""
        with in_words(f"keep {path}"):
            with open(path, "rb") as file:
                id = hashlib.file_digest(file, "sha256").hexdigest()
                os.fsync(file.fileno())
            target = self.root / OBJECTS / id
            if not self._is_whole(target):
                os.replace(path, target)
                self._refused.discard(target)
            _sync_folder(self.root / OBJECTS)
        return id

    def path(self, id: str) -> Path:
        """Where an object lies, for bytes that are too many to hold. Raises NotFound."""
        found = next((path for path in self._places(id) if path.is_file()), None)
        if found is None:
            raise NotFound(f"Got the id {id}; expected one that is kept here. Upload or compute it again.")
        return found

    def get(self, id: str) -> bytes:
        """The bytes, checked against their id. Raises NotFound, or StoreError if they are damaged; those are put aside,
        so that ``has`` and ``find`` no longer count on them."""
        damaged = None
        for path in self._places(id):
            with in_words(f"read {path}"):
                try:
                    data = path.read_bytes()
                except FileNotFoundError:
                    continue
            if sha256(data) == id:
                if path.parent == self.root / CACHE:
                    with suppress(OSError):
                        os.utime(path)
                return data
            damaged = path
            self._set_aside(path)
        if damaged:
            raise StoreError(f"Got damaged bytes in {damaged}; they were put aside. Upload or compute it again.")
        raise NotFound(f"Got the id {id}; expected one that is kept here. Upload or compute it again.")

    def has(self, id: str) -> bool:
        """Whether there is an object of that id."""
        return any(path.is_file() for path in self._places(id))

    def delete(self, id: str) -> None:
        """Remove an object and the names of it; what ships stays."""
        check_hash(id)
        self._remove({self.root / folder / id for folder in (OBJECTS, CACHE)})

    def evict(self, budget_bytes: int) -> None:
        """Remove what can be computed again, the least recently used first, until the rest fits."""
        with in_words(f"look through {self.root / CACHE}"):
            stats = []
            for path in _files(self.root / CACHE):
                with suppress(FileNotFoundError):
                    stats.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        excess = sum(size for _, size, _ in stats) - budget_bytes
        doomed = set()
        for _, size, path in sorted(stats):
            if excess <= 0:
                break
            doomed.add(path)
            excess -= size
        self._remove(doomed)

    # -- refs

    def bind(self, key: str, id: str, recipe: Mapping[str, Any]) -> None:
        """Note that a recipe gave an object. Raises NotFound if there is none of that id."""
        check_hash(key)
        if not self.has(id):
            raise NotFound(f"Got the id {id}; expected one that is kept here. Put it first.")
        publish(self.root / REFS / key, _seal(canonical_json({"object": id, "recipe": recipe}).encode()))

    def find(self, key: str) -> str | None:
        """The id of what a recipe gave, None if it is not known or no longer there."""
        check_hash(key)
        for layer in self._layers:
            id = self._target(layer / REFS / key)
            if id and self.has(id):
                return id
        return None

    def unbind(self, key: str) -> None:
        """Forget what a recipe gave."""
        check_hash(key)
        with in_words(f"remove {self.root / REFS / key}"):
            (self.root / REFS / key).unlink(missing_ok=True)
            _sync_folder(self.root / REFS)

    # -- states

    def save_state(self, key: str, data: bytes) -> None:
        """Keep what a training needs to go on, in place of what was kept before."""
        check_hash(key)
        publish(self.root / STATES / key, _seal(data))

    def load_state(self, key: str) -> bytes | None:
        """The last state, None if there is none or it is damaged."""
        check_hash(key)
        return _unseal(self.root / STATES / key)

    def drop_state(self, key: str) -> None:
        """Forget the state: the training is done."""
        check_hash(key)
        with in_words(f"remove {self.root / STATES / key}"):
            (self.root / STATES / key).unlink(missing_ok=True)
            _sync_folder(self.root / STATES)

    # -- health

    def check(self) -> list[str]:
        """Read everything, verify every hash and every ref; what is wrong, a sentence each."""
        is_sound = {OBJECTS: self._is_whole, CACHE: self._is_whole, REFS: _is_sealed, STATES: _is_sealed}
        problems = []
        for path in (path for layer in self._layers for folder in is_sound for path in _files(layer / folder)):
            try:
                if not _is_hash(path.name):
                    problems.append(f"{path} is none of the store's files.")
                elif not is_sound[path.parent.name](path) and path.exists():
                    problems.append(f"{path} is damaged.")
                elif path.parent.name == REFS and (id := self._target(path)) and not self.has(id):
                    problems.append(f"{path} names the object {id}, which is missing.")
            except StoreError as error:
                problems.append(str(error))
        return problems

    # -- inside

    def _places(self, id: str) -> list[Path]:
        check_hash(id)
        places = [layer / folder / id for layer in self._layers for folder in (OBJECTS, CACHE)]
        return [path for path in places if path not in self._refused]

    @staticmethod
    def _is_whole(path: Path) -> bool:
        """Whether the file is there and its bytes are those of its name."""
        with in_words(f"read {path}"):
            try:
                with open(path, "rb") as file:
                    return hashlib.file_digest(file, "sha256").hexdigest() == path.name
            except FileNotFoundError:
                return False

    @staticmethod
    def _target(ref: Path) -> str | None:
        """The object that a ref names, None if the ref is absent or damaged."""
        data = _unseal(ref)
        return None if data is None else json.loads(data)["object"]

    def _set_aside(self, path: Path) -> None:
        aside = self.root / QUARANTINE / path.name
        try:
            if path.parent.parent != self.root:
                raise PermissionError(errno.EROFS, "What ships is only read")
            os.replace(path, aside)
            if self._is_whole(aside):  # it was put again since it was read
                os.replace(aside, path)
        except OSError:
            self._refused.add(path)

    def _remove(self, doomed: Collection[Path]) -> None:
        """Refs before objects, so that a kill in between leaves no ref without its object."""
        if not doomed:
            return
        lost = {path.name for path in doomed if _is_hash(path.name)}
        lost -= {id for id in lost if any(path.is_file() and path not in doomed for path in self._places(id))}
        with in_words(f"remove objects from {self.root}"):
            for ref in _files(self.root / REFS) if lost else ():
                if self._target(ref) in lost:
                    ref.unlink(missing_ok=True)
            _sync_folder(self.root / REFS)
            for path in doomed:
                path.unlink(missing_ok=True)
            for folder in (OBJECTS, CACHE):
                _sync_folder(self.root / folder)
