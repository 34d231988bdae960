"""Images: one file, several, or a folder whose sub-folders are classes."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from explorer.errors import InvalidInput
from explorer.readers.options import Options
from explorer.signals import SPLITS, SignalSet

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")
PIXELS_LIMIT = 89_478_485
"""Pillow's own bound for an image that is no bomb; here it is an error."""

_FILES_LIMIT = 1_000_000
_SPLIT_FOLDERS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


def is_image(start: bytes) -> bool:
    """Whether a file that starts with these bytes is of one of the formats read here."""
    marks = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"GIF8", b"BM")
    return start.startswith(marks) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def read_images(paths: Sequence[Path], options: Options, *, root: Path | None = None, **fields: Any) -> SignalSet:
    """Image files as one set; their ids are the paths relative to ``root``, by default to the folder they share.

    Alone, grey images keep one channel; beside coloured ones they get three. Eight bits stay bytes, 16 bits become
    floats in [0, 1]. ``fields`` are further fields of the set. Raises InvalidInput that names the file.
    """
    root = root or Path(os.path.commonpath([path.absolute().parent for path in paths]))
    left = options.limit_bytes
    images = []
    for path in paths:
        image = _read(path, options.alpha, left)
        left -= image.nbytes
        images.append(image)
    channels = max(image.shape[-1] for image in images)
    images = [_widen(image, channels) for image in images]
    if any(image.dtype != np.uint8 for image in images):
        images = [image / np.float32(255) if image.dtype == np.uint8 else image for image in images]
    in_unit = all(image.dtype == np.uint8 or (image.min() >= 0 and image.max() <= 1) for image in images)
    return SignalSet.from_grids(
        images,
        axes=options.axes or "yx",
        name=options.name or (paths[0].stem if len(paths) == 1 else root.absolute().name),
        value_range=(0.0, 1.0) if in_unit else None,
        ids=[_label(path.absolute().relative_to(root.absolute()).as_posix()) for path in paths],
        **fields,
    )


def read_image_file(path: Path, options: Options) -> SignalSet:
    """One image."""
    return read_images([path], options)


def read_image_folder(folder: Path, options: Options) -> SignalSet:
    """All images below a folder. ``class/file`` gives labels; ``train/class/file`` and ``test/…`` also the split."""
    paths = _image_paths(folder)
    if not paths:
        raise InvalidInput(f"Got the folder {folder.name!r} without images; expected {', '.join(FORMATS)} files in it.")
    fields: dict[str, Any] = {}
    parts = [path.relative_to(folder).parts[:-1] for path in paths]
    if all(part and part[0] in _SPLIT_FOLDERS for part in parts):
        fields["split"] = np.array([SPLITS.index(_SPLIT_FOLDERS[part[0]]) for part in parts], np.uint8)
        parts = [part[1:] for part in parts]
    if all(parts):
        class_names, fields["labels"] = np.unique([_label(part[0]) for part in parts], return_inverse=True)
        fields["class_names"] = class_names.tolist()
    options = replace(options, name=options.name or _label(folder.absolute().name))
    return read_images(paths, options, root=folder, **fields)


def _image_paths(folder: Path) -> list[Path]:
    """Files that are images by content or claim it by name, sorted; no hidden ones, no links."""
    suffixes = {s for s, image_format in Image.registered_extensions().items() if image_format in FORMATS}
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for file in sorted(files):
            path = Path(parent, file)
            if file.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            if path.suffix.lower() in suffixes or is_image(_start(path)):
                found.append(path)
        if len(found) > _FILES_LIMIT:
            raise InvalidInput(f"Got more than {_FILES_LIMIT} images in {folder.name!r}; take fewer.")
    return found


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _label(name: str) -> str:
    """A file's name as text that can be shown, also where it is no UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")


def _read(path: Path, alpha: bool, limit_bytes: int) -> np.ndarray:
    """One image as uint8 or float32 [y, x, M]."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            pixels = image.width * image.height
            if pixels > PIXELS_LIMIT:
                raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
            if pixels * 4 > limit_bytes:
                raise InvalidInput(f"Got more pixels than fit at {_label(path.name)!r}; take fewer or smaller images.")
            frames = getattr(image, "n_frames", 1)
            if frames > 1:
                raise ValueError(f"{frames} pages or frames, where one is expected")
            return _pixels(ImageOps.exif_transpose(image), alpha)
    except InvalidInput:
        raise
    except UnidentifiedImageError:
        reason = f"not {', '.join(FORMATS)}"
    except Exception as error:  # a decoder may raise anything on bytes made to break it
        reason = str(error) or type(error).__name__
    raise InvalidInput(
        f"Got {_label(path.name)!r}, which cannot be read as an image ({reason}). Leave it out or save it again."
    )


def _pixels(image: Image.Image, alpha: bool) -> np.ndarray:
    if image.mode.startswith("I;16"):
        return (np.asarray(image).astype(np.float32) / np.float32(65535))[..., None]
    if image.mode in ("I", "F"):
        array = np.asarray(image).astype(np.float32)[..., None]
        if image.mode == "I" and 0 <= array.min() and array.max() <= 65535:
            array /= np.float32(65535)
        return array
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if not alpha:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    array = np.asarray(image)
    return array[..., None] if array.ndim == 2 else array


def _widen(image: np.ndarray, channels: int) -> np.ndarray:
    """The same image with more channels: grey to three colours, an opaque alpha behind them."""
    if image.shape[-1] == 1 and channels >= 3:
        image = np.repeat(image, 3, -1)
    if image.shape[-1] < channels:
        opaque = np.full((*image.shape[:-1], 1), 255 if image.dtype == np.uint8 else 1, image.dtype)
        image = np.concatenate([image, opaque], -1)
    return image
