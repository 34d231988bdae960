"""A disk that forgets: from a trace of system calls, what is left of a folder when the power is cut in between.

Of a file stays what was there at its last ``fsync``, of a folder the names that it had at its own. What came later may
have reached the disk or not, each by itself: names without their bytes, some sectors of a write and not others.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TRACED = "openat,close,lseek,write,pwrite64,ftruncate,fsync,fdatasync,rename,unlink,mkdir,writev"
SECTOR = 512

_CALL = re.compile(r"^(\w+)\((.*)\)\s+= (\d+)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass
class File:
    """Bytes as programs see them, as they are safe, and the writes in between, as (offset, bytes)."""

    seen: bytearray = field(default_factory=bytearray)
    safe: bytes = b""
    unsafe: list[tuple[int, bytes]] = field(default_factory=list)

    def write(self, offset: int, data: bytes) -> None:
        self.seen[offset : offset + len(data)] = data
        self.unsafe += [(offset + i, data[i : i + SECTOR]) for i in range(0, len(data), SECTOR)]

    def sync(self) -> None:
        self.safe, self.unsafe = bytes(self.seen), []

    def after(self, chance: random.Random | None) -> bytes:
        """What a cut leaves: nothing that is not safe, or some sectors of it."""
        left = bytearray(self.safe)
        for offset, data in self.unsafe if chance else ():
            if chance and chance.random() < 0.5:
                left.extend(bytes(max(0, offset - len(left))))
                left[offset : offset + len(data)] = data
        return bytes(left)


class Disk:
    """Everything below one folder. Paths are relative to it; ``None`` stands for a folder."""

    def __init__(self, root: Path):
        self._root = root
        self.seen: dict[Path, File | None] = {}
        self.safe: dict[Path, File | None] = {}
        self.acknowledged = 0
        self._open: dict[int, tuple[Path, File | None, int]] = {}

    def replay(self, trace: str) -> Iterator[str]:
        """Follow a trace made with ``-xx -s`` of enough; yields each call's line once it has been followed."""
        for line in trace.splitlines():
            if match := _CALL.match(line):
                name, arguments, result = match[1], match[2], int(match[3])
                strings = [bytes.fromhex(s.replace("\\x", "")) for s in _STRING.findall(arguments)]
                getattr(self, f"_{name.removesuffix('64')}")(strings, arguments, result)
                yield line

    def left(self, where: Path, names: bool, chance: random.Random | None) -> None:
        """Make what a cut now leaves in a new folder.

        Args:
            names: whether the names that are not safe reached the disk.
            chance: draws which unsafe bytes did; none without.
        """
        where.mkdir()
        for path, file in sorted((self.seen if names else self.safe).items()):
            if file is None:
                (where / path).mkdir(parents=True, exist_ok=True)
            elif (where / path.parent).is_dir():
                (where / path).write_bytes(file.after(chance))

    def unsynced(self) -> list[str]:
        """Names that would be lost or come back, and files with bytes that would be lost, hidden and temporary ones."""
        shown = {p for p in self.seen.keys() | self.safe.keys() if p.suffix not in (".tmp", ".sqlite-shm")}
        return sorted(
            str(path)
            for path in shown
            if (path in self.seen) != (path in self.safe) or (file := self.seen.get(path)) and file.unsafe
        )

    # -- one for each call

    def _path(self, name: bytes) -> Path | None:
        path = Path(name.decode())
        return path.relative_to(self._root) if path.is_relative_to(self._root) else None

    def _fd(self, arguments: str) -> int:
        return int(re.match(r"\d+", arguments)[0])  # type: ignore[index]

    def _openat(self, strings: list[bytes], arguments: str, result: int) -> None:
        path = self._path(strings[-1])
        if path is None:
            return
        if path != Path() and path not in self.seen:
            self.seen[path] = File()
        self._open[result] = (path, self.seen.get(path), 0)

    def _close(self, strings: list[bytes], arguments: str, result: int) -> None:
        self._open.pop(self._fd(arguments), None)

    def _lseek(self, strings: list[bytes], arguments: str, result: int) -> None:
        if opened := self._open.get(self._fd(arguments)):
            self._open[self._fd(arguments)] = (*opened[:2], result)

    def _write(self, strings: list[bytes], arguments: str, result: int) -> None:
        if opened := self._open.get(self._fd(arguments)):
            path, file, offset = opened
            assert file is not None and len(strings[-1]) >= result, arguments[:200]
            file.write(offset, strings[-1][:result])
            self._open[self._fd(arguments)] = (path, file, offset + result)

    def _pwrite(self, strings: list[bytes], arguments: str, result: int) -> None:
        if opened := self._open.get(self._fd(arguments)):
            assert opened[1] is not None and len(strings[-1]) >= result, arguments[:200]
            opened[1].write(int(arguments.rpartition(", ")[2]), strings[-1][:result])

    def _ftruncate(self, strings: list[bytes], arguments: str, result: int) -> None:
        if (opened := self._open.get(self._fd(arguments))) and opened[1]:
            size = int(arguments.rpartition(", ")[2])
            opened[1].seen[size:] = bytes(max(0, size - len(opened[1].seen)))

    def _fsync(self, strings: list[bytes], arguments: str, result: int) -> None:
        if opened := self._open.get(self._fd(arguments)):
            path, file, _ = opened
            if file is not None:
                file.sync()
                return
            inside = {p: f for p, f in self.seen.items() if p.parent == path}
            self.safe = {p: f for p, f in self.safe.items() if p.parent != path} | inside

    _fdatasync = _fsync

    def _rename(self, strings: list[bytes], arguments: str, result: int) -> None:
        old, new = map(self._path, strings[-2:])
        assert old is not None and new is not None
        self.seen[new] = self.seen.pop(old)

    def _unlink(self, strings: list[bytes], arguments: str, result: int) -> None:
        self.seen.pop(self._path(strings[-1]), None)  # type: ignore[arg-type]

    def _mkdir(self, strings: list[bytes], arguments: str, result: int) -> None:
        if (path := self._path(strings[-1])) is not None and path != Path():
            self.seen[path] = None

    def _writev(self, strings: list[bytes], arguments: str, result: int) -> None:
        """What the child says of itself."""
        if strings[0].startswith(b"done "):
            self.acknowledged = int(strings[0].split()[1])
