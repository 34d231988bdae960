"""Round trips: each format is written by its own library and read here; values and axes come back."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from explorer.errors import InvalidInput
from explorer.readers.files import read_file, read_files, read_path
from explorer.readers.inputs import Findings, from_bytes
from explorer.readings import Options
from explorer.signals import SignalSet

RNG = np.random.default_rng(0)


def read(data: bytes, name: str = "file.bin", **options) -> SignalSet:
    """Content decides, so the name says nothing."""
    return read_file(from_bytes(name, data), Options(**options))


def names(signals: SignalSet) -> str:
    return "".join(a.name for a in signals.axes)


def by(write: Callable[[str], object], suffix: str, tmp_path: Path) -> bytes:
    """The bytes that a library writes to a path."""
    path = tmp_path / f"written{suffix}"
    write(str(path))
    return path.read_bytes()


# ---------------------------------------------------------------------------------------------------------------------
# Arrays

numbers = st.sampled_from([np.float32, np.float64, np.int32]).flatmap(
    lambda dtype: hnp.arrays(
        dtype,
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=7),
        elements={"min_value": -999, "max_value": 999},
    )
)


@pytest.mark.parametrize("kind", ["hdf5", "netcdf3", "netcdf4", "matlab5", "matlab73", "zarr2", "zarr3", "safetensors"])
@settings(deadline=None, max_examples=8)
@given(array=numbers)
def test_arrays_come_back(tmp_path_factory, kind, array):
    tmp_path = tmp_path_factory.mktemp("arrays")
    signals = read(WRITERS[kind](array, tmp_path))
    assert (signals.values.ravel() == array.ravel().astype(np.float32)).all()
    assert names(signals) == ("yx" if kind.startswith("netcdf") else "t")


def _hdf5(array: np.ndarray, tmp_path: Path) -> bytes:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("deep/inside/array", data=array, compression="gzip", shuffle=True)
    return buffer.getvalue()


def _netcdf3(array: np.ndarray, tmp_path: Path) -> bytes:
    from scipy.io import netcdf_file

    def write(path: str) -> None:
        with netcdf_file(path, "w") as file:
            for name, size in zip("yx", array.shape, strict=True):
                file.createDimension(name, size)
            file.createVariable("field", array.dtype.newbyteorder(">"), ("y", "x"))[:] = array

    return by(write, ".nc", tmp_path)


def _netcdf4(array: np.ndarray, tmp_path: Path) -> bytes:
    import h5netcdf

    buffer = io.BytesIO()
    with h5netcdf.File(buffer, "w") as file:
        file.dimensions = {"lat": array.shape[0], "lon": array.shape[1]}
        file.create_variable("lat", ("lat",), data=np.arange(array.shape[0]) * 2.0).attrs["units"] = "degrees"
        file.create_variable("field", ("lat", "lon"), data=array)
    return buffer.getvalue()


def _matlab5(array: np.ndarray, tmp_path: Path) -> bytes:
    from scipy.io import savemat

    buffer = io.BytesIO()
    savemat(
        buffer, {"array": array, "words": np.array(["a", "bc"]), "cells": np.array([{}], object)}, do_compression=True
    )
    return buffer.getvalue()


def _matlab73(array: np.ndarray, tmp_path: Path) -> bytes:
    import h5py

    def write(path: str) -> None:
        with h5py.File(path, "w", userblock_size=512) as file:
            file["array"] = array.T
        with open(path, "r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")

    return by(write, ".mat", tmp_path)


def _zarr(array: np.ndarray, tmp_path: Path, version: int) -> bytes:
    import zarr

    folder = tmp_path / "set.zarr"
    zarr.create_array(store=folder, data=array, chunks=(2, 2), zarr_format=version, overwrite=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(tmp_path))
    return buffer.getvalue()


def _safetensors(array: np.ndarray, tmp_path: Path) -> bytes:
    from safetensors.numpy import save

    return save({"array": array})


WRITERS = {
    "hdf5": _hdf5, "netcdf3": _netcdf3, "netcdf4": _netcdf4, "matlab5": _matlab5, "matlab73": _matlab73,
    "zarr2": lambda a, p: _zarr(a, p, 2), "zarr3": lambda a, p: _zarr(a, p, 3), "safetensors": _safetensors,
}  # fmt: skip


def test_dimensions_keep_their_extent_and_unit(tmp_path):
    signals = read(_netcdf4(np.zeros((4, 3), np.float32), tmp_path))
    assert (signals.axes[0].start, signals.axes[0].stop, signals.axes[0].unit) == (-1.0, 7.0, "degrees")


def test_fill_values_are_missing_and_packed_ones_unpacked(tmp_path):
    import h5netcdf

    buffer = io.BytesIO()
    with h5netcdf.File(buffer, "w") as file:
        file.dimensions = {"time": 3, "y": 2, "x": 2}
        packed = np.arange(12, dtype=np.int16).reshape(3, 2, 2)
        variable = file.create_variable("field", ("time", "y", "x"), data=packed, fillvalue=np.int16(5))
        variable.attrs["scale_factor"], variable.attrs["add_offset"] = 0.5, 10.0
    values = read(buffer.getvalue()).values.ravel()
    assert np.isnan(values[5]) and values[4] == 12.0 and np.isnan(values).sum() == 1


def test_a_zarr_folder(tmp_path):
    import zarr

    array = RNG.random((5, 6), np.float32)
    zarr.create_group(tmp_path / "set.zarr").create_array("part", data=array, chunks=(2, 3))
    assert (read_path(tmp_path / "set.zarr", Options()).values.reshape(5, 6) == array).all()


def test_our_own_sets_come_back(tmp_path):
    signals = SignalSet.from_points([(np.array([0.0, 2.0]), np.ones(2)), (np.array([1.0]), np.zeros(1))], axes="t")
    assert read(signals.artifact.to_bytes()).id == signals.id


def test_points_in_an_npz():
    buffer = io.BytesIO()
    coords, values = RNG.random((9, 2)), RNG.random((9, 3))
    np.savez(buffer, coords=coords, values=values, offsets=[0, 4, 9], labels=[1, 0], class_names=["a", "b"])
    signals = read(buffer.getvalue())
    assert (len(signals), names(signals), signals.m, signals.labels.tolist()) == (2, "yx", 3, [1, 0])
    np.testing.assert_allclose(signals.values, values.astype(np.float32))
    low, high = coords.min(0), coords.max(0)
    np.testing.assert_allclose((signals.coords + 1) / 2 * (high - low) + low, coords, atol=1e-6)


# ---------------------------------------------------------------------------------------------------------------------
# Tables


def frames():
    import pandas

    time = np.arange(6) * 0.5
    return pandas.DataFrame({
        "series": np.repeat(["a", "b"], 6), "time [s]": np.tile(time, 2), "left": RNG.random(12).astype(np.float32),
        "right": RNG.random(12).astype(np.float32), "class": np.repeat(["up", "down"], 6),
    })  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "tsv", "semicolon", "utf-16", "parquet", "excel", "json lines", "gzip"])
def test_long_tables(kind):
    import gzip

    table = frames()
    buffer = io.BytesIO()
    if kind in ("csv", "tsv", "semicolon", "utf-16", "gzip"):
        mark = {"tsv": "\t", "semicolon": ";"}.get(kind, ",")
        text = table.to_csv(index=False, sep=mark, decimal="," if kind == "semicolon" else ".")
        data = text.encode("utf-16" if kind == "utf-16" else "utf-8")
        data = gzip.compress(data) if kind == "gzip" else data
    elif kind == "parquet":
        table.to_parquet(buffer, index=False)
        data = buffer.getvalue()
    elif kind == "excel":
        table.to_excel(buffer, index=False)
        data = buffer.getvalue()
    else:
        data = table.to_json(orient="records", lines=True, double_precision=12).encode()
    signals = read(data)
    assert (len(signals), signals.shape, signals.channels, signals.ids) == (2, (6,), ("left", "right"), ("a", "b"))
    np.testing.assert_allclose(signals.values, table[["left", "right"]].to_numpy(), rtol=1e-6)
    assert (signals.axes[0].unit, signals.axes[0].start, signals.axes[0].stop) == ("s", -0.25, 2.75)
    assert signals.class_names == ("down", "up") and signals.labels.tolist() == [1, 0]


def test_uneven_time_stamps_gaps_and_unequal_lengths():
    text = "id,time,value\na,0,1\na,1,2\na,4,\na,5,3\nb,1,7\nb,3.5,8\n"
    found = Findings()
    signals = read_file(from_bytes("gaps.csv", text.encode()), Options(), found)
    assert signals.shapes is None and np.diff(signals.offsets).tolist() == [3, 2]
    np.testing.assert_allclose((signals.coords[:, 0] + 1) / 2 * 5, [0, 1, 5, 1, 3.5], atol=1e-6)
    assert signals.values.ravel().tolist() == [1, 2, 3, 7, 8] and "1 rows" in found.warnings[0]


def test_dates_are_seconds():
    text = "date,value\n2024-01-01,1\n2024-01-02,2\n2024-01-03,4\n"
    signals = read(text.encode())
    assert signals.shape == (3,) and signals.axes[0].unit == "s" and signals.axes[0].stop == 2.5 * 86400


def test_missing_values_stay_missing_on_a_grid():
    signals = read(b"time,a,b\n0,1,\n1,,5\n2,3,6\n")
    assert signals.shape == (3,) and np.isnan(signals.values).tolist() == [[False, True], [True, False], [False, False]]


WIDE = {
    "named samples": b"t0,t1,t2,t3,label\n1,2,3,4,x\n5,6,7,8,y\n9,9,9,9,x\n",
    "numbers as names": b"label,0,1,2,3\nx,1,2,3,4\ny,5,6,7,8\nx,9,9,9,9\n",
}


@pytest.mark.parametrize("kind", WIDE)
def test_wide_tables(kind):
    signals = read(WIDE[kind])
    assert (len(signals), signals.shape, signals.m) == (3, (4,), 1)
    assert signals.grid(1).ravel().tolist() == [5, 6, 7, 8]
    assert signals.class_names == ("x", "y") and signals.labels.tolist() == [0, 1, 0]


COLUMNS = b"Time [s],s1,s2,s3,s4\n0,1,2,3,4\n.5,5,6,7,8\n1,9,9,,9\n"


def test_beside_a_column_of_times_each_column_is_a_signal():
    signals = read(COLUMNS)
    assert (signals.ids, signals.m, signals.axes[0].unit) == (("s1", "s2", "s3", "s4"), 1, "s")
    assert signals.shape == (3,) and signals.grid(1).ravel().tolist() == [2, 6, 9]
    assert np.isnan(signals.grid(2)).ravel().tolist() == [False, False, True]
    uneven = read(COLUMNS.replace(b".5", b".2"))
    assert uneven.shapes is None and np.diff(uneven.offsets).tolist() == [3, 3, 2, 3]
    one = read(COLUMNS, columns={f"s{i}": "value" for i in range(1, 5)})
    assert (len(one), one.channels) == (1, ("s1", "s2", "s3", "s4"))
    even = read(b"value,b,signal\n1,4,7\n2,5,8\n3,6,9\n", columns=dict.fromkeys(("value", "b", "signal"), "signal"))
    assert (even.ids, even.shape) == (("value", "b", "signal"), (3,)) and even.grid(2).ravel().tolist() == [7, 8, 9]
    with pytest.raises(InvalidInput, match="all columns of numbers to be signals"):
        read(COLUMNS, columns={"s1": "value"})


def test_rows_without_names_as_the_ucr_archive_writes_them():
    rows = "\n".join("\t".join([str(1 + i % 2), *map(str, range(i, i + 20))]) for i in range(6))
    signals = read(rows.encode())
    assert (len(signals), signals.shape, signals.class_names) == (6, (20,), ("1", "2"))
    assert signals.grid(2).ravel().tolist() == list(range(2, 22))


def test_tidy_tables():
    rows = [f"{s},{t},{c},{10 * t + k}" for s in "ab" for t in range(3) for k, c in enumerate(("red", "green"))]
    signals = read("\n".join(["subject,t,variable,value", *rows]).encode())
    assert (len(signals), signals.shape, signals.channels) == (2, (3,), ("red", "green"))
    assert signals.grid(0).tolist() == [[0, 1], [10, 11], [20, 21]]


def test_points_in_a_table():
    signals = read(b"x,y,height\n0,0,1\n4,0,2\n0,2,3\n1,1,4\n")
    assert signals.shapes is None and names(signals) == "yx" and signals.channels == ("height",)
    assert (signals.axes[0].stop, signals.axes[1].stop) == (2.0, 4.0)


def test_the_guess_can_be_overruled():
    text = b"step,first,second,group\n0,1,5,a\n1,2,6,a\n0,3,7,b\n1,4,8,b\n"
    guessed = read(text)
    assert (len(guessed), guessed.channels) == (1, ("first", "second"))
    said = read(text, columns={"group": "id", "second": "ignore"})
    assert (len(said), said.shape, said.channels, said.ids) == (2, (2,), ("first",), ("a", "b"))
    with pytest.raises(InvalidInput, match="no such"):
        read(text, columns={"no such": "id"})
    with pytest.raises(InvalidInput, match="2 columns as id"):
        read(text, columns={"group": "id", "second": "id"})


@pytest.mark.parametrize("named", ["patient", "ward", "device_id"])
def test_whoever_is_measured_is_found_by_name_or_by_the_time_that_begins_anew(named):
    rows = [f"{who},{day},{day * k},{'ab'[k]}" for k, who in enumerate(("x", "y")) for day in (0, 1, 3)]
    signals = read("\n".join([f"{named},time,pulse,group", *rows]).encode())
    assert (len(signals), signals.ids, signals.channels) == (2, ("x", "y"), ("pulse",))


def test_lists_in_json_lines():
    rows = [{"id": "p", "label": "u", "time": [0, 1, 3], "values": [1, 2, 3]},
            {"id": "q", "label": "v", "time": [0, 2], "values": [4, None]}]  # fmt: skip
    signals = read("\n".join(map(json.dumps, rows)).encode())
    assert (len(signals), signals.ids, signals.class_names) == (2, ("p", "q"), ("u", "v"))
    assert np.diff(signals.offsets).tolist() == [3, 1] and signals.values.ravel().tolist() == [1, 2, 3, 4]


TS = """@problemName demo
@timestamps false
@classLabel true a b
@data
1,2,3:4,5,6:a
1,2:4,?:b
"""


def test_ts_files():
    signals = read(TS.encode())
    assert (len(signals), signals.m, signals.shapes.tolist()) == (2, 2, [[3], [2]])
    assert signals.class_names == ("a", "b") and signals.labels.tolist() == [0, 1]
    assert signals.grid(0).tolist() == [[1, 4], [2, 5], [3, 6]] and np.isnan(signals.grid(1)[1, 1])


def test_ts_files_with_time_stamps():
    signals = read(b"@problemName demo\n@timeStamps true\n@classLabel true 1 2\n@data\n(0,1),(1,2),(5,3):1\n(2,7):2\n")
    assert signals.shapes is None and np.diff(signals.offsets).tolist() == [3, 1] and signals.axes[0].stop == 5
    dated = read(b"@problemName d\n@timeStamps true\n@data\n(2007-01-01 00:00:00,1),(2007-01-02 00:00:00,2)\n")
    assert dated.axes[0].stop - dated.axes[0].start == 86400


def test_arff_files():
    plain = "@relation demo\n@attribute a numeric\n@attribute b numeric\n@attribute class {x,y}\n@data\n1,2,x\n3,?,y\n"
    signals = read(plain.encode())
    assert (len(signals), signals.shape, signals.class_names) == (2, (2,), ("x", "y"))
    assert np.isnan(signals.values).sum() == 1
    nested = ("@relation demo\n@attribute r relational\n@attribute a numeric\n@end r\n@attribute class {x,y}\n@data\n"
              "'1,2,3\\n4,5,6',x\n'7,8,9\\n0,1,2',y\n")  # fmt: skip
    signals = read(nested.encode())
    assert (len(signals), signals.shape, signals.m) == (2, (3,), 2) and signals.grid(1).tolist()[0] == [7, 0]


# ---------------------------------------------------------------------------------------------------------------------
# Sound, video, volumes, meshes


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint8, np.float32])
@pytest.mark.parametrize("channels", [1, 2])
def test_waves(dtype, channels):
    from scipy.io import wavfile

    wave = RNG.uniform(-1, 1, (500, channels))
    if dtype == np.float32:
        stored = wave.astype(dtype)
    else:
        info = np.iinfo(dtype)
        stored = (wave * (info.max - info.min) / 2.01 + (info.max + info.min + 1) / 2).astype(dtype)
    buffer = io.BytesIO()
    wavfile.write(buffer, 8000, stored)
    signals = read(buffer.getvalue())
    assert (signals.shape, signals.m, signals.sample_rate_hz) == ((500,), channels, 8000)
    assert (signals.axes[0].unit, signals.axes[0].stop) == ("s", 500 / 8000)
    np.testing.assert_allclose(signals.grid(0), wave, atol=0.02)


@pytest.mark.parametrize(("file_format", "tolerance"), [("FLAC", 1e-4), ("OGG", 0.1), ("MP3", 0.1)])
def test_packed_sound(file_format, tolerance):
    import soundfile

    wave = np.sin(np.arange(16000) * 0.05)[:, None] * 0.5
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, 16000, format=file_format)
    signals = read(buffer.getvalue())
    assert signals.sample_rate_hz == 16000 and abs(signals.shape[0] - 16000) < 3000
    assert np.abs(signals.grid(0)[2000:14000] - wave[2000:14000]).max() < tolerance or file_format == "MP3"


def video(frames: np.ndarray, container: str, codec: str) -> bytes:
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as opened:
        stream = opened.add_stream(codec, rate=10)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
        for image in frames:
            opened.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        opened.mux(stream.encode())
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("container", "codec"), [("mp4", "libx264"), ("webm", "libvpx-vp9"), ("matroska", "ffv1"), ("avi", "mpeg4")]
)
def test_videos(container, codec):
    ramp = np.linspace(40, 200, 6).astype(np.uint8)
    frames = np.tile(ramp[:, None, None, None], (1, 32, 48, 3))
    signals = read(video(frames, container, codec))
    assert (len(signals), signals.shape, signals.m, names(signals)) == (1, (6, 32, 48), 3, "tyx")
    assert signals.axes[0].stop == pytest.approx(0.6)
    error = np.abs(signals.values.reshape(frames.shape).astype(int) - frames).max()
    assert error == 0 if codec == "ffv1" else error < 8


def test_nifti():
    import nibabel

    array = RNG.integers(0, 200, (4, 5, 6)).astype(np.uint8)
    image = nibabel.Nifti1Image(array, np.diag([2.0, 3.0, 4.0, 1.0]))
    image.header.set_xyzt_units("mm")
    for data in (image.to_bytes(), nibabel.Nifti2Image(array, image.affine).to_bytes()):
        signals = read(data)
        assert (signals.shape, names(signals)) == ((6, 5, 4), "zyx")
        assert [a.stop for a in signals.axes] == [24.0, 15.0, 8.0]
        assert (signals.values.reshape(6, 5, 4) == array.T).all()
    flipped = nibabel.Nifti1Image(array, np.diag([-2.0, 3.0, 4.0, 1.0]))  # x runs to the left
    assert (read(flipped.to_bytes()).values.reshape(6, 5, 4) == array[::-1].T).all()
    several = nibabel.Nifti1Image(RNG.random((3, 4, 5, 2)).astype(np.float32), np.eye(4))
    assert (len(read(several.to_bytes())), read(several.to_bytes()).shape) == (2, (5, 4, 3))


volumes = st.sampled_from([np.uint8, np.int16, np.int32, np.float32]).flatmap(
    lambda dtype: hnp.arrays(
        dtype,
        hnp.array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=6),
        elements={"min_value": 2, "max_value": 99},
    )
)
steps = st.tuples(*[st.sampled_from([0.25, 0.5, 1.0, 3.0])] * 3)


@settings(deadline=None, max_examples=15)
@given(array=volumes, step=steps)
def test_volumes_of_any_size_and_type(array, step):
    import nibabel

    image = nibabel.Nifti1Image(array, np.diag([*step, 1.0]), dtype=array.dtype)
    signals = read(image.to_bytes())
    assert signals.shape == array.shape[::-1]
    assert [a.stop for a in signals.axes] == pytest.approx(
        [n * s for n, s in zip(array.shape, step, strict=True)][::-1]
    )
    expected = array.T / np.float32(255) if array.dtype == np.uint8 else array.T
    np.testing.assert_allclose(signals.grid(0)[..., 0], expected, rtol=1e-6)


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@settings(deadline=None, max_examples=8)
@given(array=volumes, step=steps)
def test_nrrd(tmp_path_factory, encoding, array, step):
    import nrrd

    header = {"encoding": encoding, "spacings": list(step)}
    folder = tmp_path_factory.mktemp("nrrd")
    signals = read(by(lambda path: nrrd.write(path, array, header), ".nrrd", folder))
    assert signals.shape == array.shape[::-1]
    assert [a.stop for a in signals.axes] == pytest.approx(
        [n * s for n, s in zip(array.shape, step, strict=True)][::-1]
    )
    expected = array.T / np.float32(255) if array.dtype == np.uint8 else array.T
    np.testing.assert_allclose(signals.grid(0)[..., 0], expected, rtol=1e-6)


@settings(deadline=None, max_examples=15)
@given(
    lengths=st.lists(st.integers(3, 9), min_size=1, max_size=4),
    m=st.integers(1, 3),
    mark=st.sampled_from([",", "\t", ";", "|"]),
    even=st.booleans(),
)
def test_series_of_any_lengths_and_channels(lengths, m, mark, even):
    rng = np.random.default_rng(0)
    times = [np.arange(n) * 1.0 if even else np.cumsum(rng.uniform(0.1, 3, n)) for n in lengths]
    values = [rng.standard_normal((n, m)).astype(np.float32) for n in lengths]
    head = mark.join(["series", "time", *(f"channel_{'abc'[k]}" for k in range(m))])
    rows = [
        mark.join([f"s{i}", f"{t:.9f}", *(f"{v:.9g}" for v in row)])
        for i, (at, own) in enumerate(zip(times, values, strict=True))
        for t, row in zip(at, own, strict=True)
    ]
    signals = read("\n".join([head, *rows]).encode())
    assert signals.ids == tuple(f"s{i}" for i in range(len(lengths))) and signals.m == m
    assert np.diff(signals.offsets).tolist() == lengths
    np.testing.assert_allclose(signals.values, np.concatenate(values), rtol=1e-6)
    (axis,) = signals.axes
    if signals.coords is not None:
        places = axis.start + (signals.coords[:, 0].astype(np.float64) + 1) / 2 * (axis.stop - axis.start)
        np.testing.assert_allclose(places, np.concatenate(times), atol=1e-5)
    else:  # one grid for all
        assert even or len(set(lengths)) == 1


def dicom(pixels: np.ndarray, z: float) -> bytes:
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"1.2.3.{int(z) + 50}"
    data = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.SeriesInstanceUID, data.Rows, data.Columns = "1.2.3", *pixels.shape
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 15, 0, 1
    data.PhotometricInterpretation, data.PixelSpacing = "MONOCHROME2", [0.5, 0.25]
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, z], [1, 0, 0, 0, 1, 0]
    data.RescaleSlope, data.RescaleIntercept, data.PixelData = 2, -1000, pixels.astype("<u2").tobytes()
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, data)
    return buffer.getvalue()


def test_a_dicom_series_is_a_volume_in_the_order_of_its_places():
    slices = RNG.integers(0, 4000, (3, 4, 5)).astype(np.uint16)
    files = [from_bytes(f"{name}.dcm", dicom(slices[k], 3.0 * k)) for name, k in (("a", 2), ("b", 0), ("c", 1))]
    signals = read_files(files, Options())
    assert (len(signals), signals.shape) == (1, (3, 4, 5)) and [a.stop for a in signals.axes] == [9.0, 2.0, 1.25]
    assert (signals.grid(0)[..., 0] == slices * 2.0 - 1000).all()
    assert read(dicom(slices[0], 0)).shape == (4, 5)


@pytest.mark.parametrize("kind", ["obj", "ply", "stl", "off", "stl_ascii"])
def test_meshes_are_occupancy(kind):
    import trimesh

    sphere = trimesh.creation.icosphere(subdivisions=3, radius=2.0)
    data = sphere.export(file_type=kind)
    signals = read(data if isinstance(data, bytes) else data.encode())
    assert (signals.shape, names(signals), signals.channels) == ((64, 64, 64), "zyx", ("occupancy",))
    cell = np.prod([a.stop - a.start for a in signals.axes]) / 64**3
    assert signals.grid(0).sum() * cell == pytest.approx(sphere.volume, rel=0.01)
    places = np.stack(np.meshgrid(*[np.linspace(-1, 1, 129)[1::2] * 64 / 62 * 2] * 3, indexing="ij"), -1)
    assert (signals.grid(0)[..., 0] == (np.linalg.norm(places, axis=-1) < 2)).mean() > 0.99


def test_a_mesh_fills_its_volume(shared_data):
    import trimesh

    with np.load(shared_data / "spot_mesh.npz") as spot:
        mesh = trimesh.Trimesh(spot["vertices"], spot["faces"])
    signals = read(mesh.export(file_type="ply"))
    cell = np.prod([a.stop - a.start for a in signals.axes]) / 64**3
    assert signals.grid(0).sum() * cell == pytest.approx(mesh.volume, rel=0.01)


# ---------------------------------------------------------------------------------------------------------------------
# Folders and archives


def archived(kind: str, files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz" if kind == "tar.gz" else "w") as tar:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def png(level: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 5), level, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def wav(samples: int, rate: int = 8000) -> bytes:
    from scipy.io import wavfile

    buffer = io.BytesIO()
    wavfile.write(buffer, rate, (1000 * np.sin(np.arange(samples) / 9)).astype(np.int16))
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_archives_of_class_folders(kind, tmp_path):
    files = {"pets/cat/1.png": png(1), "pets/dog/1.png": png(2), "pets/dog/2.png": png(3), "pets/readme.txt": b"hello",
             "__MACOSX/pets/cat/._1.png": b"?"}  # fmt: skip
    found = Findings()
    (tmp_path / "bin").write_bytes(archived(kind, files))
    signals = read_path(tmp_path / "bin", Options(), found)
    assert signals.class_names == ("cat", "dog") and signals.labels.tolist() == [0, 1, 1]
    assert signals.values[::20].ravel().tolist() == [1, 2, 3] and "readme.txt" in found.warnings[0]


def test_a_folder_of_sounds():
    files = {"yes/a.wav": wav(800), "no/b.wav": wav(800), "no/c.wav": wav(400)}
    found = Findings()
    signals = read_file(from_bytes("set.zip", archived("zip", files)), Options(), found)
    assert (len(signals), signals.sample_rate_hz, signals.class_names) == (3, 8000, ("no", "yes"))
    assert signals.shapes.ravel().tolist() == [800, 400, 800] and "extents" in found.warnings[0]


def test_splits_and_one_folder_around_everything():
    files = {f"set/{part}/{label}/1.png": png(1) for part in ("train", "test") for label in "ab"}
    signals = read(archived("zip", files))
    assert (len(signals.train), len(signals.test), signals.class_names) == (2, 2, ("a", "b"))


# ---------------------------------------------------------------------------------------------------------------------
# What may be asked to be done


def test_crop_size_channels_and_standardise():
    from PIL import Image

    array = RNG.integers(0, 255, (20, 30, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    data = buffer.getvalue()
    assert read(data, size=(10,)).shape == (10, 10)
    cropped = read(data, crop=True)
    assert cropped.shape == (20, 20) and (cropped.values.reshape(20, 20, 3) == array[:, 5:25]).all()
    gray = read(data, channels=("gray",))
    np.testing.assert_allclose(gray.grid(0)[..., 0] * 255, array @ [0.299, 0.587, 0.114], atol=0.51)
    assert read(data, channels=("blue",)).values[0, 0] == array[0, 0, 2]
    wave = read(wav(8000, 8000), sample_rate_hz=2000.0)
    assert (wave.shape, wave.sample_rate_hz, wave.axes[0].stop) == ((2000,), 2000, 1.0)
    np.testing.assert_allclose(wave.grid(0)[5:-5], read(wav(8000, 8000), size=(2000,)).grid(0)[5:-5], atol=1e-6)
    standard = read(data, standardise="signal").grid(0)
    np.testing.assert_allclose([standard.mean((0, 1)), standard.std((0, 1))], [[0] * 3, [1] * 3], atol=1e-4)
    for wrong in ({"channels": ("infrared",)}, {"size": (3, 3, 3)}, {"standardise": "x"}, {"size": (0,)},
                  {"sample_rate_hz": 8000.0}, {"sample_rate_hz": -1.0}):  # fmt: skip
        with pytest.raises(InvalidInput):
            read(data, **wrong)
