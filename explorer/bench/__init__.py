"""Speed and memory on this machine. Every ratio is taken in one run, ours and the baseline in turn, with its spread.

One file for each benchmark, whose ``run`` gives the rows; the file's name is the benchmark's.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np
import torch

from explorer.signals import SignalSet

Row = dict[str, Any]

BY_NAME_ONLY = ("page",)
"""What is left out unless it is asked for: it needs a browser."""


def benchmarks() -> tuple[str, ...]:
    """The names of all benchmarks."""
    return tuple(module.name for module in iter_modules(__path__))


def run(name: str) -> list[Row]:
    """The rows of one benchmark, or of a section of it: ``name.section``."""
    benchmark, *sections = name.split(".")
    return import_module(f"{__name__}.{benchmark}").run(*sections)


def row(
    name: str,
    metric: str,
    value: float,
    unit: str,
    baseline: str = "",
    ratio: float | None = None,
    spread: float | None = None,
) -> Row:
    """One line of the table; ``ratio`` above 1 is better than the baseline, ``spread`` half its interquartile range."""
    return dict(name=name, metric=metric, value=value, unit=unit, baseline=baseline, ratio=ratio, spread=spread)


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compared(
    ours: Callable[[], Any], baseline: Callable[[], Any], *, share: float = 1.0, rounds: int = 7
) -> tuple[float, float, float]:
    """Both in turn, after a warm-up of each.

    Args:
        share: how much of our work the baseline does; its time is scaled up.

    Returns:
        Our median seconds, the median of baseline / ours, and half the interquartile range of that ratio.
    """
    ours(), baseline()
    pairs = [(seconds(ours), seconds(baseline) / share) for _ in range(rounds)]
    low, middle, high = statistics.quantiles([theirs / mine for mine, theirs in pairs], n=4)
    return statistics.median(mine for mine, _ in pairs), middle, (high - low) / 2


def matmul_rate(dtype: torch.dtype, size: int = 2048) -> float:
    """Floating point operations a second of this machine's own large matrix product."""
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    torch.mm(a, b)
    return 2 * size**3 / min(seconds(lambda: torch.mm(a, b)) for _ in range(5))


def peak_mib(function: str) -> float:
    """The most memory that a benchmark's function, as ``name.function``, takes in a process of its own."""
    module, _, called = function.rpartition(".")
    code = (
        f"import resource, explorer.bench.{module} as bench\n"
        f"bench.{called}()\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def blocks(n: int) -> SignalSet:
    """28 x 28 images of random blocks; only their number and size matter here."""
    blocks = np.random.default_rng(0).integers(0, 256, (n, 7, 7), np.uint8)
    return SignalSet.from_grids(blocks.repeat(4, 1).repeat(4, 2), axes=["y", "x"], name="blocks")
