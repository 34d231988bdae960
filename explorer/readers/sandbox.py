"""Untrusted bytes are decoded in a process of their own, which may use so much memory and time and touch nothing else.

A crash there, or bytes made to fill the memory, end in a sentence here. ``decoder.py`` is the other end.
"""

import json
import math
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from explorer import errors
from explorer.artifacts import Artifact
from explorer.errors import Cancelled, ExplorerError, InvalidInput
from explorer.readers.inputs import from_path, shown
from explorer.readings import Choice, Options, Reading, reading_of
from explorer.signals import SignalSet

MEMORY_BYTES = 5 * 2**28
"""What decoding may take at the least: libraries alone reserve half of it."""

SECONDS = 10.0
"""How long decoding may take, and its answer come over; files of more than 20 MB have longer."""

_MEMORY_FOR_BYTE = 40  # JPEG unpacks to ten times its size, floats take four times that
_BYTES_A_SECOND = 2e6
_ANSWER_BYTES = 2**27  # what small files may unpack to; more takes longer to come over
_START_S = 60.0
_LOOK_EVERY_S = 0.1
_LINE_LIMIT = 40
_PIECE = 2**24
_COMMAND = ["-m", "explorer.readers.decoder"]
_KEPT_VARIABLES = (
    "PATH",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "SYSTEMROOT",
    "EXPLORER_FILE_LIMIT_BYTES",
)
_SET_VARIABLES = {
    "HDF5_PLUGIN_PATH": "::",
    "PYTHONDONTWRITEBYTECODE": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # its own reserves a GiB of addresses, and all of them are counted
}


@dataclass(frozen=True)
class Read:
    """What came out of a source."""

    signals: SignalSet
    format: str
    warnings: tuple[str, ...]
    choices: tuple[Choice, ...]

    @property
    def reading(self) -> Reading:
        return reading_of(self.signals, self.format, self.warnings, self.choices)


def read(
    paths: Sequence[Path],
    options: Options,
    labels: Sequence[str] | None = None,
    wanted: Callable[[], bool] = lambda: True,
) -> Read:
    """The signals of files, or of one folder.

    Args:
        paths: of plain files, or of one folder.
        options: what the person chose.
        labels: what to call the files, by default their names.
        wanted: asked now and then; once it is False, the process is ended.

    Raises:
        Cancelled: when it is not wanted any more.
        InvalidInput: for what cannot be read, also when it takes too much memory or time.
        NotFound: for what is not there.
        MissingExtra: for a format whose library is not installed.
    """
    labels = list(labels or [shown(path.name) for path in paths])
    memory, seconds = limits(sum(_size(path) for path in paths), options.limit_bytes)
    request = {
        "paths": [os.fsencode(path.absolute()).hex() for path in paths],
        "labels": labels,
        "options": options.to_json(),
        "memory": memory,
        "seconds": seconds,
    }
    name = labels[0] if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1} more"
    with _Decoder(name, memory, seconds, wanted) as decoder:
        answer = decoder.ask(request)
        if "error" in answer:
            kind = getattr(errors, str(answer["error"]), InvalidInput)
            raise (kind if isinstance(kind, type) and issubclass(kind, ExplorerError) else InvalidInput)(
                str(answer["message"])[:2000]
            )
        arrays = {str(name): decoder.array(dtype, shape) for name, dtype, shape in answer["arrays"]}
        signals = SignalSet.from_artifact(Artifact("signals", arrays, answer["meta"]))
    choices = tuple(Choice(option=c["option"], among=tuple(c["among"]), taken=c["taken"]) for c in answer["choices"])
    return Read(signals, str(answer["format"]), tuple(map(str, answer["warnings"])), choices)


def limits(size: int, limit_bytes: int) -> tuple[int, float]:
    """Bytes of memory and seconds that decoding may take, by the size of the source and that which a set may have."""
    memory = MEMORY_BYTES + min(_MEMORY_FOR_BYTE * size, 4 * limit_bytes)
    return memory, max(SECONDS, size / _BYTES_A_SECOND)


def _size(path: Path) -> int:
    if not path.is_dir():
        return from_path(path).size
    return sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file() and not entry.is_symlink())


class _Decoder:
    """The process, for one question."""

    def __init__(self, name: str, memory: int, seconds: float, wanted: Callable[[], bool]):
        self._name, self._memory, self._seconds, self._wanted = name[:200], memory, seconds, wanted
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MALLOC_ARENA_MAX"), "1")
        self._process = subprocess.Popen(
            [sys.executable, "-P", *_COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**kept, **single, **_SET_VARIABLES},
            cwd="/",
        )
        self._until = time.monotonic() + _START_S

    def __enter__(self) -> "_Decoder":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            try:
                stream.close()
            except OSError:
                pass  # what was not sent is of no use any more

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer's head. The time counts from when the process is ready."""
        self._line()
        self._until = time.monotonic() + self._seconds
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._ended() from None
        said = self._line()
        if not said.strip().isdigit():
            raise self._ended()
        head = self._bytes(int(said))
        try:
            return json.loads(head)
        except ValueError:
            raise self._ended() from None

    def _line(self) -> bytes:
        """A short line, byte by byte, since what follows is read to its own place."""
        line = b""
        while not line.endswith(b"\n"):
            self._wait()
            byte = os.read(self._stdout, 1)
            if not byte or len(line) > _LINE_LIMIT:
                raise self._ended()
            line += byte
        return line

    def _bytes(self, count: int) -> bytearray:
        if not 0 <= count <= self._memory:
            raise self._ended()
        data = bytearray(count)
        self._fill(memoryview(data))
        return data

    def array(self, dtype: str, shape: Sequence[int]) -> np.ndarray:
        """The next array of the answer, straight into its place."""
        if dtype not in ("|u1", "<f4", "<i8") or math.prod(shape) * 8 > 8 * self._memory or min(shape, default=0) < 0:
            raise self._ended()
        array = np.empty([int(n) for n in shape], dtype)
        self._fill(memoryview(array.reshape(-1).view(np.uint8)))  # type: ignore[arg-type]
        array.flags.writeable = False
        return array

    def _fill(self, view: memoryview) -> None:
        self._until += max(0, len(view) - _ANSWER_BYTES) / 50e6
        done = 0
        while done < len(view):
            self._wait()
            got = os.readv(self._stdout, [view[done : done + _PIECE]])
            if not got:
                raise self._ended()
            done += got

    @property
    def _stdout(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def _wait(self) -> None:
        """Until there is something to read."""
        while (left := self._until - time.monotonic()) > 0:
            if not self._wanted():
                raise Cancelled("The reading was cancelled.")
            if select.select([self._stdout], [], [], min(left, _LOOK_EVERY_S))[0]:
                return
        raise InvalidInput(
            f"Got {self._name!r}, which took longer than {self._seconds:.0f} s to read; expected less. Take a part "
            "of it, or save it in a simpler format."
        )

    def _ended(self) -> InvalidInput:
        self._process.kill()
        self._process.wait()
        return InvalidInput(
            f"Got {self._name!r}, whose decoder ended without an answer; expected a whole file that takes less than "
            f"{self._memory / 2**30:.1f} GiB to read. Take a part of it, or save it again."
        )
