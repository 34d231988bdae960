"""Volumes: NIfTI, NRRD and DICOM. Axes (z, y, x) with extents in millimetres where the file has them."""

import gzip
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from explorer.errors import InvalidInput
from explorer.readers.inputs import File, Findings, needs_extra, refusal
from explorer.readings import Options
from explorer.signals import Axis, SignalSet

NRRD = b"NRRD000"

_NRRD_TYPES = {
    "signed char": "i1", "int8": "i1", "int8_t": "i1", "uchar": "u1", "unsigned char": "u1", "uint8": "u1",
    "uint8_t": "u1", "short": "i2", "short int": "i2", "signed short": "i2", "int16": "i2", "int16_t": "i2",
    "ushort": "u2", "unsigned short": "u2", "uint16": "u2", "uint16_t": "u2", "int": "i4", "signed int": "i4",
    "int32": "i4", "int32_t": "i4", "uint": "u4", "unsigned int": "u4", "uint32": "u4", "uint32_t": "u4",
    "longlong": "i8", "int64": "i8", "int64_t": "i8", "ulonglong": "u8", "uint64": "u8", "uint64_t": "u8",
    "float": "f4", "double": "f8",
}  # fmt: skip


def is_nifti(head: bytes) -> bool:
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:12] == b"n+2\0\r\n\x1a\n"


def read_nifti_file(file: File, options: Options, found: Findings) -> SignalSet:
    """A volume, turned so that x runs to the right, y to the front and z up; a fourth axis holds several volumes."""
    nibabel = needs_extra("nibabel")
    try:
        kind = nibabel.Nifti2Image if file.head[4:8] == b"n+2\0" else nibabel.Nifti1Image
        if file.head[344:348] == b"ni1\0":
            raise InvalidInput(f"Got {file.label!r}, a header whose data lie in another file; expected one .nii file.")
        with file.open() as stream:
            image = kind.from_stream(stream)
            shape, dtype = image.shape, image.get_data_dtype()
            _check_size(file, shape, dtype, options)
            if dtype.kind not in "buif":
                raise InvalidInput(f"Got {file.label!r} with values of {dtype}; expected plain numbers.")
            if not 2 <= len(shape) <= 4:
                raise InvalidInput(f"Got {file.label!r} with axes {list(shape)}; expected two to four.")
            plain = dtype == np.uint8 and (image.dataobj.slope, image.dataobj.inter) == (1, 0)
            array = np.asarray(image.dataobj.get_unscaled() if plain else image.get_fdata(dtype=np.float32))
            turn = nibabel.io_orientation(image.affine)
            array = nibabel.apply_orientation(array, turn)
            order = np.argsort(turn[:, 0])
            zooms = [abs(float(step)) for step in image.header.get_zooms()[:3]]
            steps = [zooms[i] for i in order[: len(zooms)]]
            unit = image.header.get_xyzt_units()[0]
    except InvalidInput:
        raise
    except Exception as error:  # nibabel raises many kinds on bytes made to break it
        raise refusal(file, error, "a whole NIfTI file") from None
    if len(shape) == 4:
        found.warn(f"{file.label} holds {shape[3]} volumes; each is a signal.")
    grids = np.ascontiguousarray(array.T)
    steps = [step if 0 < step < np.inf else 1.0 for step in steps]
    return _volumes(
        grids if len(shape) == 4 else grids[None], steps[::-1], {"unknown": ""}.get(unit, unit), file, options
    )


def read_nrrd_file(file: File, options: Options, found: Findings) -> SignalSet:
    """A volume whose data follow the header; detached data are refused."""
    nrrd = needs_extra("nrrd")
    try:
        with file.open() as stream:
            header = nrrd.read_header(stream)
            if any(re.sub(r"\s", "", key).lower() == "datafile" for key in header):
                raise InvalidInput(f"Got {file.label!r}, a header whose data lie in another file; expected one file.")
            shape = tuple(int(n) for n in header["sizes"])
            dtype = np.dtype(_NRRD_TYPES[str(header["type"]).lower()])
            dtype = dtype.newbyteorder("<" if header.get("endian", "little") == "little" else ">")
            _check_size(file, shape, dtype, options)
            if any(int(header.get(skip, 0)) for skip in ("byte skip", "line skip", "byteskip", "lineskip")):
                raise InvalidInput(f"Got {file.label!r} with bytes or lines to skip; expected none. Save it again.")
            count = math.prod(shape) * dtype.itemsize
            encoding = str(header.get("encoding", "raw")).lower()
            if encoding in ("gzip", "gz"):
                with gzip.GzipFile(fileobj=stream) as packed:
                    data = packed.read(count)
            elif encoding == "raw":
                data = stream.read(count)
            else:
                raise InvalidInput(f"Got the encoding {encoding[:40]!r} in {file.label!r}; expected raw or gzip.")
            if len(data) != count:
                raise ValueError(f"{len(data)} bytes of {count}")
            array = np.frombuffer(data, dtype).reshape(shape, order="F")
            steps = _nrrd_steps(header, len(shape))
    except InvalidInput:
        raise
    except Exception as error:
        raise refusal(file, error, "a whole NRRD file") from None
    kinds = list(header.get("kinds", [])) or ["domain"] * len(shape)
    if not 2 <= len(shape) <= 4 or len(kinds) != len(shape):
        raise InvalidInput(f"Got {file.label!r} with axes {list(shape)}; expected two to four.")
    if kinds[0] not in ("domain", "space", "time") and len(shape) > 2:  # a vector at each place: channels go last
        grids = np.ascontiguousarray(array.T)[None]
        return _volumes(grids, steps[1:][::-1], "", file, options)
    if len(shape) == 4:
        found.warn(f"{file.label} holds {shape[3]} volumes; each is a signal.")
        return _volumes(np.ascontiguousarray(array.T), steps[:3][::-1], "", file, options)
    return _volumes(np.ascontiguousarray(array.T)[None], steps[::-1], "", file, options)


def _nrrd_steps(header: Any, d: int) -> list[float]:
    if "space directions" in header:
        steps = np.linalg.norm(np.asarray(header["space directions"], np.float64), axis=-1).tolist()
    else:
        steps = [float(s) for s in header.get("spacings", [1.0] * d)]
    return [s if np.isfinite(s) and s > 0 else 1.0 for s in steps]


def is_dicom(head: bytes) -> bool:
    return head[128:132] == b"DICM"


def read_dicom_files(files: Sequence[File], options: Options, found: Findings) -> SignalSet:
    """Slices as volumes, one for each series, in the order of their places; or one file's image or frames."""
    pydicom = needs_extra("pydicom")
    series: dict[str, list[tuple[float, np.ndarray, tuple[float, ...]]]] = {}
    left = options.limit_bytes
    for file in files:
        try:
            with file.open() as stream:
                data = pydicom.dcmread(stream)
            if "DirectoryRecordSequence" in data:
                raise InvalidInput(f"Got {file.label!r}, a directory of other files; expected the images themselves.")
            frames = int(data.get("NumberOfFrames", 1) or 1)
            samples = int(data.get("SamplesPerPixel", 1) or 1)
            shape = (frames, int(data.Rows), int(data.Columns), samples)
            _check_size(file, shape, np.dtype("f4"), replace(options, limit_bytes=left))
            left -= math.prod(shape) * 4
            pixels = data.pixel_array.astype(np.float32)
            pixels = pixels * np.float32(data.get("RescaleSlope", 1)) + np.float32(data.get("RescaleIntercept", 0))
            place, steps = _dicom_place(data)
            key = str(data.get("SeriesInstanceUID", file.label))
            series.setdefault(key, []).append((place, pixels, steps))
        except InvalidInput:
            raise
        except Exception as error:
            raise refusal(file, error, "a whole DICOM image") from None
    name = options.name or files[0].stem
    volumes, extents = [], []
    for slices in series.values():
        slices.sort(key=lambda part: part[0])
        if len({pixels.shape for _, pixels, _ in slices}) != 1:
            raise InvalidInput(f"Got a series of slices of several sizes in {name!r}; expected one size.")
        volume = np.stack([pixels for _, pixels, _ in slices]) if len(slices) > 1 else slices[0][1]
        gap = (slices[-1][0] - slices[0][0]) / (len(slices) - 1) if len(slices) > 1 else 0.0
        volumes.append(volume)
        extents.append((gap or slices[0][2][2], *slices[0][2][:2]))
    colours = volumes[0].ndim > 2 and volumes[0].shape[-1] == 3
    d = volumes[0].ndim - colours
    names = "zyx"[-d:] if d < 3 else "zyx"
    axes = [Axis(a, "mm", 0.0, n * s) for a, n, s in zip(names, volumes[0].shape, extents[0][-d:], strict=False)]
    return SignalSet.from_grids(volumes, axes=options.axes or axes, name=name)


def _dicom_place(data: Any) -> tuple[float, tuple[float, ...]]:
    """Where a slice lies along the normal of its plane, and the steps (y, x, z) in millimetres."""
    rows, columns = (float(s) for s in data.get("PixelSpacing", (1, 1)))
    thickness = float(data.get("SpacingBetweenSlices", 0) or data.get("SliceThickness", 0) or 1)
    steps = tuple(s if np.isfinite(s) and s > 0 else 1.0 for s in (rows, columns, thickness))
    position, orientation = data.get("ImagePositionPatient"), data.get("ImageOrientationPatient")
    if position is not None and orientation is not None and len(orientation) == 6:
        o = np.asarray(orientation, np.float64)
        return float(np.dot(np.cross(o[:3], o[3:]), np.asarray(position, np.float64))), steps
    return float(data.get("InstanceNumber", 0) or 0), steps


def _check_size(file: File, shape: Sequence[int], dtype: np.dtype, options: Options) -> None:
    if any(n < 1 for n in shape):
        raise InvalidInput(
            f"Got {file.label!r} with the size {list(shape)}; expected at least one sample on each axis."
        )
    nbytes = math.prod(int(n) for n in shape) * max(dtype.itemsize, 4)
    if nbytes > options.limit_bytes:
        raise InvalidInput(
            f"Got {file.label!r} with {nbytes} bytes of samples {list(shape)}; expected at most {options.limit_bytes}. "
            "Take a part of it, or raise limit_bytes."
        )


def _volumes(grids: np.ndarray, steps: Sequence[float], unit: str, file: File, options: Options) -> SignalSet:
    """Grids [n, *S(, M)] with the distances of samples along each axis."""
    d = len(steps)
    axes = tuple(
        Axis(name, unit, 0.0, n * step) for name, n, step in zip("zyx"[-d:], grids.shape[1:], steps, strict=False)
    )
    if grids.dtype == np.bool_ or (grids.dtype == np.uint8 and grids.max() <= 1):
        grids = grids.astype(np.uint8) * np.uint8(255)  # a mask
    return SignalSet.from_grids(grids, axes=options.axes or axes, name=options.name or file.stem)
