"""Arrays from untrusted npy and npz bytes: no pickle, and sizes are counted as they decompress."""

import io
import math
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO

import numpy as np

from explorer.errors import InvalidInput
from explorer.readers.inputs import File, allowance
from explorer.signals import Axis

MAGIC = np.lib.format.MAGIC_PREFIX
_HEADER_LIMIT = 10_000  # numpy's own bound: beyond it, parsing one may exhaust the interpreter's stack
_MEMBERS_LIMIT = 10_000


@dataclass(frozen=True)
class Header:
    """What an array says of itself before it is read; believed only as an upper bound."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def _header(stream: IO[bytes]) -> tuple[Header, bytes]:
    """The header at the start of a stream, and the first bytes after it."""
    start = io.BytesIO(stream.read(_HEADER_LIMIT + 16))
    version = np.lib.format.read_magic(start)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"npy version {version}")
    shape, fortran, dtype = read(start, max_header_size=_HEADER_LIMIT)
    if dtype.hasobject:
        raise InvalidInput(
            "Got an array of Python objects, which only pickle could read; expected numbers or text. "
            "Save it with a plain dtype, series of unequal length as one array each."
        )
    if any(size < 0 for size in shape):
        raise ValueError(f"shape {shape}")
    return Header(shape, dtype, fortran), start.read()


def _array(stream: IO[bytes], limit_bytes: int) -> np.ndarray:
    header, start = _header(stream)
    if header.nbytes > limit_bytes:
        raise InvalidInput(
            f"Got an array of {header.nbytes} bytes {list(header.shape)}; expected at most {limit_bytes} for a set. "
            "Take fewer signals or samples, or raise limit_bytes."
        )
    data = start + stream.read(max(header.nbytes - len(start), 0))
    if len(data) != header.nbytes or stream.read(1):
        raise ValueError(f"other than the {header.nbytes} bytes that its header declares")
    flat = np.frombuffer(data, header.dtype, count=math.prod(header.shape)) if data else np.empty(0, header.dtype)
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def _refuse(file: File, error: BaseException) -> InvalidInput:
    return InvalidInput(
        f"Got {file.label!r}, which cannot be read ({str(error)[:200]}); expected a whole npy or npz file."
    )


def read_npy(file: File, limit_bytes: int) -> np.ndarray:
    """The array of an npy file. Raises InvalidInput."""
    try:
        with file.open() as stream:
            return _array(stream, limit_bytes)
    except InvalidInput as error:
        raise InvalidInput(f"{file.label}: {error}") from None
    except Exception as error:  # numpy's header parser may raise anything on bytes made to break it
        raise _refuse(file, error) from None


class Arrays:
    """Named arrays of a file: headers at once, arrays when asked for, within one budget of decompressed bytes.

    Args:
        headers: of the arrays that hold numbers or text, by name.
        fetch: reads one of them.
        axes: names, units and extents of an array's dimensions, where the format has them.
    """

    def __init__(
        self,
        file: File,
        limit_bytes: int,
        headers: Mapping[str, Header],
        fetch: Callable[[str], np.ndarray],
        axes: Mapping[str, tuple[Axis, ...]] | None = None,
    ):
        self.file, self.headers, self._fetch, self._left = file, dict(headers), fetch, limit_bytes
        self.axes = dict(axes or {})
        if not self.headers:
            raise InvalidInput(f"Got {file.label!r} without arrays of numbers; expected at least one.")

    def __contains__(self, name: str) -> bool:
        return name in self.headers

    def read(self, name: str) -> np.ndarray:
        """One array, whole. Raises InvalidInput when it is larger than what is left of the budget."""
        header = self.headers[name]
        most = allowance(self.file, self._left)
        if header.nbytes > most:
            raise InvalidInput(
                f"{self.file.label}, array {name!r}: got {header.nbytes} bytes {list(header.shape)}; expected at most "
                f"{most} of a file of {self.file.size}. Take fewer signals or samples, or raise limit_bytes."
            )
        try:
            array = self._fetch(name)
        except InvalidInput as error:
            raise InvalidInput(f"{self.file.label}, array {name!r}: {error}") from None
        except Exception as error:  # each format's library has its own
            raise InvalidInput(
                f"Got {self.file.label!r}, whose array {name!r} cannot be read ({str(error)[:200]}); expected a whole "
                "file. Save it again."
            ) from None
        self._left -= array.nbytes
        return array


def npz(file: File, limit_bytes: int) -> Arrays:
    """The arrays of an npz file. Raises InvalidInput for one that is not whole, not an npz, or too large."""
    headers: dict[str, Header] = {}
    try:
        with file.open() as stream, zipfile.ZipFile(stream) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            if len(members) > _MEMBERS_LIMIT:
                raise ValueError(f"{len(members)} arrays, more than {_MEMBERS_LIMIT}")
            if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in members):
                raise ValueError("a compression other than deflate")
            for info in members:
                with archive.open(info) as member:
                    headers[info.filename.removesuffix(".npy")] = _header(member)[0]
    except InvalidInput as error:
        raise InvalidInput(f"{file.label}: {error}") from None
    except Exception as error:  # zipfile, zlib and numpy each have their own
        raise _refuse(file, error) from None

    def fetch(name: str) -> np.ndarray:
        with file.open() as stream, zipfile.ZipFile(stream) as archive, archive.open(f"{name}.npy") as member:
            return _array(member, limit_bytes)

    return Arrays(file, limit_bytes, headers, fetch)
