"""Arrays as signal sets: what the axes of an array mean, and the names by which npz files say more.

An npz file of a whole set holds ``x_train``, ``y_train``, ``x_val`` …, ``x_test`` … or ``x``, ``y``, with
``class_names``, ``channel_names`` and ``sample_rate`` where known. Any other file holds arrays to choose from, with
``<name>_fps`` for a video, ``spacing`` for volumes, and ``names`` for the signals of a set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from explorer.errors import InvalidInput
from explorer.readers.inputs import File, Findings
from explorer.readers.npy import Arrays, npz, read_npy
from explorer.readings import Options
from explorer.signals import SPLITS, Axis, SignalSet

_PARTS = {"": None, "_train": SPLITS.index("train"), "_val": SPLITS.index("validation"), "_test": SPLITS.index("test")}
_COLOURS = (1, 3, 4)
_MESH = ("vertices", "faces")
_POINTS = ("coords", "values")
_READINGS = ("t", "yx", "tyx", "zyx")
_SIGNALS_LIMIT = 4_000_000  # each has an id, which costs more memory than a byte of samples


def read_npy_file(file: File, options: Options, found: Findings) -> SignalSet:
    """The signals of an npy file: one array."""
    array = read_npy(file, options.limit_bytes)
    signals = from_array(array, replace(options, name=options.name or file.stem))
    offer_axes(signals, array.ndim, found)
    return signals


def read_npz_file(file: File, options: Options, found: Findings) -> SignalSet:
    """The signals of an npz file."""
    return from_named(npz(file, options.limit_bytes), options, found)


def from_named(file: Arrays, options: Options, found: Findings) -> SignalSet:
    """The signals of a file of named arrays: a whole set by its names, samples on no grid, or one of its arrays."""
    options = replace(options, name=options.name or file.file.stem)
    if options.array is None and any(f"x{part}" in file for part in _PARTS):
        return _whole_set(file, options)
    if options.array is None and all(name in file for name in _POINTS):
        return _points(file, options)
    name = _choose(file, options.array, found)
    array, names = file.read(name), _words(file, "names")
    if options.axes is None and (axes := file.axes.get(name)):
        options = replace(options, axes=axes)
    signals = from_array(
        array,
        replace(options, name=f"{options.name} {name}" if len(file.headers) > 1 else options.name),
        fps=_number(file, f"{name}_fps"),
        spacing=file.read("spacing") if "spacing" in file else None,
        sample_rate_hz=_number(file, "sample_rate"),
        ids=names if names and len(set(names)) == len(names) == len(array) else None,
    )
    offer_axes(signals, array.ndim, found)
    return signals


def offer_axes(signals: SignalSet, ndim: int, found: Findings) -> None:
    """Say what else the dimensions of an array could mean."""
    among = [axes for axes in _READINGS if len(axes) <= ndim <= len(axes) + 2]
    taken = "".join(axis.name for axis in signals.axes)
    if taken in among:
        found.chose("axes", among, taken)


def from_array(
    array: np.ndarray,
    options: Options,
    *,
    many: bool = False,
    fps: float | None = None,
    spacing: np.ndarray | None = None,
    sample_rate_hz: float | None = None,
    **fields: Any,
) -> SignalSet:
    """One array as a signal set.

    Without ``options.axes``: bytes [(N,) H, W (, 1 | 3 | 4)] are images, with frames a second [F, H, W, 3] a video,
    with a spacing [D, H, W] a volume; floats [N, T] or [N, T, M] are series and [N, H, W, 1 | 3 | 4] images; int16
    [N, T] is sound. With axes, a last dimension of 1, 3 or 4 that could be the signals' own or the channels' is taken
    for channels.

    Args:
        many: whether the first dimension is known to be the signals.
        fps: frames a second of a video.
        spacing: [D], the distance of samples along each axis.
        sample_rate_hz: samples a second of a series or sound.
        fields: further fields of the set, as SignalSet.from_grids takes them.
    """
    if array.dtype.kind not in "buif":
        raise InvalidInput(f"Got an array of {array.dtype}; expected numbers.")
    axes = _axes(options.axes) if options.axes is not None else _guess(array, many, fps, spacing)
    d = len(axes)
    if not d + many <= array.ndim <= d + 2 or not array.size:
        raise InvalidInput(
            f"Got an array {list(array.shape)} for the axes {', '.join(a.name for a in axes)}; expected those, with "
            "the signals before and channels behind them. Say axes='yx', 'tyx' … if the guess is wrong."
        )
    single = array.ndim == d or (array.ndim == d + 1 and not many and array.shape[-1] in _COLOURS)
    grids = array[None] if single else array
    _check_count(len(grids))
    value_range = None
    by_name = [a.name for a in axes]
    if grids.dtype == np.bool_ or (spacing is not None and grids.dtype == np.uint8 and grids.max() <= 1):
        grids = grids.astype(np.uint8) * np.uint8(255)  # occupancy
    elif grids.dtype == np.int16 and by_name == ["t"]:
        grids, value_range = grids.astype(np.float32) / np.float32(2**15), (-1.0, 1.0)
    elif grids.dtype.kind == "f" and by_name == ["y", "x"] and 0 <= np.nanmin(grids) and np.nanmax(grids) <= 1:
        value_range = (0.0, 1.0)
    is_sound = array.dtype == np.int16 and sample_rate_hz is not None
    return SignalSet.from_grids(
        grids,
        axes=_extents(axes, grids.shape[1:], fps or sample_rate_hz, spacing),
        name=options.name or "signals",
        value_range=value_range,
        sample_rate_hz=sample_rate_hz if is_sound else None,
        **fields,
    )


def from_list(arrays: Sequence[np.ndarray], options: Options, **fields: Any) -> SignalSet:
    """Signals of different sizes, each [*S] or [*S, M]."""
    if not arrays or any(a.dtype.kind not in "buif" or not a.size for a in arrays):
        raise InvalidInput("Got a list with nothing in it, or an array that is empty or no numbers; expected signals.")
    axes = _axes(options.axes) if options.axes is not None else _guess(arrays[0][None], True, None, None)
    return SignalSet.from_grids(arrays, axes=axes, name=options.name or "signals", **fields)


def _whole_set(file: Arrays, options: Options) -> SignalSet:
    parts = [part for part in _PARTS if f"x{part}" in file]
    shapes = {file.headers[f"x{part}"].shape[1:] for part in parts}
    if len(shapes) != 1 or not all(file.headers[f"x{part}"].shape for part in parts):
        raise InvalidInput(f"Got {file.file.label!r} with parts of several shapes {sorted(shapes)}; expected one.")
    _check_count(sum(file.headers[f"x{part}"].shape[0] for part in parts))
    arrays = [file.read(f"x{part}") for part in parts]
    labels, class_names = _labels(file, {part: len(array) for part, array in zip(parts, arrays, strict=True)})
    numbers = [np.full(len(array), _PARTS[part] or 0, np.uint8) for part, array in zip(parts, arrays, strict=True)]
    prefixes = [f"{part[1:]}/" if part else "" for part in parts]
    return from_array(
        np.concatenate(arrays),
        options,
        many=True,
        sample_rate_hz=_number(file, "sample_rate"),
        channels=_words(file, "channel_names"),
        ids=[f"{prefix}{i}" for prefix, array in zip(prefixes, arrays, strict=True) for i in range(len(array))],
        labels=labels,
        class_names=class_names,
        split=np.concatenate(numbers) if parts != [""] else None,
    )


def _labels(file: Arrays, sizes: Mapping[str, int]) -> tuple[np.ndarray | None, Sequence[str] | None]:
    """Labels of all parts, -1 where a part has none; and the names of the classes."""
    if not any(f"y{part}" in file for part in sizes):
        return None, None
    labels = [file.read(f"y{p}").reshape(-1) if f"y{p}" in file else np.full(n, -1) for p, n in sizes.items()]
    for part, n, own in zip(sizes, sizes.values(), labels, strict=True):
        if own.shape != (n,) or own.dtype.kind not in "bui":
            raise InvalidInput(
                f"Got labels 'y{part}' {list(own.shape)} of {own.dtype} for {n} signals in {file.file.label!r}; "
                "expected one whole number for each."
            )
    return np.concatenate([own.astype(np.int64) for own in labels]), _words(file, "class_names")


def _points(file: Arrays, options: Options) -> SignalSet:
    """Samples on no grid: ``coords`` [P, D] and ``values`` [P(, M)], cut at ``offsets`` [n + 1] into signals."""
    coords, values = file.read("coords"), file.read("values")
    coords = coords.reshape(len(coords), -1) if coords.ndim in (1, 2) and coords.size else coords
    offsets = file.read("offsets") if "offsets" in file else np.array([0, len(values) if values.ndim else 0])
    sound = offsets.ndim == 1 and offsets.dtype.kind in "ui" and len(offsets) > 1 and coords.ndim == 2
    if not sound or (np.diff(offsets.astype(np.int64)) <= 0).any() or offsets[0] != 0 or offsets[-1] != len(coords):
        raise InvalidInput(
            f"Got coords {list(coords.shape)} and offsets {list(offsets.shape)} in {file.file.label!r}; expected "
            "coords [P, 1 to 3], values [P, M] and rising whole offsets from 0 to P."
        )
    _check_count(len(offsets) - 1)
    axes = options.axes or {1: "t", 2: "yx"}.get(coords.shape[1], "zyx")
    pairs = [(coords[a:b], values[a:b]) for a, b in zip(offsets[:-1], offsets[1:], strict=True)]
    labels = file.read("labels") if "labels" in file else None
    if labels is not None and labels.shape != (len(pairs),):
        raise InvalidInput(f"Got labels {list(labels.shape)} for {len(pairs)} signals; expected one for each.")
    names = _words(file, "class_names") if labels is not None else None
    return SignalSet.from_points(pairs, axes=axes, name=options.name or "points", labels=labels, class_names=names)


def _choose(file: Arrays, wanted: str | None, found: Findings) -> str:
    numbers = {name: h for name, h in file.headers.items() if h.dtype.kind in "buif" and name not in _MESH}
    candidates = [name for name, header in numbers.items() if len(header.shape) >= 2]
    if not candidates and len(numbers) == 1:  # one series, alone
        candidates = list(numbers)
    if candidates:
        found.chose("array", candidates, wanted or candidates[0])
    if wanted is None and len(candidates) == 1:
        return candidates[0]
    if wanted is not None and wanted in numbers:
        return wanted
    choices = ", ".join(f"{name!r} {list(file.headers[name].shape)}" for name in candidates[:20]) or "none"
    got = "no choice among several" if wanted is None else f"array {wanted[:80]!r}"
    raise InvalidInput(f"Got {got} in {file.file.label!r}; expected array= one of: {choices}.")


def _number(file: Arrays, name: str) -> float | None:
    if name not in file:
        return None
    value = file.read(name)
    if value.size != 1 or value.dtype.kind not in "uif" or not 0 < float(value.reshape(())) < np.inf:
        raise InvalidInput(f"Got {name!r} {str(value)[:40]} in {file.file.label!r}; expected one number above 0.")
    return float(value.reshape(()))


def _words(file: Arrays, name: str) -> list[str] | None:
    if name not in file or file.headers[name].dtype.kind not in "USbui":
        return None
    words = file.read(name).reshape(-1)
    return [word.decode("utf-8", "replace") for word in words] if words.dtype.kind == "S" else [str(w) for w in words]


def _check_count(n: int) -> None:
    if n > _SIGNALS_LIMIT:
        raise InvalidInput(f"Got {n} signals; expected at most {_SIGNALS_LIMIT} in a set. Take fewer.")


def _axes(axes: Sequence[Axis | str]) -> tuple[Axis, ...]:
    return tuple(a if isinstance(a, Axis) else Axis(a) for a in axes)


def _guess(array: np.ndarray, many: bool, fps: float | None, spacing: np.ndarray | None) -> tuple[Axis, ...]:
    if fps is not None:
        return _axes("tyx")
    if spacing is not None:
        return _axes("zyx")
    colours = array.ndim >= 3 + many and array.shape[-1] in _COLOURS
    if array.dtype not in (np.uint8, np.bool_):
        return _axes("yx" if colours and array.ndim == 4 else "t")
    if array.ndim - colours - many <= 2 + (not many):
        return _axes("yx" if array.ndim > 1 + many else "t")
    return _axes("tyx" if colours else "zyx")


def _extents(
    axes: Sequence[Axis], shape: Sequence[int], rate: float | None, spacing: np.ndarray | None
) -> tuple[Axis, ...]:
    """Axes that nobody gave an extent get theirs from the samples' distance, where that is known."""
    if spacing is not None and (
        spacing.shape != (len(axes),)
        or spacing.dtype.kind not in "uif"
        or not ((spacing > 0) & (spacing < np.inf)).all()
    ):
        raise InvalidInput(f"Got spacing {str(spacing)[:80]}; expected a number above 0 for each of {len(axes)} axes.")
    known = []
    for i, (axis, n) in enumerate(zip(axes, shape, strict=False)):
        if axis != Axis(axis.name):
            known.append(axis)
        elif spacing is not None:
            known.append(replace(axis, stop=n * float(spacing[i])))
        elif axis.name == "t" and rate is not None:
            known.append(Axis("t", "s", 0.0, n / rate))
        else:
            known.append(axis)
    return tuple(known)
