"""HDF5, and what is made of it: NetCDF 4 and MATLAB 7.3. Only what lies in the file itself is read."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from explorer.errors import InvalidInput
from explorer.readers.arrays import from_named
from explorer.readers.dimensions import axes_of, scaled
from explorer.readers.inputs import File, Findings, needs_extra, refusal
from explorer.readers.npy import Arrays, Header
from explorer.readings import Options
from explorer.signals import Axis, SignalSet

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MATLAB = b"MATLAB 7.3 MAT-file"

_FILTERS = {1, 2, 3, 4, 5, 6, 32000}  # deflate, shuffle, checksum, szip, nbit, scale-offset, lzf: others are plugins
_OBJECTS_LIMIT = 10_000
_DEPTH_LIMIT = 16


def is_hdf5(head: bytes) -> bool:
    return any(head[place : place + 8] == SIGNATURE for place in (0, 512, 1024, 2048))


def read_hdf5_file(file: File, options: Options, found: Findings) -> SignalSet:
    """One of the arrays of an HDF5 file. External, virtual and linked data are refused."""
    h5py = needs_extra("h5py")
    try:
        with file.open() as stream, h5py.File(stream, "r") as opened:
            datasets = dict(_datasets(h5py, opened, "", set(), 0))
            headers = {name: Header(d.shape, d.dtype, False) for name, d in datasets.items()}
            axes = {name: known for name, d in datasets.items() if (known := _axes(d))}
            turned = file.head.startswith(MATLAB)  # MATLAB writes its arrays with the axes reversed

            def fetch(name: str) -> np.ndarray:
                dataset = datasets[name]
                array = scaled(
                    dataset[()],
                    {k: dataset.attrs[k] for k in ("_FillValue", "scale_factor", "add_offset") if k in dataset.attrs},
                )
                return array.T if turned else array

            if turned:
                headers = {name: Header(h.shape[::-1], h.dtype, False) for name, h in headers.items()}
            return from_named(Arrays(file, options.limit_bytes, headers, fetch, axes), options, found)
    except InvalidInput:
        raise
    except Exception as error:  # h5py raises whatever HDF5 says of bytes made to break it
        raise refusal(file, error, "a whole HDF5 file") from None


def _datasets(h5py: Any, group: Any, prefix: str, seen: set[Any], depth: int) -> Iterator[tuple[str, Any]]:
    """Plain numbers and text below a group, by their paths."""
    if depth > _DEPTH_LIMIT:
        raise InvalidInput(f"Got groups more than {_DEPTH_LIMIT} deep; expected a flatter file.")
    for name in group:
        link = group.get(name, getlink=True)
        path = f"{prefix}{name}"
        if not isinstance(link, h5py.HardLink):
            raise InvalidInput(
                f"Got the link {path[:80]!r}, which points elsewhere; expected data in the file itself. Copy it in."
            )
        member = group[name]
        address = h5py.h5o.get_info(member.id).addr
        if address in seen:
            continue
        seen.add(address)
        if len(seen) > _OBJECTS_LIMIT:
            raise InvalidInput(f"Got more than {_OBJECTS_LIMIT} objects in a file; expected fewer.")
        if isinstance(member, h5py.Group):
            yield from _datasets(h5py, member, f"{path}/", seen, depth + 1)
        elif isinstance(member, h5py.Dataset):
            _refuse_outside(member, path)
            if member.shape is not None and not member.is_scale and member.dtype.kind in "buifSU":
                yield path, member


def _refuse_outside(dataset: Any, path: str) -> None:
    plist = dataset.id.get_create_plist()
    if plist.get_external_count() or dataset.is_virtual:
        raise InvalidInput(
            f"Got the array {path[:80]!r}, whose data lie in other files; expected data in the file itself. Copy it in."
        )
    if any(plist.get_filter(i)[0] not in _FILTERS for i in range(plist.get_nfilters())):
        raise InvalidInput(f"Got the array {path[:80]!r} packed by a plugin; expected gzip, lzf or no packing.")


def _axes(dataset: Any) -> tuple[Axis, ...] | None:
    """Axes by the names of the dimensions and their scales, as NetCDF 4 writes them."""
    names, places, units = [], [], []
    for dimension in dataset.dims:
        scale: Any = dimension[0] if len(dimension) else None
        name = dimension.label or (scale.name.rpartition("/")[2] if scale is not None else "")
        read = scale is not None and scale.ndim == 1 and scale.size <= 2**20 and scale.dtype.kind in "uif"
        is_bare = read and b"not a netCDF variable" in bytes(scale.attrs.get("NAME", b""))
        places.append(scale[()] if read and not is_bare else None)
        unit = "" if scale is None else scale.attrs.get("units", "")
        units.append(unit.decode("utf-8", "replace") if isinstance(unit, bytes) else str(unit))
        names.append(name)
    return axes_of(names, places, units)
