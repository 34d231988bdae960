"""What a person may ask to be done to signals before they are taken in: channels, crop, size, standardise."""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from explorer.errors import InvalidInput
from explorer.grids import resample, resample_known
from explorer.readings import Options
from explorer.signals import SignalSet

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Of red, green and blue in the perceived brightness (ITU-R BT.601)."""

_BLOCK_VALUES = 2**24


def prepared(signals: SignalSet, options: Options) -> SignalSet:
    """The signals as the options ask for them."""
    if options.channels:
        signals = _channels(signals, options.channels)
    if options.sample_rate_hz:
        signals = _at_rate(signals, options)
    if options.crop or options.size:
        signals = _on_grid(signals, options)
    if options.standardise:
        signals = _standardised(signals, options.standardise == "signal")
    if options.name is not None and options.name != signals.name:
        signals = replace(signals, name=options.name)
    return signals


def _with(signals: SignalSet, **changed: Any) -> SignalSet:
    given = {f.name: getattr(signals, f.name) for f in fields(signals) if not f.name.startswith("_")}
    return SignalSet(**{**given, **changed})


def _channels(signals: SignalSet, wanted: tuple[str, ...]) -> SignalSet:
    if wanted == ("gray",) and signals.channels[:3] == ("red", "green", "blue"):
        as_bytes = signals.values.dtype == np.uint8
        values = np.empty((len(signals.values), 1), signals.values.dtype)
        for start in range(0, len(values), _BLOCK_VALUES):
            mixed = signals.values[start : start + _BLOCK_VALUES, :3] @ _LUMA
            values[start : start + _BLOCK_VALUES, 0] = np.rint(mixed) if as_bytes else mixed
        return _with(signals, values=values, channels=wanted)
    missing = [name for name in wanted if name not in signals.channels]
    if missing:
        raise InvalidInput(f"Got the channel {missing[0][:40]!r}; expected some of: {', '.join(signals.channels)}.")
    kept = [signals.channels.index(name) for name in wanted]
    return _with(signals, values=np.ascontiguousarray(signals.values[:, kept]), channels=wanted)


def _at_rate(signals: SignalSet, options: Options) -> SignalSet:
    """Recordings with as many samples a second as wished."""
    own, rate = signals.sample_rate_hz, options.sample_rate_hz
    if own is None or signals.shapes is None:
        raise InvalidInput(
            f"Got a sample rate of {rate:g} Hz for signals without one; expected recordings of one rate."
        )
    if own == rate:
        return signals
    lengths = np.maximum(1, np.rint(signals.shapes * (rate / own))).astype(np.int64)
    if float(lengths.sum()) * signals.m * 4 > options.limit_bytes:
        raise InvalidInput(f"Got {rate:g} Hz, with which the set is larger than {options.limit_bytes} bytes.")
    parts = [resample_known(signals.grid(row)[None], lengths[row])[0] for row in range(len(signals))]
    return _with(
        signals,
        values=np.concatenate(parts),
        shapes=lengths,
        offsets=np.cumsum([0, *map(len, parts)]).astype(np.int64),
        sample_rate_hz=float(rate),
    )


def _on_grid(signals: SignalSet, options: Options) -> SignalSet:
    """Every signal cut to one proportion, and brought onto one grid."""
    if signals.shapes is None:
        raise InvalidInput("Got a size for samples on no grid; expected none. Leave them as they are.")
    size = options.size * signals.d if len(options.size) == 1 else options.size
    if size and len(size) != signals.d:
        raise InvalidInput(f"Got the size {size}; expected one number, or one for each of {signals.d} axes.")
    if len(signals) * float(np.prod(size, dtype=np.float64)) * signals.m * 4 > options.limit_bytes and size:
        raise InvalidInput(f"Got the size {size}, with which the set is larger than {options.limit_bytes} bytes.")
    as_bytes, parts, shapes = signals.values.dtype == np.uint8, [], []
    low, high = signals.value_range
    for row in range(len(signals)):
        grid = signals.grid(row)
        if options.crop and signals.d >= 2:
            grid = _cropped(grid, size)
        if size:
            grid = (resample_known if not as_bytes else resample)(grid[None], size)[0]
        shapes.append(grid.shape[:-1])
        if as_bytes:
            grid = np.clip(np.rint((grid - low) * (255 / (high - low))), 0, 255).astype(np.uint8)
        parts.append(grid.reshape(-1, signals.m))
    axes = signals.axes if not options.crop else tuple(replace(a, unit="", start=0.0, stop=1.0) for a in signals.axes)
    return _with(
        signals,
        axes=axes,
        values=np.concatenate(parts),
        shapes=np.array(shapes, np.int64),
        offsets=np.cumsum([0, *(len(part) for part in parts)]).astype(np.int64),
    )


def _cropped(grid: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """The middle of an image (its last two axes before the channels) with the sides' proportion of ``size``."""
    height, width = grid.shape[-3:-1]
    tall, wide = size[-2:] if size else (1, 1)
    unit = min(height / tall, width / wide)
    keep_y, keep_x = max(1, int(unit * tall)), max(1, int(unit * wide))
    top, left = (height - keep_y) // 2, (width - keep_x) // 2
    return grid[..., top : top + keep_y, left : left + keep_x, :]


def _standardised(signals: SignalSet, each: bool) -> SignalSet:
    """Mean 0 and deviation 1 by channel; a constant channel becomes 0."""
    values = signals.decoded(signals.values).astype(np.float32, copy=True)
    bounds = zip(signals.offsets[:-1], signals.offsets[1:], strict=True) if each else [(0, len(values))]
    for start, stop in bounds:
        part = values[start:stop]
        known = ~np.isnan(part).all(0)
        mean = np.nanmean(part[:, known], 0, dtype=np.float64)
        deviation = np.nanstd(part[:, known], 0, dtype=np.float64)
        part[:, known] = (part[:, known] - mean) / np.where(deviation > 0, deviation, 1)
    finite = values[~np.isnan(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return _with(signals, values=values, value_range=(low, high if high > low else low + 1.0))
