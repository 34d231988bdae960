"""Whole files of every kind, damaged at random, given to their readers for some minutes: run by hand.

    python tests/readers/fuzz.py SECONDS [SEED]

Each input is read in this process, so that a crash of a library ends the run; the input that did it lies in the file
that the first line names. At the end it says how many inputs there were, by kind and by end.
"""

import logging
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


def main(seconds: float, seed: int) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    rng, last = np.random.default_rng(seed), Path(tempfile.mkdtemp()) / "last"
    print(f"inputs are kept in {last}", flush=True)
    kinds = hostile.seeds()
    others = list(kinds.values())
    inputs: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    slowest = ("", 0.0)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        name = str(rng.choice(list(kinds)))
        data = damaged(kinds[name], others, rng)
        last.write_bytes(data)
        started = time.monotonic()
        try:
            read_file(from_bytes("upload", data), Options(limit_bytes=LIMIT_BYTES))
            ends["load"] += 1
        except ExplorerError as error:
            ends["sentence" if "xpected" in str(error) else f"no advice: {error}"[:200]] += 1
        except MemoryError:
            ends["memory"] += 1
        except Exception as error:  # the decoder's own process would say so in a sentence
            ends[f"{type(error).__name__} from {name}: {error}"[:200]] += 1
        took = time.monotonic() - started
        slowest = max(slowest, (name, took), key=lambda pair: pair[1])
        inputs[name] += 1
    print(f"{inputs.total()} inputs, slowest {slowest}")
    for what, count in ends.most_common():
        print(f"  {count:7} {what}")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
