"""Whole files of every kind, damaged at random, given to their readers for some minutes: run by hand.

    python tests/readers/fuzz.py SECONDS [SEED]

Each input is read in one other process, until it takes that down; then there is a new one. At the end it says how many
inputs there were, by their end. Seconds of a single one are of the processor.
"""

import json
import logging
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import hostile  # noqa: E402

from explorer.errors import ExplorerError  # noqa: E402
from explorer.readers.files import read_file  # noqa: E402
from explorer.readers.inputs import from_bytes  # noqa: E402
from explorer.readings import Options  # noqa: E402

LIMIT_BYTES, MEMORY_BYTES = 2**25, 2**32
WORTH = np.array([0, 1, 0x7F, 0x80, 0xFF], np.uint8)


def damaged(data: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """One to eight changes: bytes, runs, cuts, repeats, pieces of other files; mostly near the start."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        if not changed:
            break
        span = len(changed) if rng.random() < 0.4 else min(len(changed), 400)
        place = int(rng.integers(0, span))
        length = int(rng.integers(1, 17))
        kind = rng.integers(0, 7)
        if kind == 0:
            changed[place] = int(rng.integers(0, 256))
        elif kind == 1:
            changed[place] ^= 1 << int(rng.integers(0, 8))
        elif kind == 2:
            changed[place : place + length] = bytes(rng.choice(WORTH, min(length, len(changed) - place)))
        elif kind == 3:
            del changed[place : place + length]
        elif kind == 4:
            changed[place:place] = changed[place : place + length]
        elif kind == 5:
            other = others[int(rng.integers(0, len(others)))]
            start = int(rng.integers(0, len(other)))
            changed[place : place + length] = other[start : start + length]
        elif rng.random() < 0.3:
            del changed[place:]
    return bytes(changed)


def inputs(told_in: Path, kinds: dict[str, bytes], last: Path, seed: int) -> None:
    """Read one damaged file after the other, telling of each what it was, how it ended and how long it took."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries have their say there
    rng, others = np.random.default_rng(seed), list(kinds.values())
    with told_in.open("w") as told:
        while True:
            kind = str(rng.choice(list(kinds)))
            data = damaged(kinds[kind], others, rng)
            last.write_bytes(data)
            started = time.process_time()
            try:
                read_file(from_bytes("upload", data), Options(limit_bytes=LIMIT_BYTES))
                end = "load"
            except ExplorerError as error:
                end = "sentence" if "xpected" in str(error) else f"no advice: {error}"
            except MemoryError:
                end = "memory"
            except Exception as error:  # the decoder's own process would say so in a sentence
                end = f"{type(error).__name__} from {kind}: {error}"
            print(json.dumps([kind, end[:200], time.process_time() - started]), file=told, flush=True)


def main(seconds: float, seed: int) -> None:
    folder = Path(tempfile.mkdtemp())
    print(f"inputs that take the process down are kept in {folder}", flush=True)
    kinds = hostile.seeds()
    ends, slowest, crashes = Counter[str](), ("", 0.0), 0
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        told, last = folder / "told", folder / f"{crashes}"
        process = multiprocessing.get_context("fork").Process(target=inputs, args=(told, kinds, last, seed + crashes))
        process.start()
        process.join(left)
        crashed = process.exitcode is not None
        process.kill()
        process.join()
        for line in told.read_text().splitlines():
            kind, end, took = json.loads(line)
            ends[end] += 1
            slowest = max(slowest, (kind, took), key=lambda pair: pair[1])
        if crashed:
            ends[f"crash: {last}"] += 1
            crashes += 1
    print(f"{ends.total()} inputs, slowest {slowest}")
    for what, count in ends.most_common():
        print(f"  {count:7} {what}")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
