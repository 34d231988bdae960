"""Images: one file or several. Pages of a TIFF are a volume, frames of a GIF or WebP a video."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from explorer.errors import InvalidInput
from explorer.readers.inputs import File, Findings, allowance
from explorer.readings import Options
from explorer.signals import Axis, SignalSet

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".gif", ".bmp")
PIXELS_LIMIT = 89_478_485
"""Pillow's own bound for an image that is no bomb; here it is an error."""

FRAMES_LIMIT = 100_000


def is_image(start: bytes) -> bool:
    """Whether a file that starts with these bytes is of one of the formats read here."""
    marks = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"GIF8", b"BM")
    return start.startswith(marks) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def format_of(head: bytes) -> str:
    marks = {b"\x89P": "PNG", b"\xff\xd8": "JPEG", b"II": "TIFF", b"MM": "TIFF", b"GI": "GIF", b"BM": "BMP"}
    return marks.get(head[:2], "WebP")


def read_images(files: Sequence[File], options: Options, found: Findings, **fields: Any) -> SignalSet:
    """Image files as one set; their ids are the files' labels.

    Alone, grey images keep one channel; beside coloured ones they get three. Eight bits stay bytes, 16 bits become
    floats in [0, 1]. ``fields`` are further fields of the set. Raises InvalidInput that names the file.
    """
    left = options.limit_bytes
    images, moving = [], None
    for file in files:
        image, axes = _read(file, options.alpha, allowance(file, left), found)
        if moving is not None and axes != moving:
            raise InvalidInput(
                f"Got {file.label!r} beside images of another kind (pages or frames); expected one kind."
            )
        left, moving = left - image.nbytes, axes
        images.append(image)
    channels = max(image.shape[-1] for image in images)
    images = [_widen(image, channels) for image in images]
    if any(image.dtype != np.uint8 for image in images):
        images = [image / np.float32(255) if image.dtype == np.uint8 else image for image in images]
    if any(not np.isfinite(image).any() for image in images):
        raise InvalidInput("Got an image without a finite value; expected numbers.")
    images = [np.where(np.isfinite(image), image, np.float32(np.nan)) if image.dtype != np.uint8 else image
              for image in images]  # fmt: skip
    in_unit = all(image.dtype == np.uint8 or (np.nanmin(image) >= 0 and np.nanmax(image) <= 1) for image in images)
    domain: Sequence[Axis | str] = options.axes or moving or "yx"
    ids = [file.label for file in files]
    pages = moving is not None and len(moving) == 3
    sequence = not pages and len(images) > 1 and len({image.shape for image in images}) == 1
    if len(domain) == 3 and not pages:  # frames or slices in the order of their names
        if not sequence:
            raise InvalidInput(
                f"Got {len(images)} images as one signal over three axes; expected two or more of one size. "
                "Read them as images, axes y and x."
            )
        images, ids, fields = [np.stack(images)], [options.name or files[0].stem], {}
    signals = SignalSet.from_grids(
        images,
        axes=domain,
        name=options.name or files[0].stem,
        value_range=(0.0, 1.0) if in_unit else None,
        ids=ids,
        **fields,
    )
    if pages or sequence:
        among = ["tyx", "zyx"] if pages else ["yx", "tyx", "zyx"]
        found.chose("axes", among, "".join(axis.name for axis in signals.axes))
    return signals


def _read(file: File, alpha: bool, limit_bytes: int, found: Findings) -> tuple[np.ndarray, tuple[Axis, ...]]:
    """One image as uint8 or float32 [y, x, M], or its pages or frames before that, and the axes."""
    try:
        with (
            warnings.catch_warnings(),
            file.open() as stream,
            Image.open(stream, formats=FORMATS) as image,
        ):
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning)
            pixels = image.width * image.height
            if pixels > PIXELS_LIMIT:
                raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
            if pixels * len(image.getbands()) > limit_bytes:
                raise InvalidInput(f"Got more pixels than fit at {file.label!r}; expected fewer or smaller images.")
            if image.format == "TIFF" and _is_deep(image):
                return _deep_tiff(file, limit_bytes)
            if any("16" in str(tile.args) for tile in image.tile if image.mode in ("RGB", "RGBA", "LA")):
                found.warn(f"{file.label} has 16 bits in each colour; it was read with 8.")
            if image.has_transparency_data:
                found.chose("alpha", ["over white", "kept"], "kept" if alpha else "over white")
            if getattr(image, "is_animated", False):
                return _frames(file, image, alpha, limit_bytes)
            return _pixels(ImageOps.exif_transpose(image), alpha), (Axis("y"), Axis("x"))
    except InvalidInput:
        raise
    except UnidentifiedImageError:
        if file.head[:2] in (b"II", b"MM"):
            return _deep_tiff(file, limit_bytes)
        reason = f"not {', '.join(FORMATS)}"
    except Exception as error:  # a decoder may raise anything on bytes made to break it
        reason = str(error) or type(error).__name__
    raise InvalidInput(
        f"Got {file.label!r}, which cannot be read as an image ({reason[:300]}); expected a whole one. Leave it out or "
        "save it again."
    )


def _frames(file: File, image: Image.Image, alpha: bool, limit_bytes: int) -> tuple[np.ndarray, tuple[Axis, ...]]:
    """Pages as a volume [z, y, x, M], frames as a video [t, y, x, M]; counted as they come."""
    frames: list[np.ndarray] = []
    left, milliseconds, size = limit_bytes, 0.0, image.size
    for frame in ImageSequence.Iterator(image):
        if len(frames) >= FRAMES_LIMIT or frame.size != size:
            raise ValueError(f"more than {FRAMES_LIMIT} frames, or frames of several sizes")
        pixels = _pixels(frame, alpha)
        milliseconds += float(frame.info.get("duration", 0) or 0)  # known once it is decoded
        left -= pixels.nbytes
        if left < 0:
            raise InvalidInput(f"Got more frames than fit at {file.label!r}; expected fewer or smaller ones.")
        frames.append(pixels)
    channels = max(frame.shape[-1] for frame in frames)
    stacked = np.stack([_widen(frame, channels) for frame in frames])
    if image.format == "TIFF":
        return stacked, (Axis("z"), Axis("y"), Axis("x"))
    time = Axis("t", "s", 0.0, milliseconds / 1000) if milliseconds > 0 else Axis("t")
    return stacked, (time, Axis("y"), Axis("x"))


def _is_deep(image: Image.Image) -> bool:
    """Whether a TIFF has several channels of more than eight bits."""
    bits = dict(getattr(image, "tag_v2", {})).get(258, (8,))
    return len(np.atleast_1d(bits)) > 1 and max(np.atleast_1d(bits)) > 8


def _deep_tiff(file: File, limit_bytes: int) -> tuple[np.ndarray, tuple[Axis, ...]]:
    """Pixels that Pillow has no mode for, such as 16 bits in three colours, by tifffile."""
    import tifffile

    try:
        with file.open() as stream, tifffile.TiffFile(stream) as opened:
            pages = opened.pages
            if len(pages) > FRAMES_LIMIT:
                raise ValueError(f"{len(pages)} pages")
            arrays, left = [], limit_bytes
            for page in pages:
                left -= int(np.prod(page.shape, dtype=object)) * 4
                if left < 0 or page.dtype is None:
                    raise InvalidInput(f"Got more pixels than fit at {file.label!r}; expected fewer or smaller images.")
                array = page.asarray(maxworkers=1)
                array = (
                    np.moveaxis(array, 0, -1) if getattr(page, "planarconfig", 1) == 2 and array.ndim == 3 else array
                )
                arrays.append(array if array.ndim == 3 else array[..., None])
            if len({(a.shape, a.dtype) for a in arrays}) != 1 or arrays[0].ndim != 3:
                raise ValueError("pages of several sizes or types")
    except InvalidInput:
        raise
    except Exception as error:
        raise InvalidInput(
            f"Got {file.label!r}, which cannot be read as an image ({str(error)[:300] or type(error).__name__}); "
            "expected a whole one. Leave it out or save it again."
        ) from None
    stacked = np.stack(arrays)
    if stacked.dtype.kind == "u" and stacked.dtype != np.uint8:
        stacked = stacked / np.float32(np.iinfo(stacked.dtype).max)
    elif stacked.dtype != np.uint8:
        stacked = stacked.astype(np.float32)
    axes = (Axis("z"), Axis("y"), Axis("x"))
    return (stacked[0], axes[1:]) if len(stacked) == 1 else (stacked, axes)


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
