"""MATLAB files up to version 7, NetCDF 3, and safetensors: named arrays that scipy and safetensors read."""

import json
import struct
import zlib
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from explorer.artifacts import Artifact
from explorer.errors import InvalidInput
from explorer.readers.arrays import from_named
from explorer.readers.dimensions import axes_of, scaled
from explorer.readers.inputs import File, Findings, refusal
from explorer.readers.npy import Arrays, Header
from explorer.readings import Options
from explorer.signals import SignalSet

MATLAB = b"MATLAB 5.0 MAT-file"
NETCDF = (b"CDF\x01", b"CDF\x02")

_MATLAB_TYPES = {
    "double": "f8", "single": "f4", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4",
    "uint32": "u4", "int64": "i8", "uint64": "u8", "logical": "?",
}  # fmt: skip

_HEAD_BYTES, _TAG_BYTES = 128, 8
_COMPRESSED, _COMPLEX = 15, 0x800
_NUMBER_CLASSES, _NUMBER_TYPES = range(6, 16), {1, 2, 3, 4, 5, 6, 7, 9, 12, 13}  # of matrices, of what is stored
_LOOK_BYTES = 2**12  # of a matrix, which hold its flags, shape and name


def read_matlab_file(file: File, options: Options, found: Findings) -> SignalSet:
    """One of the arrays of a MATLAB file; structs, cells and objects are passed over."""
    from scipy.io import loadmat, whosmat

    try:
        with file.open() as stream:
            kinds = list(_kinds_of_numbers(stream))
            unknown = {name for name, kind in kinds if kind not in _NUMBER_TYPES}
            known = {name for name, _ in kinds} - unknown
        with file.open() as stream:
            listed = {
                name: (shape, _MATLAB_TYPES[kind])
                for name, shape, kind in whosmat(stream)
                if name in known and kind in _MATLAB_TYPES and min(shape, default=0) >= 0
            }
        headers = {name: Header(tuple(shape), np.dtype(kind), True) for name, (shape, kind) in listed.items()}

        def fetch(name: str) -> np.ndarray:
            with file.open() as stream:
                array = loadmat(stream, variable_names=[name], struct_as_record=True)[name]
            if not isinstance(array, np.ndarray) or array.dtype.hasobject:
                raise InvalidInput("got something else than the numbers that were listed; expected numbers.")
            return array.astype(bool) if headers[name].dtype == bool else array

        return from_named(Arrays(file, options.limit_bytes, headers, fetch), options, found)
    except InvalidInput:
        raise
    except Exception as error:  # scipy may raise anything on bytes made to break it
        raise refusal(file, error, "a whole MATLAB file") from None


def _kinds_of_numbers(stream: IO[bytes]) -> Iterator[tuple[str, int]]:
    """Matrices of numbers, and as what type each is stored (MAT-File Format, "Level 5 MAT-File Data Elements").

    Scipy looks up the type without a check, and takes the process down. Complex numbers have another such place and
    are none of what is read here: they get 0, which is no type.
    """
    order = "<" if stream.read(_HEAD_BYTES)[-2:] == b"IM" else ">"
    while len(tag := stream.read(_TAG_BYTES)) == _TAG_BYTES:
        kind, size = struct.unpack(f"{order}II", tag)
        start = stream.tell()
        data = stream.read(min(size, _LOOK_BYTES))
        if kind == _COMPRESSED:
            data = zlib.decompressobj().decompress(data, _LOOK_BYTES)[_TAG_BYTES:]
        (flags,) = struct.unpack_from(f"{order}I", data, _TAG_BYTES)
        if flags & 0xFF in _NUMBER_CLASSES:
            place, parts = 0, []
            for _ in range(4):  # flags, shape, name, numbers
                kind, length = struct.unpack_from(f"{order}II", data, place)
                small = kind >> 16  # the length of one that lies within its tag
                first = place + (4 if small else _TAG_BYTES)
                parts.append((kind & 0xFFFF if small else kind, data[first : first + (small or length)]))
                place += _TAG_BYTES + (0 if small else -(-length // 8) * 8)
            yield parts[2][1].decode("latin1"), 0 if flags & _COMPLEX else parts[3][0]
        stream.seek(start + size)


def read_netcdf_file(file: File, options: Options, found: Findings) -> SignalSet:
    """One of the variables of a NetCDF 3 file; its axes by the dimensions' names."""
    from scipy.io import netcdf_file

    try:
        with file.open() as stream, netcdf_file(stream, "r", mmap=False) as opened:
            variables: dict[str, Any] = dict(opened.variables)
            numbers = {n: v for n, v in variables.items() if v.data.dtype.kind in "uif"}
            headers = {n: Header(v.data.shape, v.data.dtype, False) for n, v in numbers.items()}
            axes = {}
            for name, variable in numbers.items():
                along = [numbers.get(d) if name != d else None for d in variable.dimensions]
                places = [s.data if s is not None and s.data.ndim == 1 else None for s in along]
                units = [_text(getattr(s, "units", b"")) for s in along]
                if known := axes_of(variable.dimensions, places, units):
                    axes[name] = known
            scales = {d for v in numbers.values() for d in v.dimensions}
            candidates = {n: h for n, h in headers.items() if n not in scales}

            def fetch(name: str) -> np.ndarray:
                kept = ("_FillValue", "scale_factor", "add_offset")
                attributes = {k: getattr(numbers[name], k) for k in kept if hasattr(numbers[name], k)}
                return scaled(np.array(numbers[name].data), attributes)

            return from_named(Arrays(file, options.limit_bytes, candidates or headers, fetch, axes), options, found)
    except InvalidInput:
        raise
    except Exception as error:
        raise refusal(file, error, "a whole NetCDF file") from None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def is_safetensors(head: bytes, size: int) -> bool:
    length = int.from_bytes(head[:8], "little")
    return len(head) > 9 and 2 <= length <= size - 8 and head[8:9] == b"{"


def read_safetensors_file(file: File, options: Options, found: Findings) -> SignalSet:
    """One of the arrays of a safetensors file, or the signal set that Explorer wrote there."""
    from safetensors.numpy import load

    if file.size > options.limit_bytes:
        raise InvalidInput(f"Got {file.label!r} of {file.size} bytes; expected at most {options.limit_bytes}.")
    data = file.read()
    try:
        length = int.from_bytes(data[:8], "little")
        description = json.loads(data[8 : 8 + length])
        if "explorer" in description.get("__metadata__", {}):
            signals = SignalSet.from_artifact(Artifact.from_bytes(data))
            return signals
        arrays = {name: array for name, array in load(data).items() if array.dtype.kind in "buif"}
    except InvalidInput:
        raise
    except Exception as error:
        raise refusal(file, error, "a whole safetensors file of numbers that numpy knows") from None
    headers = {name: Header(array.shape, array.dtype, False) for name, array in arrays.items() if array.size}
    return from_named(Arrays(file, options.limit_bytes, headers, lambda name: arrays[name]), options, found)
