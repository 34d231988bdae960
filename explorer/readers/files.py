"""What a path holds, told by its first bytes, and the reader for it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from explorer.errors import InvalidInput, NotFound
from explorer.readers import npy
from explorer.readers.arrays import read_npy_file, read_npz_file
from explorer.readers.images import is_image, read_image_file, read_image_folder
from explorer.readers.options import Options
from explorer.signals import SignalSet

_START_BYTES = 16


@dataclass(frozen=True)
class Format:
    """One kind of file: how it starts, and its reader."""

    name: str
    starts: Callable[[bytes], bool]
    read: Callable[[Path, Options], SignalSet]


FORMATS = (
    Format("npy", lambda start: start.startswith(npy.MAGIC), read_npy_file),
    Format("npz", lambda start: start.startswith(b"PK\x03\x04"), read_npz_file),
    Format("image", is_image, read_image_file),
)


def read_path(path: Path, options: Options) -> SignalSet:
    """The signals of a file or folder. Raises NotFound where there is none, InvalidInput where it cannot be read."""
    if path.is_dir():
        return read_image_folder(path, options)
    try:
        with path.open("rb") as file:
            start = file.read(_START_BYTES)
    except OSError as error:
        raise NotFound(
            f"Got {str(path)[:200]!r}, which cannot be opened ({error.strerror}); expected a file or folder."
        ) from None
    for file_format in FORMATS:
        if file_format.starts(start):
            return file_format.read(path, options)
    if start.startswith(b"\x80"):
        raise InvalidInput(f"Got {path.name!r}, a pickle; expected npz, npy or images. Save it with numpy.savez.")
    names = ", ".join(file_format.name for file_format in FORMATS)
    raise InvalidInput(f"Got {path.name!r} with content of no kind known here; expected one of: {names}.")
