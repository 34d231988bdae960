"""Zarr, versions 2 and 3: a folder or archive of chunks, read as bytes by their names."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from explorer.errors import InvalidInput
from explorer.readers.arrays import from_named
from explorer.readers.dimensions import axes_of
from explorer.readers.inputs import File, Findings, needs_extra, refusal
from explorer.readers.npy import Arrays, Header
from explorer.readings import Options
from explorer.signals import SignalSet

_MARKS = (".zarray", ".zgroup", "zarr.json")
_DESCRIPTIONS = (*_MARKS, ".zattrs", ".zmetadata")
_CODECS = {
    "blosc", "zlib", "gzip", "zstd", "lz4", "bz2", "lzma", "shuffle", "delta", "fixedscaleoffset", "bytes", "transpose",
    "crc32c", "crc32", "adler32", "fletcher32", "sharding_indexed", "packbits", "bitround", "default", "regular",
}  # fmt: skip
_DESCRIPTION_LIMIT = 2**22
_CHUNKS_LIMIT = 200_000


def is_zarr(files: Sequence[File]) -> bool:
    return any(file.name in _MARKS for file in files)


def read_zarr(files: Sequence[File], name: str, options: Options, found: Findings) -> SignalSet:
    """One of the arrays of a Zarr hierarchy."""
    zarr = needs_extra("zarr")
    from zarr.core.buffer import default_buffer_prototype
    from zarr.storage import MemoryStore

    root = min((f.label.rpartition("/")[0] for f in files if f.name in _MARKS), key=len)
    below = {f.label.removeprefix(root).lstrip("/"): f for f in files if f.label.startswith(root)}
    total = sum(file.size for file in below.values())
    whole = File(label=name, size=total)
    if total > options.limit_bytes:
        raise InvalidInput(f"Got {name!r} of {total} bytes; expected at most {options.limit_bytes}.")
    try:
        for file in below.values():
            if file.name in _DESCRIPTIONS:
                _check_codecs(file)
        make = default_buffer_prototype().buffer.from_bytes
        store = MemoryStore({label: make(file.read()) for label, file in below.items()}, read_only=True)
        opened = zarr.open(store, mode="r")
        arrays = {path: array for path, array in _arrays(zarr, opened) if array.dtype.kind in "buif"}
        headers = {path: Header(a.shape, np.dtype(a.dtype), False) for path, a in arrays.items()}
        axes = {path: known for path, a in arrays.items() if (known := _axes(a))}

        def fetch(path: str) -> np.ndarray:
            array = arrays[path]
            chunk = math.prod(array.chunks) * array.dtype.itemsize
            count = math.prod(-(-n // c) for n, c in zip(array.shape, array.chunks, strict=True))
            if chunk > options.limit_bytes or count > _CHUNKS_LIMIT:
                raise InvalidInput(f"got {count} chunks of {chunk} bytes; expected fewer or smaller ones.")
            return np.asarray(array[...])

        return from_named(Arrays(whole, options.limit_bytes, headers, fetch, axes), options, found)
    except InvalidInput:
        raise
    except Exception as error:  # zarr and its codecs each have their own
        raise refusal(whole, error, "a whole Zarr array or group") from None


def _arrays(zarr: Any, opened: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(opened, zarr.Array):
        yield "array", opened
        return
    for path, member in opened.members(max_depth=16):
        if isinstance(member, zarr.Array):
            yield path, member


def _axes(array: Any) -> Any:
    named = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    if not isinstance(named, (list, tuple)) or len(named) != array.ndim:
        return None
    return axes_of([str(n) for n in named], [None] * array.ndim, [""] * array.ndim)


def _check_codecs(file: File) -> None:
    """Only packings that give back numbers; one of the library's unpickles what it reads."""
    if file.size > _DESCRIPTION_LIMIT:
        raise InvalidInput(f"Got a description {file.label!r} of {file.size} bytes; expected a small one.")

    def check(value: Any, within: str = "") -> None:
        if isinstance(value, Mapping):
            named = value.get("id", value.get("name")) if within in ("compressor", "filters", "codecs") else None
            if named is not None and str(named).removeprefix("numcodecs.").lower() not in _CODECS:
                raise InvalidInput(f"Got the codec {str(named)[:40]!r} in {file.label!r}; expected a plain one.")
            for key, part in value.items():
                check(part, within if key == "configuration" else key)
        elif isinstance(value, list):
            for part in value:
                check(part, within)

    check(json.loads(file.read()))
