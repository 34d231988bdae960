"""What a person names, as one stream of bytes to send: a file as it is, several files or a folder as a tar archive."""

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from explorer.errors import InvalidInput, NotFound
from explorer.readers.inputs import File, below, from_bytes, from_path

_BLOCK = tarfile.BLOCKSIZE
_PIECE = 2**20


@dataclass(frozen=True)
class Parcel:
    """Named bytes whose number is known before they are read."""

    name: str
    size: int
    files: tuple[File, ...]
    packed: bool

    def pieces(self) -> Iterator[bytes]:
        """The bytes, at most a MiB at a time."""
        for file in self.files:
            if self.packed:
                yield _header(file)
            left = file.size
            with file.open() as stream:
                while left and (piece := stream.read(min(_PIECE, left))):
                    left -= len(piece)
                    yield piece
            if left:
                raise InvalidInput(f"Got {file.label!r}, which has become shorter meanwhile; send it again.")
            if self.packed:
                yield bytes(-file.size % _BLOCK)
        if self.packed:
            yield bytes(2 * _BLOCK)


def parcel(source: Any, name: str | None = None) -> Parcel:
    """A path of a file or folder, a list of files, or bytes. Raises NotFound or InvalidInput."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        file = from_bytes(name or "upload", bytes(source))
        return Parcel(file.label, file.size, (file,), packed=False)
    paths = [Path(p) for p in ([source] if isinstance(source, (str, PathLike)) else source)]
    if not paths:
        raise InvalidInput("Got no file; expected at least one.")
    missing = next((p for p in paths if not p.exists()), None)
    if missing is not None:
        raise NotFound(f"Got {str(missing)[:200]!r}, which is no file and no folder; expected one.")
    if len(paths) == 1 and not paths[0].is_dir():
        file = from_path(paths[0])
        return Parcel(name or file.name, file.size, (file,), packed=False)
    files = below(paths[0]) if len(paths) == 1 else _several(paths)
    size = sum(len(_header(f)) + f.size + -f.size % _BLOCK for f in files) + 2 * _BLOCK
    return Parcel(f"{name or paths[0].absolute().name}.tar", size, tuple(files), packed=True)


def _several(paths: Sequence[Path]) -> list[File]:
    found = []
    for path in paths:
        if path.is_dir():
            found += [File(label=f"{path.name}/{f.label}", path=f.path, size=f.size) for f in below(path)]
        else:
            found.append(from_path(path))
    return found


def _header(file: File) -> bytes:
    info = tarfile.TarInfo(file.label)
    info.size = file.size
    return info.tobuf(tarfile.PAX_FORMAT)
