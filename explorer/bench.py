"""Speed and memory on this machine. Every ratio is taken in one run, ours and the baseline in turn, with its spread."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from explorer.codes import Checkpoint
from explorer.nets.precision import matmul_dtype
from explorer.representations import base
from explorer.signals import Observations, SignalSet

Row = dict[str, Any]


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


def _images(n: int) -> SignalSet:
    """28 x 28 images of random blocks; only their number and size matter here."""
    blocks = np.random.default_rng(0).integers(0, 256, (n, 7, 7), np.uint8)
    return SignalSet.from_grids(blocks.repeat(4, 1).repeat(4, 2), axes=["y", "x"], name="blocks")


def _encoder(images: SignalSet) -> tuple[base.Representation, Checkpoint]:
    method = base.get("hypernetwork")
    return method, method.train(method.config(overrides={"steps": 5}), images[:64], seed=0)


def encode() -> list[Row]:
    """10,000 images of 28 x 28 through the hypernetwork, against the same encoder one signal at a time."""
    name, n, some = "encode 28x28", 10_000, 500
    images = _images(n)
    method, checkpoint = _encoder(images)
    every, singles = Observations(images), [Observations(images[i]) for i in range(some)]

    def one_at_a_time() -> None:
        for single in singles:
            method.encode(checkpoint, single)

    taken, ratio, spread = compared(lambda: method.encode(checkpoint, every), one_at_a_time, share=some / n)
    width, dtype = checkpoint.config["point_width"], matmul_dtype("cpu")
    # What each point costs: its value and two square layers; the layer of its coordinates is shared by all signals.
    operations = n * every.points * 2 * (images.m * width + 2 * width * width)
    share = operations / taken / matmul_rate(dtype)
    return [
        row(name, "throughput", n / taken, "signals/s", "one signal at a time", ratio, spread),
        row(name, "share of matrix-product rate", share, str(dtype).removeprefix("torch.")),
        row("encode 28x28 at 112", "peak memory, 70,000 signals", _peak_mib("encode_many"), "MiB"),
    ]


def encode_many() -> None:
    """The work whose memory is measured: 70,000 images seen at 112 x 112."""
    images = _images(70_000)
    method, checkpoint = _encoder(images)
    method.encode(checkpoint, Observations(images, 112))


def _peak_mib(function: str) -> float:
    """The most memory that a function of this file takes, in a process of its own."""
    code = (
        "import resource, explorer.bench as bench\n"
        f"bench.{function}()\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


BENCHMARKS: dict[str, Callable[[], list[Row]]] = {"encode": encode}
