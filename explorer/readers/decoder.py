"""The process in which untrusted bytes are decoded: one question from the standard input, one answer. ``sandbox.py``
asks.

Before the question it gives up what it does not need: memory, time, files, processes, the network.
"""

import json
import mimetypes
import os
import resource
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from explorer.errors import ExplorerError
from explorer.readers import files
from explorer.readers.inputs import Findings, from_path
from explorer.readings import Options

_FORBIDDEN = (
    "socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.exec", "os.fork", "os.posix_spawn",
    "os.system", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
    "os.chown", "shutil.rmtree", "pty.spawn", "pickle.find_class", "urllib.Request", "ftplib.connect",
)  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _limit(memory: int, seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = int(used.ru_utime + used.ru_stime + seconds) + 1
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
    ):
        with suppress(ValueError, OSError):  # where a system does not know it
            resource.setrlimit(what, (most, most))


def _close_doors(readable: list[str]) -> None:
    """Python's own ways out raise from here on; files are read, and only the source's and the libraries'."""
    roots = tuple(
        os.path.realpath(p)
        for p in (*readable, *sys.path, sys.prefix, sys.base_prefix, "/usr/share/zoneinfo", "/dev/null", "/dev/urandom")
        if p
    )

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _FORBIDDEN:
            raise PermissionError(f"reading a file led to {event}")
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, int):
                return
            if (flags or 0) & _WRITING:
                raise PermissionError("reading a file led to writing one")
            real = os.path.realpath(os.fsdecode(path))
            if not any(real == root or real.startswith(root.rstrip("/") + "/") for root in roots):
                raise PermissionError(f"reading a file led to {real}")

    sys.addaudithook(watch)


def _answer(request: dict[str, Any], out: BinaryIO) -> None:
    paths = [Path(os.fsdecode(bytes.fromhex(path))) for path in request["paths"]]
    found, kind = Findings(), "folder"
    options = Options.from_json(request["options"])
    if len(paths) == 1 and paths[0].is_dir():
        signals = files.read_path(paths[0], options, found)
    else:
        inputs = [from_path(path, label) for path, label in zip(paths, request["labels"], strict=True)]
        kind = files.name_of_format(inputs[0])
        read = files.read_file(inputs[0], options, found) if len(inputs) == 1 else None
        signals = read or files.read_files(inputs, options, found)
    arrays = [(name, np.ascontiguousarray(array)) for name, array in signals.artifact.arrays.items()]
    choices = [{"option": c.option, "among": c.among, "taken": c.taken} for c in found.choices.values()]
    head = {
        "arrays": [[name, array.dtype.str, array.shape] for name, array in arrays],
        "meta": signals.artifact.meta,
        "format": kind,
        "warnings": found.warnings,
        "choices": choices,
    }
    line = json.dumps(head).encode()
    out.write(b"%d\n" % len(line) + line)
    for _, array in arrays:  # as they lie in memory: no copy is made of what may be large
        out.write(array.reshape(-1).view(np.uint8).data)


def main() -> None:
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is of no interest
    warnings.simplefilter("ignore")
    out.write(b"ready\n")
    out.flush()
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    mimetypes.init()  # reads the system's own list, which workbooks make it look up
    _limit(int(request["memory"]), float(request["seconds"]))
    _close_doors([os.fsdecode(bytes.fromhex(path)) for path in request["paths"]])
    try:
        _answer(request, out)
    except ExplorerError as error:
        _refuse(out, type(error).__name__, str(error))
    except MemoryError:
        name, gigabytes = request["labels"][0][:200], request["memory"] / 2**30
        _refuse(
            out, "InvalidInput",
            f"Got {name!r}, which takes more than {gigabytes:.1f} GiB to read; expected less. Take a part of it.",
        )  # fmt: skip
    except Exception as error:
        name = request["labels"][0][:200]
        reason = f"{type(error).__name__}: {str(error)[:300]}"
        _refuse(out, "InvalidInput", f"Got {name!r}, which cannot be read ({reason}); expected a whole file.")
    out.flush()
    os._exit(0)


def _refuse(out: BinaryIO, kind: str, message: str) -> None:
    line = json.dumps({"error": kind, "message": message}).encode()
    out.write(b"%d\n" % len(line) + line)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
