"""Archives: zip, tar and gzip. Members are named bytes; what they unpack to is counted, and nothing is written."""

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from explorer.errors import InvalidInput
from explorer.readers.inputs import FILES_LIMIT, File, allowance, from_bytes, refusal
from explorer.readings import FILE_LIMIT_BYTES, Options

ZIP, GZIP = (b"PK\x03\x04", b"PK\x05\x06"), b"\x1f\x8b"

_PIECE = 2**20


def is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def zip_names(file: File) -> list[str]:
    """The names in a zip file. Raises InvalidInput for one that is not whole."""
    try:
        with file.open() as stream, zipfile.ZipFile(stream) as archive:
            return archive.namelist()
    except Exception as error:  # zipfile raises many kinds on bytes made to break it
        raise refusal(file, error, "a whole zip file") from None


def members(file: File, options: Options) -> list[File]:
    """The plain files of an archive, in order of their labels. Hidden ones are left out.

    Raises InvalidInput for absolute paths, paths that lead out, links, devices, encryption, and more bytes or files
    than are allowed.
    """
    unpack = _zipped if file.head[:4] in ZIP else _tarred
    try:
        found = list(unpack(file, options))
    except InvalidInput:
        raise
    except Exception as error:  # zipfile, tarfile and zlib each have their own
        raise refusal(file, error, "a whole archive") from None
    labels = [member.label for member in found]
    if len(set(labels)) != len(labels):
        raise InvalidInput(f"Got {file.label!r}, in which names repeat; expected one file for each name.")
    return sorted(found, key=lambda member: member.label)


def _zipped(file: File, options: Options) -> Iterator[File]:
    budget = _Budget(file, options.limit_bytes)
    with file.open() as stream, zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            is_link = (info.external_attr >> 16) & 0o170000 == 0o120000
            label = _label(file, info.filename, plain=not is_link)
            if info.is_dir() or not label:
                continue
            if info.flag_bits & 1:
                raise InvalidInput(f"Got {file.label!r}, which is encrypted; expected an open archive.")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise InvalidInput(f"Got {label!r} packed in a rare way; expected deflate. Pack it again.")
            with archive.open(info) as member:
                yield from_bytes(label, budget.read(member, label))


def _tarred(file: File, options: Options) -> Iterator[File]:
    budget = _Budget(file, options.limit_bytes)
    with file.open() as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
        for info in archive:
            label = _label(file, info.name, plain=info.isfile() or info.isdir())
            if not info.isfile() or not label:
                continue
            if info.issparse():
                raise InvalidInput(f"Got {label!r}, a file with holes; expected a plain one.")
            if file.path is not None:  # it lies there as it is: no copy
                budget.count(info.size, label)
                start = file.start + info.offset_data
                if start + info.size > file.start + file.size:
                    raise ValueError("its end is missing")
                yield File(label=label, path=file.path, start=start, size=info.size)
            else:
                member = archive.extractfile(info)
                assert member is not None
                data = budget.read(member, label)
                if len(data) != info.size:
                    raise ValueError("its end is missing")
                yield from_bytes(label, data)


class _Budget:
    """Counts what comes out of an archive."""

    def __init__(self, file: File, limit_bytes: int):
        self._file, self._limit = file, limit_bytes
        self._most = allowance(file, limit_bytes)
        self._bytes = self._files = 0

    def count(self, size: int, label: str) -> None:
        """Take some bytes of one file into account."""
        self._bytes += size
        if size > FILE_LIMIT_BYTES:
            raise InvalidInput(f"Got {label!r} of more than {FILE_LIMIT_BYTES} bytes; expected less for one file.")
        if self._bytes > self._limit:
            raise InvalidInput(
                f"Got {self._file.label!r}, which unpacks to more than {self._limit} bytes; expected at most that for "
                "a set. Take fewer files."
            )
        if self._bytes > self._most:
            raise InvalidInput(
                f"Got {self._file.label!r}, which unpacks to far more than its size; expected real files. Pack less."
            )

    def read(self, member: IO[bytes], label: str) -> bytes:
        self._files += 1
        if self._files > FILES_LIMIT:
            raise InvalidInput(f"Got more than {FILES_LIMIT} files in {self._file.label!r}; take fewer.")
        pieces, size = [], 0
        while piece := member.read(_PIECE):
            self.count(len(piece), label)
            size += len(piece)
            if size > FILE_LIMIT_BYTES:
                self.count(size, label)
            pieces.append(piece)
        return b"".join(pieces)


def _label(file: File, name: str, *, plain: bool) -> str:
    """A member's name as a label, "" for one to leave out. Raises InvalidInput for a name that leads elsewhere."""
    parts = name.replace("\\", "/").split("/")
    outside = parts[0] == "" or ".." in parts or "\0" in name or (len(parts[0]) == 2 and parts[0][1] == ":")
    if outside or not plain:
        what = "a path that leads out of it" if outside else "a link or device"
        raise InvalidInput(
            f"Got {file.label!r} with {what} ({name[:80]!r}); expected plain files below one folder. Pack it again."
        )
    label = "/".join(part for part in parts if part not in ("", "."))
    label = label.encode("utf-8", "replace").decode()
    last = parts[-1]
    hidden = "__MACOSX" in parts or (last.startswith(".") and not last.startswith(".z"))
    return "" if hidden else label


def inflated(file: File, options: Options) -> File:
    """The file inside a gzip file, counted as it comes out."""
    budget = _Budget(file, options.limit_bytes)
    pieces = []
    try:
        with file.open() as stream, gzip.GzipFile(fileobj=stream) as packed:
            while piece := packed.read(_PIECE):
                budget.count(len(piece), file.label)
                pieces.append(piece)
    except (OSError, EOFError, zlib.error) as error:
        raise refusal(file, error, "a whole gzip file") from None
    label = file.label.removesuffix(".gz").removesuffix(".tgz") or file.label
    return from_bytes(label, b"".join(pieces))
