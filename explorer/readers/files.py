"""What bytes hold, told by their content, and the reader for it. A new format is one more row of the table."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from explorer.errors import InvalidInput
from explorer.readers import (
    archives,
    hdf5,
    images,
    matfiles,
    meshes,
    npy,
    problems,
    sounds,
    tabular,
    videos,
    volumes,
    zarrs,
)
from explorer.readers.arrays import read_npy_file, read_npz_file
from explorer.readers.inputs import File, Findings, below, from_path, shown
from explorer.readers.joining import classes_of, joined
from explorer.readers.prepare import prepared
from explorer.readings import Options
from explorer.signals import SignalSet

Reader = Callable[[File, Options, Findings], SignalSet]


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Args:
        name: what people call it.
        holds: whether a file is one, by its first bytes (and, for bytes without a mark, its size or directory).
        read: its reader.
        suffixes: by which a broken one is still told among others.
    """

    name: str
    holds: Callable[[bytes, File], bool]
    read: Reader
    suffixes: tuple[str, ...] = ()


def _image(file: File, options: Options, found: Findings) -> SignalSet:
    return images.read_images([file], options, found)


def _dicom(file: File, options: Options, found: Findings) -> SignalSet:
    return volumes.read_dicom_files([file], options, found)


def _text(head: bytes) -> bool:
    return bool(head.strip()) and (
        head[:2] in (b"\xff\xfe", b"\xfe\xff") or not any(c < 9 or 13 < c < 27 for c in head)
    )


FORMATS = (
    Format("npy", lambda head, file: head.startswith(npy.MAGIC), read_npy_file, (".npy",)),
    Format("npz", lambda head, file: head[:4] in archives.ZIP and _holds_arrays(file), read_npz_file, (".npz",)),
    Format(
        "Excel", lambda head, file: head[:4] in archives.ZIP and _holds(file, "xl/workbook.xml"),
        tabular.read_excel_file, (".xlsx",),
    ),
    Format("image", lambda head, file: images.is_image(head), _image, images.SUFFIXES),
    Format("WAV", lambda head, file: sounds.is_wave(head), sounds.read_wave_file, (".wav",)),
    Format("video", lambda head, file: videos.container(head) is not None, videos.read_video_file,
           (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi")),
    Format("NIfTI", lambda head, file: volumes.is_nifti(head), volumes.read_nifti_file, (".nii",)),
    Format("DICOM", lambda head, file: volumes.is_dicom(head), _dicom, (".dcm",)),
    Format("NRRD", lambda head, file: head.startswith(volumes.NRRD), volumes.read_nrrd_file, (".nrrd",)),
    Format("HDF5", lambda head, file: hdf5.is_hdf5(head), hdf5.read_hdf5_file, (".h5", ".hdf5", ".nc")),
    Format("MATLAB", lambda head, file: head.startswith(matfiles.MATLAB), matfiles.read_matlab_file, (".mat",)),
    Format("NetCDF", lambda head, file: head[:4] in matfiles.NETCDF, matfiles.read_netcdf_file, (".nc",)),
    Format("Parquet", lambda head, file: head[:4] == b"PAR1", tabular.read_parquet_file, (".parquet",)),
    Format(
        "safetensors", lambda head, file: matfiles.is_safetensors(head, file.size),
        matfiles.read_safetensors_file, (".safetensors",),
    ),
    Format("sound", lambda head, file: sounds.is_packed(head), sounds.read_sound_file, (".flac", ".ogg", ".mp3")),
    Format(
        "mesh", lambda head, file: meshes.mesh_type(head, file.size) is not None, meshes.read_mesh_file,
        (".obj", ".ply", ".stl", ".off"),
    ),
    Format(".ts", lambda head, file: problems.is_ts(head), problems.read_ts_file, (".ts",)),
    Format(".arff", lambda head, file: problems.is_arff(head), problems.read_arff_file, (".arff",)),
    Format("JSON lines", lambda head, file: head.lstrip()[:1] == b"{", tabular.read_json_lines, (".jsonl", ".ndjson")),
    Format("CSV", lambda head, file: _text(head), tabular.read_delimited_file, (".csv", ".tsv")),
)  # fmt: skip
"""In the order in which they are tried: what has a mark of its own before what is told by its looks."""

_NAMES = f"{', '.join(f.name for f in FORMATS)}, and zip, tar or folders of them"
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"ZF", b"(dp", b"ccopy_reg", b"(lp")


def read_path(path: Path, options: Options, found: Findings | None = None) -> SignalSet:
    """The signals of a file or folder. Raises NotFound where there is none, InvalidInput where it cannot be read."""
    found = found or Findings()
    if path.is_dir():
        name = options.name or shown(path.absolute().name)
        signals = _read_many(below(path), name, options, found)
        return prepared(signals, options)
    return read_file(from_path(path), options, found)


def read_files(files: Sequence[File], options: Options, found: Findings | None = None) -> SignalSet:
    """The signals of several files as one set."""
    found = found or Findings()
    name = options.name or (files[0].stem if len(files) == 1 else "signals")
    return prepared(_read_many(files, name, options, found), options)


def read_file(file: File, options: Options, found: Findings | None = None) -> SignalSet:
    """The signals of one file, which may be an archive of others."""
    found = found or Findings()
    head = file.head
    if head[:2] == archives.GZIP:
        file = archives.inflated(file, options)
        head = file.head
    is_zip = head[:4] in archives.ZIP
    if archives.is_tar(head) or (is_zip and not _holds_arrays(file) and not _holds(file, "xl/workbook.xml")):
        if is_zip and any(name.endswith("data.pkl") for name in archives.zip_names(file)):
            raise _pickled(file)
        signals = _read_many(archives.members(file, options), options.name or file.stem, options, found)
    else:
        signals = format_of(file, head).read(file, options, found)
    return prepared(signals, options)


def name_of_format(file: File) -> str:
    """What a file is called: its format's name, ``archive``, or "" for content of no known kind."""
    head = file.head
    if head[:2] == archives.GZIP:
        return "gzip"
    if archives.is_tar(head):
        return "tar"
    try:
        kind = format_of(file, head)
    except InvalidInput:
        return "zip" if head[:4] in archives.ZIP else ""
    return images.format_of(head) if kind.name == "image" else kind.name


def format_of(file: File, head: bytes) -> Format:
    """Raises InvalidInput for content of no kind known here."""
    for file_format in FORMATS:
        if file_format.holds(head, file):
            if file_format.name == "CSV" and head.lstrip()[:1] == b"<":
                break
            return file_format
    if head.startswith(_PICKLES):
        raise _pickled(file)
    if head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise InvalidInput(f"Got {file.label!r}, an old Excel or Office file; expected .xlsx or CSV. Save it as one.")
    raise InvalidInput(f"Got {file.label!r} with content of no kind known here; expected one of: {_NAMES}.")


def _pickled(file: File) -> InvalidInput:
    return InvalidInput(
        f"Got {file.label!r}, a pickle, which could run anything when it is opened; expected plain data. Save it with "
        "numpy.savez or safetensors."
    )


def _holds_arrays(file: File) -> bool:
    names = archives.zip_names(file)
    return not names or all(name.endswith(".npy") for name in names)


def _holds(file: File, member: str) -> bool:
    return member in archives.zip_names(file)


# ---------------------------------------------------------------------------------------------------------------------
# Several files


def _read_many(files: Sequence[File], name: str, options: Options, found: Findings) -> SignalSet:
    """All files of the kind that most of them have, as one set; the rest is left out with a word."""
    if zarrs.is_zarr(files):
        return zarrs.read_zarr(files, name, options, found)
    kinds = [_kind(file) for file in files]
    # Text is what a folder also holds beside its data: it counts where there is nothing else.
    counts = Counter(kind.name for kind in kinds if kind and kind.name not in ("CSV", "JSON lines"))
    counts = counts or Counter(kind.name for kind in kinds if kind)
    if not counts:
        expected = ", ".join(images.FORMATS)
        raise InvalidInput(f"Got {name!r} without images or other signals; expected {expected} or other files in it.")
    chosen = next(f for f in FORMATS if f.name == counts.most_common(1)[0][0])
    taken = [
        file for file, kind in zip(files, kinds, strict=True)
        if kind is chosen or (kind is None and file.name.lower().endswith(chosen.suffixes))
    ]  # fmt: skip
    if left := len(files) - len(taken):
        others = ", ".join(f.label for f in files if f not in taken)
        found.warn(f"{left} files that are no {chosen.name} were left out: {others[:200]}.")
    fields = classes_of(taken)
    if chosen.name == "image":
        return images.read_images(taken, replace(options, name=name), found, **fields)
    if chosen.name == "DICOM":
        return volumes.read_dicom_files(taken, replace(options, name=name), found)
    sets, left_bytes = [], options.limit_bytes
    for file in taken:
        one = chosen.read(file, replace(options, limit_bytes=left_bytes, name=None), found)
        left_bytes -= one.values.nbytes
        if left_bytes < 0:
            raise InvalidInput(f"Got more than {options.limit_bytes} bytes of signals in {name!r}; take fewer files.")
        sets.append(one)
    if len(sets) == 1 and not fields:
        return replace(sets[0], name=name)
    return joined(taken, sets, name, fields, found)


def _kind(file: File) -> Format | None:
    try:
        return format_of(file, file.head)
    except InvalidInput:
        return None
