"""Files made to break a reader: cut, with other headers, grown from little, with code inside, with paths out of it.

``corpus()`` gives the same files every time.
"""

import bz2
import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator

import numpy as np

SEED = 0
HUGE = 10**9
CANARY = b"the canary sings"
"""What lies in a file that nobody may read."""


def seeds() -> dict[str, bytes]:
    """A small whole file of every kind."""
    import av
    import h5py
    import nibabel
    import pandas
    import soundfile
    import trimesh
    import zarr
    from PIL import Image
    from safetensors.numpy import save
    from scipy.io import netcdf_file, savemat, wavfile

    rng = np.random.default_rng(SEED)
    pixels = rng.integers(0, 255, (12, 17, 3)).astype(np.uint8)
    numbers = rng.random((6, 11), np.float32)
    found: dict[str, bytes] = {}

    def into(name: str, write) -> None:
        buffer = io.BytesIO()
        write(buffer)
        found[name] = buffer.getvalue()

    for kind in ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"):
        into(f"image.{kind.lower()}", lambda b, kind=kind: Image.fromarray(pixels).save(b, kind))
    pages = [Image.fromarray(pixels[..., 0] + np.uint8(i)) for i in range(4)]
    for kind in ("TIFF", "GIF", "WEBP"):
        into(
            f"pages.{kind.lower()}", lambda b, kind=kind: pages[0].save(b, kind, save_all=True, append_images=pages[1:])
        )
    into("array.npy", lambda b: np.save(b, numbers))
    into("set.npz", lambda b: np.savez_compressed(b, x_train=pixels[None], y_train=[0], class_names=["a"]))
    into("array.mat", lambda b: savemat(b, {"array": numbers}, do_compression=True))

    def hdf5(b: io.BytesIO) -> None:
        with h5py.File(b, "w") as file:
            file.create_dataset("inside/array", data=numbers, compression="gzip", chunks=(2, 4))

    into("array.h5", hdf5)

    def netcdf(b: io.BytesIO) -> None:
        file = netcdf_file(b, "w")
        for name, size in zip("yx", numbers.shape, strict=True):
            file.createDimension(name, size)
        file.createVariable("field", "f4", ("y", "x"))[:] = numbers
        file.flush()
        found["array.nc"] = b.getvalue()  # it closes what it writes to

    netcdf(io.BytesIO())
    found["array.safetensors"] = save({"array": numbers})
    store: dict[str, object] = {}
    zarr.create_array(store=zarr.storage.MemoryStore(store), data=numbers, chunks=(3, 4), zarr_format=2)
    chunks = {name: data.to_bytes() for name, data in store.items()}
    found["array.zarr.zip"] = zipped(chunks)
    into("sound.wav", lambda b: wavfile.write(b, 8000, (numbers * 30000).astype(np.int16)))
    for kind in ("FLAC", "OGG", "MP3"):
        into(
            f"sound.{kind.lower()}",
            lambda b, kind=kind: soundfile.write(b, np.tile(numbers[:, :1], (900, 1)), 16000, format=kind),
        )

    def video(container: str, codec: str):
        def write(b: io.BytesIO) -> None:
            with av.open(b, "w", format=container) as opened:
                stream = opened.add_stream(codec, rate=10)
                stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
                for level in (50, 90, 130):
                    image = np.full((32, 32, 3), level, np.uint8)
                    opened.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
                opened.mux(stream.encode())

        return write

    into("video.mp4", video("mp4", "libx264"))
    into("video.webm", video("webm", "libvpx"))
    into("video.avi", video("avi", "mpeg4"))
    found["volume.nii"] = nibabel.Nifti1Image(rng.random((4, 5, 6)).astype(np.float32), np.eye(4)).to_bytes()
    found["volume.nii.gz"] = gzip.compress(found["volume.nii"])
    found["volume.nrrd"] = nrrd(numbers)
    found["slice.dcm"] = dicom(numbers)
    sphere = trimesh.creation.icosphere(subdivisions=1)
    for kind in ("ply", "stl", "off", "obj"):
        data = sphere.export(file_type=kind)
        found[f"mesh.{kind}"] = data if isinstance(data, bytes) else data.encode()
    table = pandas.DataFrame(numbers, columns=[f"t{i}" for i in range(11)]).assign(label=list("ababab"))
    found["table.csv"] = table.to_csv(index=False).encode()
    found["table.jsonl"] = table.to_json(orient="records", lines=True).encode()
    into("table.parquet", lambda b: table.to_parquet(b))
    into("table.xlsx", lambda b: table.to_excel(b, index=False))
    found["series.ts"] = (
        b"@problemName d\n@timeStamps false\n@classLabel true a b\n@data\n1,2,3:4,5,6:a\n1,2,3:4,5,6:b\n"
    )
    found["series.arff"] = (
        b"@relation d\n@attribute a real\n@attribute b real\n@attribute c {x,y}\n@data\n1,2,x\n3,4,y\n"
    )
    found["folder.zip"] = zipped({"a/1.png": found["image.png"], "b/1.png": found["image.png"]})
    found["folder.tar"] = tarred([("a/1.png", found["image.png"]), ("b/1.png", found["image.png"])])
    return found


def nrrd(array: np.ndarray, extra: str = "", sizes: str | None = None, data: bytes | None = None) -> bytes:
    sizes = sizes or " ".join(map(str, array.shape))
    head = f"NRRD0004\ntype: float\ndimension: {len(sizes.split())}\nsizes: {sizes}\nendian: little\nencoding: raw\n"
    head += f"{extra}\n"
    return head.encode() + (array.astype("<f4").tobytes("F") if data is None else data)


def dicom(array: np.ndarray, rows: int | None = None) -> bytes:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.Rows, data.Columns = rows or array.shape[0], array.shape[1] if rows is None else 65535
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 15, 0, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.PixelData = (array * 1000).astype("<u2").tobytes()
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def linked(target: str) -> bytes:
    """A zip file with a symbolic link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("link.png")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, target)
    return buffer.getvalue()


def tarred(files: list[tuple[str, bytes]], **fields: object) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in fields.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def png(width: int, height: int, body: bytes = b"", depth: int = 8) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width & 0xFFFFFFFF, height & 0xFFFFFFFF, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def npy(shape: str, dtype: str = "|u1", body: bytes = b"") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


class _Runs:
    """What pickle calls when it is asked to open it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("touch /tmp/explorer-was-here",)


def corpus(outside: str) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of all. ``outside`` is the path of a file that none may read."""
    yield from small(outside)
    for name, make in bombs().items():
        yield name, make()


def small(outside: str) -> Iterator[tuple[str, bytes]]:
    """All but the bombs."""
    rng = np.random.default_rng(SEED)
    whole = seeds()
    for name, data in whole.items():
        yield f"whole/{name}", data
        places = sorted({0, 1, 3, 8, 16, len(data) // 4, len(data) // 2, len(data) - 20, len(data) - 1})
        for place in places:
            if 0 <= place < len(data):
                yield f"cut at {place}/{name}", data[:place]
        for turn in range(4):
            broken = bytearray(data)
            for place in rng.integers(0, min(len(data), 200 if turn < 3 else len(data)), 6):
                broken[place] = rng.integers(0, 256)
            yield f"flips {turn}/{name}", bytes(broken)
        yield f"grown/{name}", data + bytes(rng.integers(0, 256, 100, np.uint8))
    yield from _pickles(whole)
    yield from _headers(whole)
    yield from _paths(whole, outside)
    yield from _text(whole, outside)


def _pickles(whole: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    evil = [pickle.dumps(_Runs(), protocol) for protocol in range(6)]
    for protocol, data in enumerate(evil):
        for suffix in ("png", "npy", "csv", "wav", "nii", "h5"):
            yield f"pickle {protocol}.{suffix}", data
        yield f"pickle {protocol} in npz", zipped({"x.npy": data})
        yield f"pickle {protocol} as torch file", zipped({"archive/data.pkl": data, "archive/version": b"3"})
        yield f"pickle {protocol} packed.gz", gzip.compress(data)
        yield f"pickle {protocol} behind a mark.npy", whole["array.npy"][:8] + data
    yield "joblib", zlib.compress(evil[4])
    yield "joblib bz2", bz2.compress(evil[4])
    buffer = io.BytesIO()
    np.save(buffer, np.array([_Runs()], object), allow_pickle=True)
    yield "objects.npy", buffer.getvalue()
    yield "objects in npz", zipped({"x.npy": buffer.getvalue()})
    yield "objects among good.npz", zipped({"x.npy": whole["array.npy"], "y.npy": buffer.getvalue()})
    for codec in ("pickle", "json2", "msgpack2", "vlen-utf8"):
        about = {"zarr_format": 2, "shape": [2], "chunks": [2], "dtype": "|O", "compressor": None, "fill_value": 0,
                 "order": "C", "filters": [{"id": codec}]}  # fmt: skip
        yield f"zarr with {codec}", zipped({".zarray": json.dumps(about).encode(), "0": evil[2]})
    v3 = {"zarr_format": 3, "node_type": "array", "shape": [2], "data_type": "float32", "fill_value": 0,
          "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}},
          "chunk_key_encoding": {"name": "default"},
          "codecs": [{"name": "numcodecs.pickle", "configuration": {}}]}  # fmt: skip
    yield "zarr 3 with pickle", zipped({"zarr.json": json.dumps(v3).encode(), "c/0": evil[2]})


def _headers(whole: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    from scipy.io import savemat

    """Sizes that are made up: huge, zero, negative, not numbers."""
    sizes = ("(1000000000, 1000000000)", "(0, 5)", "(-1, 5)", "(4294967296, 4294967296, 4294967296)", "(True, 2)",
             "(1e9,)", "()", "(99999999999999999999,)", "(2, 3, 4, 5, 6, 7, 8)")  # fmt: skip
    for shape in sizes:
        for dtype in ("|u1", "<f8", "|O", "<U99999999"):
            yield f"npy {shape} {dtype}", npy(shape, dtype, bytes(30))
        yield f"npz {shape}", zipped({"x.npy": npy(shape, "|u1", bytes(30))})
    for width, height in ((HUGE, HUGE), (0, 5), (5, 0), (-1, -1), (65535, 65535), (30000, 30000)):
        yield f"png {width} x {height}", png(width, height)
        gif = bytearray(whole["image.gif"])
        gif[6:10] = struct.pack("<HH", width & 0xFFFF, height & 0xFFFF)
        yield f"gif {width} x {height}", bytes(gif)
        bmp = bytearray(whole["image.bmp"])
        bmp[18:26] = struct.pack("<ii", width, height)
        yield f"bmp {width} x {height}", bytes(bmp)
        nii = bytearray(whole["volume.nii"])
        nii[40:48] = struct.pack("<4h", 3, width & 0x7FFF, height & 0x7FFF, 32767)
        yield f"nifti {width} x {height}", bytes(nii)
        yield f"nrrd {width} x {height}", nrrd(np.empty(0), sizes=f"{width} {height}", data=bytes(10))
        text = json.dumps({"a": {"dtype": "F32", "shape": [width, height], "data_offsets": [0, 4]}}).encode()
        yield f"safetensors {width} x {height}", struct.pack("<Q", len(text)) + text + bytes(4)
        about = {"zarr_format": 2, "shape": [width, height], "chunks": [max(width, 1), max(height, 1)], "dtype": "<f8",
                 "compressor": None, "fill_value": 0, "order": "C", "filters": None}  # fmt: skip
        yield f"zarr {width} x {height}", zipped({".zarray": json.dumps(about).encode()})
        yield (
            f"zarr {width} x {height} in small chunks",
            zipped({".zarray": json.dumps({**about, "chunks": [1, 1]}).encode()}),
        )
        wave = bytearray(whole["sound.wav"])
        wave[22:28] = struct.pack("<HI", width & 0xFFFF, height & 0xFFFFFFFF)
        yield f"wav {width} channels at {height} Hz", bytes(wave)
        yield f"wav of {height} bytes", whole["sound.wav"][:40] + struct.pack("<I", height & 0xFFFFFFFF) + bytes(8)
        for kind in ("ply", "off"):
            yield f"{kind} of {width} corners", mesh(kind, width, height)
    buffer = io.BytesIO()
    savemat(buffer, {"x": np.arange(9.0).reshape(3, 3)})
    for kind in (0, 14, 1288, 2**31 + 9):  # 9 is what the numbers are
        element = buffer.getvalue().replace(struct.pack("<II", 9, 72), struct.pack("<II", kind, 72))[128:]
        packed = zlib.compress(element)
        yield f"matlab numbers of type {kind}", buffer.getvalue()[:128] + element
        yield (
            f"matlab packed numbers of type {kind}",
            (buffer.getvalue()[:128] + struct.pack("<II", 15, len(packed)) + packed),
        )
    yield "stl of many", bytes(80) + struct.pack("<I", 2**32 - 1) + bytes(50)
    yield "dicom of many", dicom(np.zeros((2, 2)), rows=65535)
    for length in (0, 1, 2**31, 2**63, 2**64 - 1):
        yield f"safetensors with a header of {length}", struct.pack("<Q", length) + b"{}"
    for dtype in ("I64", "BF16", "F99", "BOOL"):
        text = json.dumps({"a": {"dtype": dtype, "shape": [2], "data_offsets": [0, 16]}}).encode()
        yield f"safetensors of {dtype}", struct.pack("<Q", len(text)) + text + bytes(16)
    for value in (np.nan, np.inf, -np.inf, 1e300):
        buffer = io.BytesIO()
        np.save(buffer, np.full((3, 5), value))
        yield f"npy of {value}", buffer.getvalue()
        yield f"csv of {value}", f"t,a\n0,{value}\n1,{value}\n".encode()
        yield f"csv at {value}", f"t,a\n{value},1\n{value},2\n".encode()
        nii = bytearray(whole["volume.nii"])
        nii[112:120] = struct.pack("<2f", np.float32(value), np.float32(value))  # slope and intercept
        yield f"nifti scaled by {value}", bytes(nii)
        nii = bytearray(whole["volume.nii"])
        nii[80:96] = struct.pack("<4f", *[np.float32(value)] * 4)
        yield f"nifti with steps of {value}", bytes(nii)
        yield f"mesh at {value}", f"OFF\n3 1 0\n{value} 0 0\n1 0 0\n0 1 1\n3 0 1 2\n".encode()


def mesh(kind: str, corners: int, faces: int) -> bytes:
    if kind == "off":
        return f"OFF\n{corners} {faces} 0\n0 0 0\n1 0 0\n0 1 1\n3 0 1 999999999\n".encode()
    return (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {corners}\nproperty float x\nproperty float y\n"
        f"property float z\nelement face {faces}\nproperty list uchar int vertex_indices\nend_header\n"
    ).encode() + bytes(64)


def bombs() -> dict[str, Callable[[], bytes]]:
    """A little that unpacks to much, by name; each is made when it is called for."""
    zeros = bytes(2**27)

    def lying() -> bytes:
        lie = bytearray(zipped({"a.csv": zeros[: 2**20]}))
        place = lie.rindex(b"PK\x01\x02")
        lie[place + 24 : place + 28] = struct.pack("<I", 5)
        return bytes(lie)

    def nested(depth: int) -> bytes:
        data = png(4, 4, bytes(52))
        for _ in range(depth):
            data = zipped({"inner.zip": data})
        return data

    def hdf5(shape: tuple[int, ...], chunks: tuple[int, ...], **filled: np.ndarray) -> bytes:
        import h5py

        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            file.create_dataset("x", shape, "u1", chunks=chunks, compression="gzip", **filled)
        return buffer.getvalue()

    def parquet(**columns: object) -> bytes:
        import pyarrow
        from pyarrow import parquet

        buffer = io.BytesIO()
        parquet.write_table(pyarrow.table(columns), buffer, compression="zstd")
        return buffer.getvalue()

    def matlab() -> bytes:
        from scipy.io import savemat

        buffer = io.BytesIO()
        savemat(buffer, {"x": np.zeros((8000, 8000), np.uint8)}, do_compression=True)
        return buffer.getvalue()

    def gif(frames: int) -> bytes:
        from PIL import Image

        buffer = io.BytesIO()
        pages = [Image.new("L", (1000, 1000), i % 2) for i in range(frames)]
        pages[0].save(buffer, "GIF", save_all=True, append_images=pages[1:])
        return buffer.getvalue()

    return {
        "bomb.gz": lambda: gzip.compress(zeros),
        "bomb twice.gz": lambda: gzip.compress(gzip.compress(zeros)),
        "bomb.zip": lambda: zipped({"a.csv": zeros}),
        "bomb of many.zip": lambda: zipped({f"{i}.csv": zeros[: 2**23] for i in range(16)}),
        "bomb of nothing.zip": lambda: zipped({f"{i}.png": b"" for i in range(20_000)}),
        "bomb.npz": lambda: zipped({"x.npy": npy(f"({2**27},)", "|u1", zeros)}),
        "bomb of rows.npz": lambda: zipped({"x.npy": npy(f"({2**27}, 1)", "|u1", zeros)}),
        "bomb.nii.gz": lambda: gzip.compress(b"\x5c\1\0\0" + bytes(340) + b"n+1\0" + zeros),
        "bomb.png": lambda: png(16000, 16000, zeros),
        "bomb below the limit.png": lambda: png(9000, 9000, bytes(9000 * 27001)),
        "bomb.gif": lambda: gif(300),
        "zip that lies about sizes": lying,
        "zip in zip 5": lambda: nested(5),
        "zip in zip 50": lambda: nested(50),
        "hdf5 of 20000": lambda: hdf5((20_000, 20_000), (64, 64)),
        "hdf5 of 100000": lambda: hdf5((10**5, 10**5), (64, 64)),
        "hdf5 of 1000000000": lambda: hdf5((HUGE, HUGE), (64, 64)),
        "hdf5 one chunk": lambda: hdf5((4000, 8000), (4000, 8000), data=np.zeros((4000, 8000), np.uint8)),
        "bomb.parquet": lambda: parquet(t=np.zeros(2 * 10**7), v=np.zeros(2 * 10**7)),
        "bomb of words.parquet": lambda: parquet(t=["x" * 10**6] * 200),
        "bomb.xlsx": lambda: zipped({"[Content_Types].xml": b"", "xl/workbook.xml": zeros}),
        "bomb.mat": matlab,
    }


def _paths(whole: dict[str, bytes], outside: str) -> Iterator[tuple[str, bytes]]:
    """Names and references that lead out."""
    image = whole["image.png"]
    tricks = ["../../x.png", "/etc/x.png", "a/../../x.png", "C:\\x.png", "..\\..\\x.png", "\\\\host\\share\\x.png",
              "a/./../../../x.png", "//x.png", "~/x.png", "a\0b.png", "%2e%2e/x.png", "\u202egnp.x", "CON.png",
              "x" * 3000 + ".png",
              "a/" * 500 + "x.png", ".hidden/x.png", "x.png/", ".", "a//b.png"]  # fmt: skip
    for name in tricks:
        yield f"zip {name[:20]!r}", zipped({name: image})
        yield f"tar {name[:20]!r}", tarred([(name.replace("\0", "_"), image)])
    yield "zip with one name twice", zipped({"a.png": image})[:-22] + zipped({"a.png": image})
    for target in (outside, "../../etc/passwd", "/dev/zero"):
        yield f"zip link to {target}", linked(target)
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            yield f"tar link {kind!r} to {target}", tarred([("x.png", b"")], type=kind, linkname=target)
    for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE):
        yield f"tar device {kind!r}", tarred([("x.png", b"")], type=kind)
    import h5py

    for trick in ("external", "external link", "soft link", "virtual", "loop", "object"):
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            if trick == "external":
                file.create_dataset("x", (len(CANARY),), "u1", external=[(outside, 0, len(CANARY))])
            elif trick == "external link":
                file["x"] = h5py.ExternalLink(outside, "/x")
            elif trick == "soft link":
                file["x"] = h5py.SoftLink("/y")
            elif trick == "virtual":
                layout = h5py.VirtualLayout((4,), "u1")
                layout[:] = h5py.VirtualSource(outside, "x", (4,))
                file.create_virtual_dataset("x", layout)
            elif trick == "loop":
                file.create_group("a")["b"] = file["/"]
            else:
                file.create_dataset("x", (2,), h5py.special_dtype(ref=h5py.Reference))
        yield f"hdf5 {trick}", buffer.getvalue()
    for key in ("data file", "datafile", "Data File"):
        yield f"nrrd with {key}", nrrd(np.zeros(4), f"{key}: {outside}\n", "4", b"")
    yield "nrrd with a list", nrrd(np.zeros(4), "data file: LIST\n/etc/passwd\n", "4", b"")
    yield "nifti pair", whole["volume.nii"][:344] + b"ni1\0" + bytes(100)
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{outside}\n#EXT-X-ENDLIST\n".encode()
    for name in ("x.mp4", "x.m3u8", "x.webm"):
        yield f"playlist as {name}", playlist
    yield "playlist behind a mark", b"\0\0\0\x18ftypisom" + playlist
    yield "concat", f"ffconcat version 1.0\nfile '{outside}'\n".encode()
    yield (
        "mp4 with an outside reference",
        b"\0\0\0\x18ftypisom\0\0\0\0isomiso2"
        + _box(b"moov", _box(b"dref", b"\0\0\0\0\0\0\0\1" + _box(b"url ", b"\0\0\0\0" + outside.encode() + b"\0"))),
    )
    yield "obj with a material", f"mtllib {outside}\nusemtl x\nv 0 0 0\nv 1 0 0\nv 0 1 1\nf 1 2 3\n".encode()
    yield "obj with two coordinates", b"v 0 0\nv 1 0\nv 0 1\nf 1 2 3\n"
    yield "gltf", json.dumps({"asset": {"version": "2.0"}, "buffers": [{"uri": f"file://{outside}"}]}).encode()
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, "1.2.840.10008.1.3.10"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    listing, record = FileDataset("", {}, file_meta=meta, preamble=bytes(128)), Dataset()
    record.ReferencedFileID = ["..", "..", "etc", "passwd"]
    listing.DirectoryRecordSequence = [record]
    buffer = io.BytesIO()
    listing.save_as(buffer, enforce_file_format=True)
    yield "dicomdir", buffer.getvalue()


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def _text(whole: dict[str, bytes], outside: str) -> Iterator[tuple[str, bytes]]:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    xml = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><x>&l11;</x>'
    steal = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file://{outside}">]><x>&e;</x>'
    for name, text in (("laughs", xml), ("entity", steal)):
        yield f"{name}.svg", text.encode()
        yield f"{name}.xml", text.encode()
        parts = {"[Content_Types].xml": text.encode(), "xl/workbook.xml": text.encode()}
        yield f"{name}.xlsx", zipped(parts)
        good = zipfile.ZipFile(io.BytesIO(whole["table.xlsx"]))
        parts = {info.filename: good.read(info) for info in good.infolist()}
        yield f"{name} as the sheet.xlsx", zipped({**parts, "xl/worksheets/sheet1.xml": text.encode()})
    for formula in ("=1+1", '=HYPERLINK("http://x")', "=cmd|' /C calc'!A0", "@SUM(A1)", "+1-1", "-2+3"):
        yield f"csv with {formula[:12]}", f"t,a\n0,{formula}\n1,2\n".encode()
    for encoding in ("latin-1", "utf-16", "utf-32", "shift-jis", "utf-7"):
        yield f"csv in {encoding}", "zeit,größe\n0,1\n1,2\n".encode(encoding, "replace")
    yield "csv of bytes", b"t,a\n0,\xff\xfe\n1,\x80\n"
    yield "csv with nul", b"t,a\n0,\x00\n"
    yield "csv of one line", b"a" * 10**6
    yield "csv of many columns", b",".join(b"%d" % i for i in range(200_000)) + b"\n" + b",".join([b"1"] * 200_000)
    yield "csv of quotes", b'"' * 10**6
    yield "csv of open quote", b't,a\n0,"1\n' + b"1,2\n" * 1000
    yield "csv of unequal rows", b"t,a\n0,1,2,3\n1\n2,3\n"
    yield "csv of names that repeat", b"t,a,a\n0,1,2\n"
    yield "csv of a million signals", b"id,value\n" + b"\n".join(b"%d,1" % i for i in range(300_000))
    yield "csv of words", b"t,a\n0,x\n1,y\n"
    yield "csv of one number", b"5"
    yield "csv of spaces", b" \n \n"
    yield "csv of minus", b"t,a\n" + b"-" * 1000
    wide = ",".join(f"s{i}" for i in range(90_000))
    yield "csv of 90,000 signals", f"t,{wide}\n0{',1' * 90_000}\n5{',2' * 90_000}\n".encode()
    yield "csv of long numbers", b"t,a\n0," + b"9" * 100_000
    yield "json of depth", b'{"a":' * 100_000
    yield "json of a large number", b'{"t": 0, "a": ' + b"9" * 10_000 + b"}"
    yield "json of NaN", b'{"t": 0, "a": NaN}\n{"t": 1, "a": Infinity}'
    yield "json of keys", b'{"t": 0, "t": 1}'
    yield "json of lists", b'{"values": [[1, 2], [3]]}'
    yield "json of objects", b'{"a": {"b": 1}}\n{"a": {"b": 2}}'
    yield "json that is none", b"{'t': 0}"
    for start in (b"@relation x\n", b"@problemName x\n"):
        yield f"{start!r} without data", start
        yield f"{start!r} of nothing", start + b"@data\n"
        yield f"{start!r} of words", start + b"@data\na,b:c\n"
        yield f"{start!r} of brackets", start + b"@timestamps true\n@data\n" + b"(" * 100_000
        yield f"{start!r} of colons", start + b"@data\n" + b":" * 100_000
    yield "arff of quotes", b"@relation x\n@attribute r relational\n@data\n" + b"'" * 100_000
    for start in (b"solid x\nfacet ", b"ply\n", b"OFF\n", b"v 0 0 0\n", b"NRRD0004\n", b"GIF89a", b"BM", b"II*\0",
                  b"RIFF\xff\xff\xff\xffWAVEfmt ", b"fLaC", b"OggS", b"ID3\x04\0\0\x7f\x7f\x7f\x7f",
                  b"\xff\xfb\x90\x64",
                  b"\x1aE\xdf\xa3", b"\0\0\0\x18ftypmp42", b"\x89HDF\r\n\x1a\n", b"MATLAB 5.0 MAT-file" + b" " * 109,
                  b"CDF\x01", b"CDF\x02", b"PAR1", b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9",
                  b"7z\xbc\xaf", b"Rar!"):  # fmt: skip
        yield f"only the mark {start[:12]!r}", start
        yield f"noise behind {start[:12]!r}", start + np.random.default_rng(1).bytes(3000)
        yield f"zeros behind {start[:12]!r}", start + bytes(3000)
    polyglot = whole["image.gif"] + whole["folder.zip"]
    yield "gif that is a zip", polyglot
    yield "pdf", b"%PDF-1.7\n" + bytes(100)
    yield "elf", b"\x7fELF" + bytes(100)
    yield "script", b"#!/bin/sh\nrm -rf /\n"
    yield "html", b"<html><script>alert(1)</script></html>"
