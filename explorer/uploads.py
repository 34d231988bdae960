"""Uploads: bytes that arrive piece by piece, are looked at, and are then taken in as a signal set or dropped.

They lie in ``uploads/`` under names of their own, held open and locked as long as this process lives: what a process
that was killed left there is swept by the next one, and nothing of it was ever listed.
"""

import errno
import fcntl
import os
import tarfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from uuid import uuid4

from explorer.errors import ExplorerError, InvalidInput, NotFound, StoreError
from explorer.messages import UploadState
from explorer.readers import sandbox
from explorer.readers.files import name_of_format
from explorer.readers.inputs import from_path
from explorer.readings import FILE_LIMIT_BYTES, Options
from explorer.store import in_words, sweep

LIMIT_BYTES = int(os.environ.get("EXPLORER_UPLOAD_LIMIT_BYTES", 2 * 2**30))
"""The most that one upload may hold."""

QUOTA_BYTES = int(os.environ.get("EXPLORER_QUOTA_BYTES", 20 * 2**30))
"""The most that one visitor may have sent, taken in or not."""

IDLE_S = 6 * 3600.0
"""An upload that nobody touches for so long is dropped."""

OPEN_LIMIT = 64
_READS_KEPT_BYTES = 2**29


@dataclass
class Upload:
    """One upload. ``lock`` is held while bytes are written or read."""

    id: str
    name: str
    size: int
    owner: str
    path: Path
    file: FileIO
    received: int = 0
    touched: float = field(default_factory=time.monotonic)
    read: tuple[Options, sandbox.Read] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def state(self) -> UploadState:
        return UploadState(id=self.id, name=self.name, size=self.size, received=self.received)


class Uploads:
    """The uploads of one process.

    Args:
        folder: where the bytes lie until they are taken in.
        kept_bytes: what an owner's listed sets hold, for the quota.
    """

    def __init__(self, folder: Path, kept_bytes: Callable[[str], int]):
        self.folder, self._kept_bytes = folder, kept_bytes
        self._uploads: dict[str, Upload] = {}
        self._lock = threading.Lock()
        with in_words(f"open {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
            sweep(folder)

    def start(self, name: str, size: int, owner: str = "") -> UploadState:
        """Room for so many bytes. Raises InvalidInput for what is too large or beyond the owner's quota."""
        if not 0 < size <= LIMIT_BYTES:
            raise InvalidInput(
                f"Got {name[:200]!r} of {_megabytes(size)}; expected 1 byte to {_megabytes(LIMIT_BYTES)}. Send less."
            )
        with self._lock:
            self._drop_idle()
            mine = [upload for upload in self._uploads.values() if upload.owner == owner]
            if len(mine) >= OPEN_LIMIT:
                raise InvalidInput(f"Got a new upload beside {len(mine)} open ones; expected fewer. Drop some.")
            used = sum(upload.size for upload in mine) + self._kept_bytes(owner)
            if used + size > QUOTA_BYTES:
                raise InvalidInput(
                    f"Got {_megabytes(size)} more than the {_megabytes(used)} that are here; expected at most "
                    f"{_megabytes(QUOTA_BYTES)} in all. Delete what you no longer need."
                )
            id = uuid4().hex
            path = self.folder / f"{id}.tmp"
            with in_words(f"write {path}"):
                file = FileIO(path, "x+")
                fcntl.flock(file, fcntl.LOCK_EX)
            upload = self._uploads[id] = Upload(id, name[:1000], size, owner, path, file)
            return upload.state

    def append(self, id: str, offset: int, pieces: Iterable[bytes]) -> UploadState:
        """More bytes, from ``offset`` on, which must be where the last ones ended.

        What has arrived stays when the pieces break off: go on at the state's ``received``.
        """
        upload = self._upload(id)
        with upload.lock:
            if offset != upload.received:
                raise InvalidInput(
                    f"Got bytes from {offset} on; expected those from {upload.received} on. Ask how far it has come."
                )
            upload.read = None
            try:
                with in_words(f"write {upload.path}"):
                    upload.file.seek(offset)
                    for piece in pieces:
                        if upload.received + len(piece) > upload.size:
                            raise InvalidInput(f"Got more than the {upload.size} bytes that were announced.")
                        rest = memoryview(piece)
                        while rest:
                            written = upload.file.write(rest)
                            rest = rest[written:]
                            upload.received += written
                    if os.fstat(upload.file.fileno()).st_size != upload.received:
                        raise OSError(errno.EIO, "Not all of it is there")
            except (InvalidInput, StoreError):
                self.drop(id)  # a full disk gets its space back
                raise
            upload.touched = time.monotonic()
            return upload.state

    def state(self, id: str) -> UploadState:
        return self._upload(id).state

    def drop(self, id: str) -> None:
        """Forget an upload and its bytes; where they are being read, that ends."""
        with self._lock:
            upload = self._uploads.pop(id, None)
        if upload is None:
            raise _unknown(id)
        with in_words(f"remove {upload.path}"):
            upload.path.unlink(missing_ok=True)
        upload.file.close()

    def read(self, id: str, options: Options) -> sandbox.Read:
        """What a whole upload holds."""
        upload = self._upload(id)
        with upload.lock:
            if upload.received != upload.size:
                raise InvalidInput(
                    f"Got {upload.received} of {upload.size} bytes of {upload.name!r}; expected all. Send the rest."
                )
            upload.touched = time.monotonic()
            if upload.read is not None and upload.read[0] == options:
                return upload.read[1]
            if upload.size > FILE_LIMIT_BYTES and name_of_format(from_path(upload.path)) not in ("zip", "tar", "gzip"):
                raise InvalidInput(
                    f"Got {upload.name!r} of {_megabytes(upload.size)}; expected at most "
                    f"{_megabytes(FILE_LIMIT_BYTES)} for one file, more only in archives."
                )
            try:
                read = sandbox.read([upload.path], options, [upload.name], wanted=lambda: id in self._uploads)
            except ExplorerError:
                if id in self._uploads:
                    raise
                raise _unknown(id) from None  # it was dropped meanwhile
            upload.read = (options, read) if read.signals.artifact.nbytes < _READS_KEPT_BYTES else None
            return read

    def take(self, id: str, keep: Callable[[Upload], str]) -> str:
        """Hand the bytes over; ``keep`` moves the file away. The upload is gone afterwards."""
        upload = self._upload(id)
        with upload.lock:
            result = keep(upload)
        self.drop(id)
        return result

    def close(self) -> None:
        for id in list(self._uploads):
            self.drop(id)

    def _upload(self, id: str) -> Upload:
        with self._lock:
            if id not in self._uploads:
                raise _unknown(id)
            return self._uploads[id]

    def _drop_idle(self) -> None:
        for id, upload in list(self._uploads.items()):
            if time.monotonic() - upload.touched > IDLE_S:
                self._uploads.pop(id)
                upload.path.unlink(missing_ok=True)
                upload.file.close()


def _unknown(id: str) -> NotFound:
    return NotFound(f"Got {id[:80]!r}; expected the id of an upload that goes on. Start it again.")


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB" if size < 2**30 else f"{size / 2**30:,.2f} GiB"


def pieces_of(path: Path, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """The bytes of a file, a piece at a time."""
    with in_words(f"read {path}"), path.open("rb") as file:
        file.seek(start)
        left = (stop if stop is not None else path.stat().st_size) - start
        while left > 0 and (piece := file.read(min(left, 2**20))):
            left -= len(piece)
            yield piece


def archive_of(files: Sequence[tuple[str, Path]]) -> Iterator[bytes]:
    """Files as one tar archive, a piece at a time; each has its number before its name, since names may repeat."""
    for number, (name, path) in enumerate(files, start=1):
        plain = name.replace("\\", "/").rpartition("/")[2].replace("\0", "") or "signals"
        about = tarfile.TarInfo(f"{number:03d}-{plain}")
        about.size = path.stat().st_size
        yield about.tobuf(tarfile.PAX_FORMAT)
        yield from pieces_of(path)
        yield bytes(-about.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)
