"""Arrays and the files that hold them."""

import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from explorer.errors import InvalidInput
from explorer.readers import load
from explorer.readers.files import read_path
from explorer.readings import Options

SETS = {
    "mnist.npz": (70000, (28, 28), 1, 10, (60000, 0, 10000)),
    "pneumoniamnist.npz": (5030, (28, 28), 1, 2, (3882, 524, 624)),
    "ering.npz": (300, (65,), 4, 6, (30, 0, 270)),
    "basicmotions.npz": (80, (100,), 6, 4, (40, 0, 40)),
    "gunpoint.npz": (200, (150,), 1, 2, (50, 0, 150)),
    "uci_har_3k.npz": (3000, (128,), 9, 6, (2100, 0, 900)),
    "fsdd_8khz.npz": (3000, (8000,), 1, 10, (2700, 0, 300)),
}


@pytest.mark.parametrize("file", SETS)
def test_whole_sets(file, shared_data):
    signals = load(shared_data / file)
    n, shape, m, classes, parts = SETS[file]
    assert (len(signals), signals.shape, signals.m, len(signals.class_names)) == (n, shape, m, classes)
    assert tuple(len(signals.part(part)) for part in ("train", "validation", "test")) == parts
    with np.load(shared_data / file) as stored:
        assert (signals.train.labels == stored["y_train"]).all() and (signals.test.labels == stored["y_test"]).all()
        last = stored["x_test"][-1].reshape(*shape, m).astype(np.float32)
    scale = {"uint8": 255, "float32": 1}[str(signals.values.dtype)] if file != "fsdd_8khz.npz" else 2**15
    np.testing.assert_allclose(signals.grid(n - 1), last / scale, rtol=1e-6, atol=1e-7)
    assert signals.ids[-1] == f"test/{parts[2] - 1}"


def test_sound_and_series_know_their_seconds(shared_data):
    sound = load(shared_data / "fsdd_8khz.npz")
    assert sound.sample_rate_hz == 8000 and sound.value_range == (-1, 1)
    assert (sound.axes[0].unit, sound.axes[0].stop) == ("s", 1.0)
    motion = load(shared_data / "uci_har_3k.npz")
    assert motion.sample_rate_hz is None and motion.axes[0].stop == 2.56 and motion.channels[0] == "body_acc_x"


def test_video(shared_data):
    signals = load(shared_data / "bigbuckbunny.npz")
    assert (len(signals), signals.shape, signals.m) == (1, (64, 90, 160), 3)
    assert [a.name for a in signals.axes] == ["t", "y", "x"] and signals.axes[0].stop == 2.56


def test_volumes(shared_data):
    brain = load(shared_data / "mni152_t1_2mm.npz", array="volume")
    assert (len(brain), brain.shape, brain.m) == (1, (94, 116, 98), 1)
    assert [(a.name, a.stop) for a in brain.axes] == [("z", 188.0), ("y", 232.0), ("x", 196.0)]
    mesh = load(shared_data / "spot_mesh.npz")  # one volume beside a mesh: no choice to make; occupancy is 0 or 1
    assert mesh.shape == (64, 64, 64) and set(np.unique(mesh.grid(0))) == {0.0, 1.0}


def test_one_of_several_arrays(shared_data):
    with pytest.raises(InvalidInput, match="'kodim04'.*'kodim19'") as error:
        load(shared_data / "kodak.npz")
    assert "rotated" not in str(error.value)
    assert load(shared_data / "kodak.npz", array="kodim19").shape == (768, 512)
    thumbnails = load(shared_data / "kodak.npz", array="images_192x128")
    assert (len(thumbnails), thumbnails.shape, thumbnails.ids[0]) == (24, (128, 192), "kodim01")
    with pytest.raises(InvalidInput, match="kodim23"):
        load(shared_data / "kodak.npz", array="kodim24")
    with pytest.raises(InvalidInput, match="'gm_prob'"):
        load(shared_data / "mni152_t1_2mm.npz")


GUESSES = [
    ("u1", (5, 9, 7), 5, (9, 7), 1, "yx"),
    ("u1", (5, 9, 7, 3), 5, (9, 7), 3, "yx"),
    ("u1", (9, 7), 1, (9, 7), 1, "yx"),
    ("u1", (9, 7, 3), 1, (9, 7), 3, "yx"),
    ("u1", (2, 5, 9, 7), 2, (5, 9, 7), 1, "zyx"),
    ("u1", (2, 5, 9, 7, 3), 2, (5, 9, 7), 3, "tyx"),
    ("f4", (9,), 1, (9,), 1, "t"),
    ("f4", (5, 9), 5, (9,), 1, "t"),
    ("f4", (5, 9, 2), 5, (9,), 2, "t"),
    ("f4", (5, 9, 7, 3), 5, (9, 7), 3, "yx"),
    ("i2", (5, 90), 5, (90,), 1, "t"),
]


@pytest.mark.parametrize(("dtype", "shape", "n", "grid", "m", "axes"), GUESSES)
def test_what_the_axes_of_an_array_mean(dtype, shape, n, grid, m, axes):
    signals = load(np.ones(shape, dtype))
    assert (len(signals), signals.shape, signals.m) == (n, grid, m)
    assert "".join(a.name for a in signals.axes) == axes


def test_axes_overrule_the_guess():
    frames = np.zeros((6, 9, 7, 3), np.uint8)
    assert load(frames, axes="tyx").shape == (6, 9, 7)
    assert load(frames, axes=("y", "x")).shape == (9, 7)
    assert load(frames[..., 0], axes="zyx").shape == (6, 9, 7)
    assert load(np.zeros((6, 9, 7), np.float32), axes="yx").shape == (9, 7)
    with pytest.raises(InvalidInput, match="axes"):
        load(frames, axes="t")


def test_arrays_of_several_kinds():
    labelled = load((np.zeros((3, 4, 4), np.uint8), np.array([0, 1, 0])), class_names=["a", "b"])
    assert labelled.labels.tolist() == [0, 1, 0] and labelled.class_names == ("a", "b")
    ragged = load([np.zeros((4, 5), np.uint8), np.zeros((6, 7), np.uint8)])
    assert ragged.shape is None and ragged.shapes.tolist() == [[4, 5], [6, 7]]
    uneven = load([(np.array([0.0, 1.0, 4.0]), np.ones(3)), (np.array([1.0, 2.0]), np.zeros(2))])
    assert uneven.coords is not None and uneven.axes[0].stop == 4.0 and len(uneven) == 2
    gaps = load(np.array([[1.0, np.nan, 2.0]]))
    assert np.isnan(gaps.values).sum() == 1


@pytest.mark.parametrize(
    "source",
    [
        [],
        3,
        None,
        {},
        np.zeros((0, 8, 8), np.uint8),
        np.zeros((2, 0), np.float32),
        np.array(["a"]),
        np.array([{}], object),
        np.zeros((2, 3), complex),
        np.array([[1.0, np.inf]]),
        np.array([[1e300, 1.0]]),
        [np.zeros(3), "a"],
        [np.zeros((4, 5), np.uint8), np.zeros((4, 5, 3), np.uint8)],
        [(np.zeros(3), np.zeros(4))],
        [(np.array([0, np.nan]), np.zeros(2))],
        [(np.zeros((2, 3)), np.zeros(2)), (np.zeros((2, 2)), np.zeros(2))],
        [(np.zeros((0, 2)), np.zeros(0))],
    ],
)
def test_what_is_no_signal_gets_a_sentence(source):
    with pytest.raises(InvalidInput, match=r"(?s)[Gg]ot .*expected"):
        load(source)


@pytest.mark.parametrize("labels", [[0, 1], [0, -2, 1], [0.5, 1, 2], ["a", "b", "c"], [0, 1, 10**12]])
def test_labels_that_do_not_fit(labels):
    with pytest.raises(InvalidInput):
        load(np.zeros((3, 4, 4), np.uint8), labels=labels)


numbers = hnp.arrays(
    st.sampled_from(["u1", "f4", ">f4", "f8", "i4", "<i2"]),
    hnp.array_shapes(min_dims=2, max_dims=3, max_side=6),
    elements={"min_value": 0, "max_value": 100},
)


@settings(deadline=None, max_examples=60)
@given(array=numbers, fortran=st.booleans(), packed=st.sampled_from(["npy", "npz", "compressed"]))
def test_files_hold_what_arrays_hold(tmp_path_factory, array, fortran, packed):
    array = np.asfortranarray(array) if fortran else array
    path = tmp_path_factory.mktemp("arrays") / "set.bin"  # content decides, not the suffix
    with path.open("wb") as file:
        save = {"npy": np.save, "npz": np.savez, "compressed": np.savez_compressed}[packed]
        save(file, array)
    stored, given_ = load(path, name="same"), load(array, name="same")
    assert (stored.values == given_.values).all() and stored.axes == given_.axes
    assert stored.shape == given_.shape and stored.value_range == given_.value_range


# ---------------------------------------------------------------------------------------------------------------------
# Hostile files


def npz(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


def npy(array: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def declared(shape: str, dtype: str = "|u1", body: bytes = b"") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def saved(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


IMAGES = np.zeros((4, 5, 5), np.uint8)
OBJECTS = npy(np.array([{"a": 1}, 2], object), allow_pickle=True)
HOSTILE = {
    "empty": b"",
    "objects npy": OBJECTS,
    "objects npz": npz(x=OBJECTS),
    "objects as labels": npz(x=npy(IMAGES), y=OBJECTS),
    "pickle": pickle.dumps({"x": 1}),
    "pickle in npz": npz(x=pickle.dumps([1])),
    "huge header": declared("(1000000000, 1000000000)"),
    "huge header npz": npz(x=declared("(1000000000, 1000000000)")),
    "overflowing header": declared("(4294967296, 4294967296, 4294967296)"),
    "negative size": declared("(-1, 5)", body=b"12345"),
    "header longer than the file": b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1),
    "header of code": b"\x93NUMPY\x01\x00" + struct.pack("<H", 64) + b"__import__('os').system('true')".ljust(64),
    "deep header": b"\x93NUMPY\x01\x00" + struct.pack("<H", 60000) + b"(" * 60000,
    "unknown version": b"\x93NUMPY\x09\x00" + bytes(64),
    "too few bytes": declared("(100, 100)", body=bytes(50)),
    "too many bytes": declared("(2, 2)", body=bytes(50)),
    "infinity": saved(x=np.array([[1.0, np.inf]], np.float32)),
    "text": saved(x=np.array(["a", "b"])),
    "no arrays": npz(),
    "zip of other things": npz(**{"a": b"hello"}),
    "zero size": saved(x=np.zeros((0, 5, 5), np.uint8)),
    "many signals of nothing": npz(x=declared("(1099511627776, 0)")),
    "many signals of a byte": saved(x=np.zeros((2**23, 1), np.uint8)),
    "many tiny images": saved(a=np.zeros((4_000_001, 1, 2), np.uint8)),
    "zero dimensions": saved(x=np.uint8(3)),
    "too few labels": saved(x=IMAGES, y=np.zeros(3, int)),
    "labels of fractions": saved(x=IMAGES, y=np.full(4, 0.5)),
    "labels without names": saved(x=IMAGES, y=np.arange(4), class_names=np.array(["a"])),
    "huge labels": saved(x=IMAGES, y=np.full(4, 2**60)),
    "parts of several shapes": saved(x_train=IMAGES, x_test=np.zeros((4, 6, 6), np.uint8)),
    "negative rate": saved(x=np.zeros((2, 50), np.int16), sample_rate=np.array(-8000)),
    "rate of NaN": saved(x=np.zeros((2, 50), np.int16), sample_rate=np.array(np.nan)),
    "spacing of zero": saved(volume=np.zeros((4, 5, 6), np.uint8), spacing=np.zeros(3)),
    "spacing of two": saved(volume=np.zeros((4, 5, 6), np.uint8), spacing=np.ones(2)),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_end_in_a_sentence(kind, tmp_path):
    path = tmp_path / "set.npz"
    path.write_bytes(HOSTILE[kind])
    with pytest.raises(InvalidInput) as error:
        load(path)
    assert len(str(error.value)) < 1000 and "expected" in str(error.value)


def test_objects_are_refused_in_words(tmp_path):
    path = tmp_path / "set.npy"
    path.write_bytes(OBJECTS)
    with pytest.raises(InvalidInput, match="pickle"):
        load(path)


def test_a_bomb_is_stopped_by_its_decompressed_size(tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x_train=np.zeros((40, 1000, 1000), np.uint8), x_test=np.zeros((40, 1000, 1000), np.uint8))
    assert path.stat().st_size < 2**20
    with pytest.raises(InvalidInput, match="limit_bytes"):
        load(path, limit_bytes=60 * 10**6)  # each part alone would pass
    assert len(load(path, limit_bytes=80 * 10**6)) == 80


def test_a_directory_that_lies_about_sizes_changes_nothing(tmp_path):
    path = tmp_path / "lie.npz"
    data = bytearray(npz(x=npy(np.zeros((64, 100, 100), np.uint8))))
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 100)  # the uncompressed size in the central directory
    path.write_bytes(data)
    with pytest.raises(InvalidInput):
        load(path)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_damaged_files_load_or_end_in_a_sentence(tmp_path_factory, data):
    whole = saved(x_train=IMAGES, y_train=np.arange(4), class_names=np.array(list("abcd")))
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=4)):
        if place < len(damaged):
            damaged[place] = value
    path = tmp_path_factory.mktemp("damaged") / "set.npz"
    path.write_bytes(damaged)
    try:
        assert len(read_path(path, Options())) == 4
    except InvalidInput:
        pass
