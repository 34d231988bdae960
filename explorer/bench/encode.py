"""Encoding many images in one pass."""

from explorer.bench import Row, blocks, compared, matmul_rate, peak_mib, row
from explorer.codes import Checkpoint
from explorer.nets.precision import matmul_dtype
from explorer.observations import Observations
from explorer.representations import base
from explorer.signals import SignalSet

_IMAGES, _SINGLES, _MANY = 10_000, 500, 70_000


def _encoder(images: SignalSet) -> tuple[base.Representation, Checkpoint]:
    method = base.get("hypernetwork")
    return method, method.train(method.config(overrides={"min_steps": 5, "max_steps": 5}), images[:64], seed=0)


def run() -> list[Row]:
    """Images of 28 x 28 through the hypernetwork, against the same encoder one signal at a time."""
    name, n, some = "encode 28x28", _IMAGES, _SINGLES
    images = blocks(n)
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
        row(name, f"peak memory, {_MANY:,} signals", peak_mib("encode.encode_many"), "MiB"),
    ]


def encode_many() -> None:
    """The work whose memory is measured."""
    images = blocks(_MANY)
    method, checkpoint = _encoder(images)
    method.encode(checkpoint, Observations(images))
