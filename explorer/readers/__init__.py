"""Names, files and arrays as signal sets. What comes from outside is checked here."""

import os
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from explorer.errors import InvalidInput, NotFound
from explorer.readers import sandbox
from explorer.readers.arrays import from_array, from_list
from explorer.readers.builtin import datasets, is_builtin, load_builtin
from explorer.readers.files import name_of_format, read_file
from explorer.readers.inputs import from_path, shown
from explorer.readings import LIMIT_BYTES, Options
from explorer.signals import Axis, SignalSet

__all__ = ["datasets", "load"]


def load(
    source: Any,
    *,
    name: str | None = None,
    array: str | None = None,
    axes: Sequence[Axis | str] | None = None,
    labels: Sequence[int] | np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    alpha: bool = False,
    limit_bytes: int = LIMIT_BYTES,
    **choices: Any,
) -> SignalSet:
    """Signals from nearly anything.

    Args:
        source: a name of ``datasets()``; the path of a file, an archive or a folder (sub-folders are classes) of
            images, series, sound, video, volumes, arrays or meshes; a list of such files; a numpy array;
            ``(array, labels)``; a list of arrays, one for each signal; a list of ``(coordinates, values)`` for uneven
            points; or a SignalSet, which comes back as it is.
        name: of the set; by default the source's.
        array: which array of a file that holds several.
        axes: the axes in array order, such as ``"tyx"``, where the guess is wrong (``explorer.readers.arrays``).
        labels: of arrays and lists of files, indices into ``class_names``.
        class_names: of labels given here.
        alpha: keep the alpha channel of images; by default it is laid over white.
        limit_bytes: the most that a set from files may hold, decompressed and decoded.
        choices: the other fields of ``explorer.readings.Options``: columns, channels, crop, size, standardise.

    Raises:
        InvalidInput: for what cannot be read.
        NotFound: for a name or path that is not there.
        MissingExtra: for a set that needs optional packages.
    """
    if isinstance(source, SignalSet):
        return source
    options = Options(name=name, array=array, axes=axes, alpha=alpha, limit_bytes=limit_bytes, **choices)
    if isinstance(source, tuple) and len(source) == 2 and isinstance(source[0], np.ndarray) and labels is None:
        source, labels = source
    given: dict[str, Any] = {"labels": labels, "class_names": class_names}
    if isinstance(source, np.ndarray):
        return from_array(source, options, many=labels is not None, **given)
    if isinstance(source, (list, tuple)) and source:
        return _from_items(source, options, given)
    if not isinstance(source, (str, PathLike)):
        raise InvalidInput(
            f"Got a {type(source).__name__} that is empty or of no known kind; expected a name, a path, a list of "
            "them, or numpy arrays. explorer.datasets() lists the names."
        )
    if labels is not None or class_names is not None:
        raise InvalidInput("Got labels beside a name or path; expected them with arrays or a list of image paths.")
    if isinstance(source, str) and is_builtin(source):
        if array is not None or axes is not None:
            raise InvalidInput(f"Got array= or axes= for the set {source!r}; expected them with files and arrays.")
        return load_builtin(source)
    path = Path(source)
    if "\0" in str(path) or not path.exists():
        raise NotFound(
            f"Got {str(source)[:200]!r}, which is no file, no folder and no known name; expected a path or one of: "
            f"{', '.join(datasets())}."
        )
    return _read([path], options)


def _from_items(items: Sequence[Any], options: Options, given: dict[str, Any]) -> SignalSet:
    """A list: paths of files, arrays of any sizes, or uneven points."""
    if all(isinstance(item, (str, PathLike)) for item in items):
        signals = _read([Path(item) for item in items], options)
        return signals if given["labels"] is None else _labelled(signals, **given)
    if all(isinstance(item, np.ndarray) for item in items):
        return from_list(items, options, **given)
    if all(isinstance(item, (list, tuple)) and len(item) == 2 for item in items):
        coords = np.asarray(items[0][0])
        axes = options.axes or {1: "t", 2: "yx"}.get(coords.shape[1] if coords.ndim == 2 else 1, "zyx")
        return SignalSet.from_points(items, axes=axes, name=options.name or "signals", **given)
    raise InvalidInput("Got a list of mixed things; expected paths, numpy arrays or (coordinates, values) pairs.")


def _read(paths: list[Path], options: Options) -> SignalSet:
    """Files are decoded in a process of their own; numpy's own, which only numpy's own code reads, in this one."""
    if len(paths) == 1 and paths[0].is_file():
        file = from_path(paths[0])
        if name_of_format(file) in ("npy", "npz"):
            return read_file(file, options)
    labels = None
    if len(paths) > 1:
        root = os.path.commonpath([path.absolute().parent for path in paths])
        labels = [shown(path.absolute().relative_to(root).as_posix()) for path in paths]
        options = replace(options, name=options.name or shown(Path(root).name))
    return sandbox.read(paths, options, labels).signals


def _labelled(signals: SignalSet, labels: Any, class_names: Sequence[str] | None) -> SignalSet:
    numbers = np.asarray(labels)
    if numbers.dtype.kind not in "bui":
        raise InvalidInput(f"Got labels of type {numbers.dtype}; expected whole numbers that point into class_names.")
    names = class_names or map(str, range(int(numbers.max(initial=-1)) + 1))
    return replace(signals, labels=numbers.astype(np.int64), class_names=tuple(map(str, names)))
