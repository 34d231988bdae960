"""Arrays from untrusted npy and npz bytes: no pickle, and sizes are counted as they decompress."""

import io
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from explorer.errors import InvalidInput

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


def _refuse(path: Path, error: BaseException) -> InvalidInput:
    return InvalidInput(
        f"Got {path.name!r}, which cannot be read ({str(error)[:200]}); expected a whole npy or npz file."
    )


def read_npy(path: Path, limit_bytes: int) -> np.ndarray:
    """The array of an npy file. Raises InvalidInput."""
    try:
        with path.open("rb") as stream:
            return _array(stream, limit_bytes)
    except InvalidInput as error:
        raise InvalidInput(f"{path.name}: {error}") from None
    except Exception as error:  # numpy's header parser may raise anything on bytes made to break it
        raise _refuse(path, error) from None


class Npz:
    """An npz file: headers at once, arrays when asked for, within one budget of decompressed bytes.

    Raises InvalidInput for a file that is not whole, not an npz, or too large.
    """

    def __init__(self, path: Path, limit_bytes: int):
        self.path = path
        self._left = limit_bytes
        try:
            with zipfile.ZipFile(path) as archive:
                members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
                if len(members) > _MEMBERS_LIMIT:
                    raise ValueError(f"{len(members)} arrays, more than {_MEMBERS_LIMIT}")
                if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in members):
                    raise ValueError("a compression other than deflate")
                self.headers: dict[str, Header] = {}
                for info in members:
                    with archive.open(info) as stream:
                        self.headers[info.filename.removesuffix(".npy")] = _header(stream)[0]
        except InvalidInput as error:
            raise InvalidInput(f"{path.name}: {error}") from None
        except Exception as error:  # zipfile, zlib and numpy each have their own
            raise _refuse(path, error) from None
        if not self.headers:
            raise InvalidInput(f"Got {path.name!r} without arrays; expected an npz file. Save with numpy.savez.")

    def __contains__(self, name: str) -> bool:
        return name in self.headers

    def read(self, name: str) -> np.ndarray:
        """One array, whole."""
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(f"{name}.npy") as stream:
                array = _array(stream, self._left)
        except InvalidInput as error:
            raise InvalidInput(f"{self.path.name}, array {name!r}: {error}") from None
        except Exception as error:  # zipfile, zlib and numpy each have their own
            raise _refuse(self.path, error) from None
        self._left -= array.nbytes
        return array
