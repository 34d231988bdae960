"""Files as people bring them, written by their formats' own libraries from real recordings."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Brought:
    """What is dropped on the page, and what is to be seen of it.

    Args:
        make: names and bytes of the files, from the folder of real recordings or None.
        said: words of the preview.
        points: signals, and so points on the map.
        way: the button that is pressed then, "" where a checkpoint that ships gives codes at once.
        size: what is typed as the size, "" for nothing.
        shared: whether the folder is needed.
        rate: the sample rate that is chosen, "" for none.
    """

    make: Callable[[Path | None], dict[str, bytes]]
    said: tuple[str, ...]
    points: int
    way: str
    size: str = ""
    shared: bool = False
    rate: str = ""


def _image(array: np.ndarray, kind: str = "PNG") -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind)
    return buffer.getvalue()


def _astronaut(folder: Path | None) -> dict[str, bytes]:
    import skimage.data

    return {"astronaut.png": _image(skimage.data.astronaut())}


def _retina(folder: Path | None) -> dict[str, bytes]:
    import skimage.data

    return {"retina.jpg": _image(skimage.data.retina(), "JPEG")}


def _pair(folder: Path | None) -> dict[str, bytes]:
    import skimage.data

    left, right, _ = skimage.data.stereo_motorcycle()
    return {"left.png": _image(left), "right.png": _image(right)}


def _page(folder: Path | None) -> dict[str, bytes]:
    import skimage.data

    return {"page.png": _image(skimage.data.page())}


def _kodak(folder: Path | None) -> dict[str, bytes]:
    assert folder is not None
    with np.load(folder / "kodak.npz") as stored:
        images, names = stored["images_192x128"], stored["names"].tolist()
    return {f"{name}.png": _image(image) for name, image in zip(names, images, strict=True)}


def _spoken(folder: Path | None) -> dict[str, bytes]:
    """Some of each digit, as a zip of folders of WAV files."""
    from scipy.io import wavfile

    assert folder is not None
    with np.load(folder / "fsdd_8khz.npz") as stored:
        waves, labels, lengths = stored["x_test"], stored["y_test"], stored["len_test"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for digit in range(10):
            for row in np.flatnonzero(labels == digit)[:4]:
                buffer = io.BytesIO()
                wavfile.write(buffer, 8000, waves[row, : lengths[row]])
                packed.writestr(f"spoken/{digit}/{row}.wav", buffer.getvalue())
    return {"spoken.zip": archive.getvalue()}


def _bunny(folder: Path | None) -> np.ndarray:
    assert folder is not None
    with np.load(folder / "bigbuckbunny.npz") as stored:
        return stored["bigbuckbunny"]


def _mp4(folder: Path | None) -> dict[str, bytes]:
    import av

    frames, buffer = _bunny(folder), io.BytesIO()
    with av.open(buffer, "w", format="mp4") as opened:
        stream = opened.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        for image in frames:
            opened.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        opened.mux(stream.encode())
    return {"bunny.mp4": buffer.getvalue()}


def _gif(folder: Path | None) -> dict[str, bytes]:
    from PIL import Image

    frames, buffer = [Image.fromarray(image) for image in _bunny(folder)[::4]], io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=160)
    return {"bunny.gif": buffer.getvalue()}


def _brain(folder: Path | None) -> dict[str, bytes]:
    import nibabel

    assert folder is not None
    with np.load(folder / "mni152_t1_2mm.npz") as stored:
        image = nibabel.Nifti1Image(stored["volume"].T, np.diag([2.0, 2.0, 2.0, 1.0]))
    image.header.set_xyzt_units("mm")
    return {"mni.nii": image.to_bytes()}


def _series(folder: Path | None) -> dict[str, bytes]:
    """A problem of the series archive as its own files hold it."""
    assert folder is not None
    with np.load(folder / "gunpoint.npz") as stored:
        series, labels = stored["x_train"][:, :, 0], stored["y_train"] + 1
    head = (
        "@problemName GunPoint\n@timestamps false\n@univariate true\n@equalLength true\n@classLabel true 1 2\n@data\n"
    )
    lines = [f"{','.join(map(str, row.tolist()))}:{label}" for row, label in zip(series, labels, strict=True)]
    return {"GunPoint_TRAIN.ts": (head + "\n".join(lines) + "\n").encode()}


def _uneven(folder: Path | None) -> dict[str, bytes]:
    """Visits of patients: no two at the same times, some values never taken, other columns beside them."""
    rng = np.random.default_rng(0)
    lines = ["patient,day [d],pulse,pressure,group,remark"]
    for patient in range(16):
        days = np.sort(rng.uniform(0, 30, rng.integers(14, 24)))
        for i, day in enumerate(days):
            pulse = f"{70 + 10 * np.sin(day / (3 + patient % 2)) + rng.normal():.2f}"
            pressure = "" if i % 5 == 3 else f"{120 + 8 * np.cos(day / 4) + rng.normal():.2f}"
            lines.append(f"p{patient:02d},{day:.3f},{pulse},{pressure},{'ab'[patient % 2]},well")
    return {"visits.csv": ("\n".join(lines) + "\n").encode()}


REAL: dict[str, Brought] = {
    "uneven series": Brought(_uneven, ("pulse, pressure", "a (8), b (8)", "16"), 16, "train a hypernetwork"),
    "astronaut": Brought(_astronaut, ("image, PNG", "512 × 512", "red, green, blue"), 1, "fit a network", size="64"),
    "retina": Brought(_retina, ("image, JPEG", "1,411 × 1,411"), 1, "fit a network"),
    "motorcycle pair": Brought(_pair, ("image, tar", "500 × 741"), 2, "fit 2 networks"),
    "page": Brought(_page, ("image, PNG", "191 × 384", "gray"), 1, ""),
    "kodak": Brought(_kodak, ("128 × 192", "24"), 24, "train a hypernetwork", shared=True),
    "spoken digits": Brought(_spoken, ("sound", "8,000 a second", "0 (4)"), 40, "", shared=True, rate="2,000 Hz"),
    "bunny as MP4": Brought(_mp4, ("video", "64 × 90 × 160"), 1, "fit a network", shared=True),
    "bunny as GIF": Brought(_gif, ("video, GIF", "16 × 90 × 160"), 1, "fit a network", shared=True),
    "brain": Brought(_brain, ("volume, NIfTI", "94 × 116 × 98", "mm"), 1, "fit a network", shared=True),
    "series archive": Brought(_series, ("series, .ts", "1 (24), 2 (26)"), 50, "", shared=True),
}
QUICK = ("astronaut",)
