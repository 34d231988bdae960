"""What is read: named bytes. A file's name is a label that people see; nothing is opened by it."""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO

from explorer.errors import InvalidInput, MissingExtra, NotFound
from explorer.readings import Choice

FILES_LIMIT = 1_000_000
_HEAD_BYTES = 4096
_UNPACKED_BYTES, _UNPACKED_RATIO = 2**27, 200


@dataclass(frozen=True, kw_only=True)
class File:
    """Bytes on the disk, or in memory where they came out of an archive.

    Args:
        label: the path that people know it by, parts divided by ``/``.
        path: where the bytes lie, or None.
        data: the bytes, where they lie on no disk.
        start, size: the part of ``path`` that is meant, for members of an archive that are stored as they are.
    """

    label: str
    path: Path | None = None
    data: bytes = field(default=b"", repr=False)
    start: int = 0
    size: int

    @property
    def name(self) -> str:
        """The last part of the label."""
        return self.label.rpartition("/")[2]

    @property
    def stem(self) -> str:
        return self.name.partition(".")[0] or self.name

    def read(self, limit: int = -1) -> bytes:
        """The bytes, or the first of them."""
        count = self.size if limit < 0 else min(limit, self.size)
        if self.path is None:
            return self.data if count == len(self.data) else self.data[:count]
        try:
            with self.path.open("rb") as stream:
                stream.seek(self.start)
                return stream.read(count)
        except OSError as error:
            raise _unopened(self.label, error) from None

    def open(self) -> IO[bytes]:
        """A stream over the bytes, which can be sought in."""
        if self.path is not None and not self.start and self.size == self.path.stat().st_size:
            return self.path.open("rb")
        return io.BytesIO(self.read())

    @property
    def head(self) -> bytes:
        """The first bytes, by which formats are told."""
        return self.read(_HEAD_BYTES)


def from_bytes(label: str, data: bytes) -> File:
    return File(label=label, data=data, size=len(data))


def from_path(path: Path, label: str | None = None) -> File:
    """Raises NotFound for what is no plain file."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise _unopened(str(path), error) from None
    if not path.is_file():
        raise NotFound(f"Got {shown(str(path))!r}, which is no plain file; expected one.")
    return File(label=shown(label or path.name), path=path, size=size)


def below(folder: Path) -> list[File]:
    """The files below a folder in order of their names: no hidden ones, no links."""
    return list(_walk(folder))


def _walk(folder: Path) -> Iterator[File]:
    count = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_symlink() or not path.is_file() or (name.startswith(".") and name not in _MARKS):
                continue
            count += 1
            if count > FILES_LIMIT:
                raise InvalidInput(f"Got more than {FILES_LIMIT} files in {shown(folder.name)!r}; take fewer.")
            yield from_path(path, path.relative_to(folder).as_posix())


_MARKS = (".zarray", ".zattrs", ".zgroup", ".zmetadata")  # hidden by name, but a format's own


def shown(name: str) -> str:
    """A file's name as text that can be shown, also where it is no UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")


def _unopened(name: str, error: OSError) -> NotFound:
    return NotFound(f"Got {shown(name)[:200]!r}, which cannot be opened ({error.strerror}); expected a file or folder.")


# ---------------------------------------------------------------------------------------------------------------------


def allowance(file: File, limit_bytes: int) -> int:
    """To how many bytes a file may unpack: what is far more than its size is made to fill the memory."""
    return min(limit_bytes, max(_UNPACKED_BYTES, _UNPACKED_RATIO * file.size))


class Findings:
    """What a reader has to say beside the signals."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.choices: dict[str, Choice] = {}

    def warn(self, sentence: str) -> None:
        if sentence not in self.warnings and len(self.warnings) < 20:
            self.warnings.append(sentence)

    def chose(self, option: str, among: list[str], taken: object) -> None:
        self.choices[option] = Choice(option=option, among=tuple(among[:1000]), taken=taken)


def refusal(file: File, reason: BaseException | str, expected: str) -> InvalidInput:
    """The sentence for a file that cannot be read."""
    said = str(reason).strip() or type(reason).__name__
    if file.path is not None:
        said = said.replace(str(file.path), file.name)
    return InvalidInput(
        f"Got {file.label[:200]!r}, which cannot be read ({said[:300]}); expected {expected}. Leave it out or save it "
        "again."
    )


def needs_extra(package: str, module: str | None = None) -> ModuleType:
    """A module of the ``files`` extra. Raises MissingExtra that says how to install it."""
    try:
        return import_module(module or package)
    except ImportError as error:
        raise MissingExtra(
            f"Got a file that {package} reads, which cannot be imported ({error}); expected it installed. "
            'Run: pip install "explorer-signals[files]"'
        ) from None
