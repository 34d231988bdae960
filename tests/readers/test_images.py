"""Images from files and folders."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from explorer.errors import InvalidInput, NotFound
from explorer.readers import load
from explorer.readers.files import read_path
from explorer.readers.inputs import Findings
from explorer.readings import Options


def read(path: Path, **options):
    """As ``load``, but in this process: a decoder's own takes half a second to start."""
    return read_path(path, Options(**options))


def save(path: Path, array: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


pixels = hnp.array_shapes(min_dims=2, max_dims=2, max_side=9).flatmap(
    lambda size: st.sampled_from([size, (*size, 3)]).flatmap(lambda shape: hnp.arrays(np.uint8, shape))
)


@settings(deadline=None, max_examples=60)
@given(array=pixels, image_format=st.sampled_from(["PNG", "BMP", "TIFF", "WEBP"]))
def test_lossless_images_come_back(tmp_path_factory, array, image_format):
    path = save(tmp_path_factory.mktemp("image") / "image", array, format=image_format, lossless=True)
    signals = read(path)
    m = 3 if array.ndim == 3 or image_format == "WEBP" else 1  # WebP has no grey
    expected = array if array.ndim == 3 else np.repeat(array[..., None], m, -1)
    assert signals.shape == array.shape[:2] and signals.values.dtype == np.uint8
    assert (signals.values.reshape(expected.shape) == expected).all()


def test_sixteen_bits(tmp_path):
    array = np.array([[0, 65535], [1000, 30000]], np.uint16)
    for suffix in ("png", "tiff"):
        signals = read(save(tmp_path / f"deep.{suffix}", array))
        np.testing.assert_allclose(signals.grid(0)[..., 0], array / 65535, rtol=1e-6)
        assert signals.value_range == (0.0, 1.0)


def test_alpha_lies_over_white_unless_it_is_kept(tmp_path):
    array = np.zeros((2, 2, 4), np.uint8)
    array[0, 0] = (200, 100, 50, 255)
    path = save(tmp_path / "clear.png", array)
    flat = read(path)
    assert flat.m == 3 and flat.grid(0)[1, 1].tolist() == [1, 1, 1]
    assert np.allclose(flat.grid(0)[0, 0] * 255, [200, 100, 50])
    assert read(path, alpha=True).channels == ("red", "green", "blue", "alpha")


def test_a_folder_of_class_folders(tmp_path):
    rng = np.random.default_rng(0)
    for label, count in (("cat", 2), ("dog", 3)):
        for i in range(count):
            save(tmp_path / "pets" / label / f"{i}.png", rng.integers(0, 255, (4 + i, 5, 3)).astype(np.uint8))
    save(tmp_path / "pets" / "dog" / "grey.png", np.full((4, 4), 7, np.uint8))
    (tmp_path / "pets" / "readme.txt").write_text("no image")
    (tmp_path / "pets" / ".hidden.png").write_bytes(b"")
    (tmp_path / "pets" / "cat" / "link.png").symlink_to(tmp_path / "pets" / "dog" / "0.png")
    signals = load(tmp_path / "pets")
    assert signals.ids == ("cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png", "dog/2.png", "dog/grey.png")
    assert signals.labels.tolist() == [0, 0, 1, 1, 1, 1] and signals.class_names == ("cat", "dog")
    assert signals.name == "pets" and signals.m == 3 and signals.shape is None and signals.split is None


def test_folders_of_splits(tmp_path):
    for path in ("train/a/1.png", "train/b/1.png", "val/a/1.png", "test/b/1.png"):
        save(tmp_path / path, np.zeros((3, 3), np.uint8))
    signals = read(tmp_path)
    assert [len(part) for part in (signals.train, signals.validation, signals.test)] == [2, 1, 1]
    assert signals.class_names == ("a", "b") and signals.test.labels.tolist() == [1]


def test_a_flat_folder_and_a_list(tmp_path):
    paths = [save(tmp_path / f"{i}.png", np.full((3, 4), i, np.uint8)) for i in range(3)]
    flat = read(tmp_path)
    assert flat.labels is None and len(flat) == 3
    listed = load([paths[2], str(paths[0])], labels=[1, 0])
    assert listed.ids == ("2.png", "0.png") and listed.values[0] == 2 and listed.labels.tolist() == [1, 0]


def test_the_content_decides(tmp_path):
    path = save(tmp_path / "image.npz", np.zeros((3, 3), np.uint8), format="PNG")
    assert read(path).shape == (3, 3)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(10_000, 10_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_by_its_header(tmp_path, size):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(*size))
    with pytest.raises(InvalidInput, match=r"bomb\.png"):
        read(path)


def test_a_set_has_a_limit(tmp_path):
    for i in range(4):
        save(tmp_path / f"{i}.png", np.zeros((100, 100, 3), np.uint8))
    with pytest.raises(InvalidInput, match="fit"):
        read(tmp_path, limit_bytes=100_000)


BROKEN = {
    "empty.png": b"",
    "cut.png": png_header(50, 50)[:60],
    "body.png": png_header(50, 50),
    "cut.jpg": b"\xff\xd8\xff\xe0" + bytes(20),
    "cut.tiff": b"II*\0\xff\xff\xff\xff",
    "cut.webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "cut.gif": b"GIF89a\xff\xff\xff\xff",
    "cut.bmp": b"BM" + bytes(12),
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "page.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n",
}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("name", BROKEN)
def test_unreadable_files_are_named(name, tmp_path):
    (tmp_path / name).write_bytes(BROKEN[name])
    with pytest.raises(InvalidInput, match=name.replace(".", r"\.")):
        read(tmp_path / name)


def test_a_broken_file_in_a_folder_is_named(tmp_path):
    save(tmp_path / "a" / "good.png", np.zeros((3, 3), np.uint8))
    (tmp_path / "a" / "bad.png").write_bytes(b"")
    with pytest.raises(InvalidInput, match=r"bad\.png"):
        read(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="without images"):
        read(tmp_path / "empty")


@pytest.mark.parametrize("image_format", ["GIF", "WEBP"])
def test_frames_are_a_video(tmp_path, image_format):
    frames = [Image.fromarray(np.full((4, 6), level, np.uint8)) for level in (0, 85, 255)]
    options = {"lossless": True} if image_format == "WEBP" else {}
    frames[0].save(tmp_path / "moving", image_format, save_all=True, append_images=frames[1:], duration=40, **options)
    signals = read(tmp_path / "moving")
    assert (signals.shape, [a.name for a in signals.axes]) == ((3, 4, 6), ["t", "y", "x"])
    assert signals.axes[0].stop == pytest.approx(0.12) and signals.axes[0].unit == "s"
    assert np.allclose(signals.grid(0).mean((1, 2, 3)) * 255, [0, 85, 255])


def test_pages_are_a_volume(tmp_path):
    pages = [Image.fromarray(np.full((4, 6), level, np.uint16)) for level in (0, 1000, 65535)]
    pages[0].save(tmp_path / "stack.tiff", save_all=True, append_images=pages[1:])
    signals = read(tmp_path / "stack.tiff")
    assert (signals.shape, [a.name for a in signals.axes]) == ((3, 4, 6), ["z", "y", "x"])
    np.testing.assert_allclose(signals.grid(0)[:, 0, 0, 0] * 65535, [0, 1000, 65535], rtol=1e-6)


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_sixteen_bits_in_three_colours(tmp_path, planar):
    import tifffile

    deep = np.random.default_rng(0).integers(0, 65535, (5, 7, 3), np.uint16)
    stored = deep if planar == "contig" else np.moveaxis(deep, -1, 0)
    tifffile.imwrite(tmp_path / "deep.tiff", stored, photometric="rgb", planarconfig=planar)
    np.testing.assert_allclose(read(tmp_path / "deep.tiff").grid(0), deep / 65535, rtol=1e-6)


def test_a_sequence_of_frames_is_a_video_if_somebody_says_so(tmp_path):
    for i, level in enumerate((0, 85, 255)):
        save(tmp_path / f"{i}.png", np.full((4, 6, 3), level, np.uint8))
    found = Findings()
    assert len(read_path(tmp_path, Options(), found)) == 3
    assert (found.choices["axes"].among, found.choices["axes"].taken) == (("yx", "tyx", "zyx"), "yx")
    video = read(tmp_path, axes="tyx")
    assert (len(video), video.shape, video.grid(0)[:, 0, 0, 0].tolist()) == (1, (3, 4, 6), [0, np.float32(1 / 3), 1])
    save(tmp_path / "3.png", np.zeros((5, 5, 3), np.uint8))
    with pytest.raises(InvalidInput, match="expected"):
        read(tmp_path, axes="tyx")


@settings(deadline=None, max_examples=30)
@given(height=st.integers(1, 40), width=st.integers(1, 40), gray=st.booleans())
def test_photographs_come_back_nearly(tmp_path_factory, height, width, gray):
    ramp = np.add.outer(np.linspace(20, 120, height), np.linspace(0, 100, width)).astype(np.uint8)
    array = ramp if gray else np.stack([ramp, 255 - ramp, ramp // 2], -1)
    path = save(tmp_path_factory.mktemp("jpeg") / "image", array, format="JPEG", quality=100, subsampling=0)
    signals = read(path)
    assert (signals.shape, signals.m) == ((height, width), 1 if gray else 3)
    assert np.abs(signals.values.reshape(array.shape).astype(int) - array).max() <= 4


def test_photographs_stand_as_the_camera_was_held(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter to the right
    path = save(tmp_path / "turned.jpg", np.zeros((8, 20, 3), np.uint8), exif=exif)
    assert read(path).shape == (20, 8)


def test_transparency_can_be_kept(tmp_path):
    found = Findings()
    read_path(save(tmp_path / "clear.png", np.zeros((2, 2, 4), np.uint8)), Options(), found)
    assert found.choices["alpha"].taken == "over white"


def test_missing_paths(tmp_path):
    for source in (tmp_path / "none", "no/such/file", "a\0b"):
        with pytest.raises(NotFound):
            load(source)
    with pytest.raises(NotFound, match="none"):
        load([tmp_path / "none.png"])


@pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning")
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_damaged_images_load_or_end_in_a_sentence(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "image.png"
    image_format = data.draw(st.sampled_from(["PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"]))
    save(path, np.arange(300, dtype=np.uint16).astype(np.uint8).reshape(10, 10, 3), format=image_format)
    damaged = bytearray(path.read_bytes())
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(damaged) - 1), st.integers(0, 255)), max_size=4)
    ):
        damaged[place] = value
    path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    try:
        assert len(read(path)) == 1
    except InvalidInput:
        pass
