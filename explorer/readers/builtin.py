"""Signal sets known by name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from explorer.errors import NotFound
from explorer.grids import resample
from explorer.readers import extras
from explorer.readers.curves import curves
from explorer.signals import SignalSet

_PICTURES = (
    "astronaut", "brick", "camera", "cat", "coffee", "coins", "grass", "gravel", "hubble_deep_field",
    "immunohistochemistry", "moon", "page", "retina", "rocket",
)  # fmt: skip
"""Functions of skimage.data whose files come inside its wheel."""

_PHOTOGRAPHS = ("astronaut", "cat", "coffee")


@dataclass(frozen=True)
class Builtin:
    """A line about a set, and what loads it."""

    about: str
    load: Callable[[], SignalSet]


def digits() -> SignalSet:
    """scikit-learn's handwritten digits: 8 x 8, values / 16."""
    import sklearn.datasets

    bunch = sklearn.datasets.load_digits()
    return SignalSet.from_grids(
        (bunch.images / 16).astype(np.float32),
        axes="yx",
        name="digits",
        value_range=(0.0, 1.0),
        labels=bunch.target,
        class_names=[str(name) for name in bunch.target_names],
    )


def digits200() -> SignalSet:
    """The first 20 of each class of ``digits``, in their order: for methods that fit every signal anew."""
    every = digits()
    firsts = np.concatenate([np.flatnonzero(every.labels == c)[:20] for c in range(len(every.class_names))])
    return replace(every[np.sort(firsts)], name="digits200")


def pictures() -> SignalSet:
    """scikit-image's photographs, each of its own size, grey ones repeated in three channels: uint8 [y, x, 3]."""
    import skimage.data

    images = [getattr(skimage.data, name)() for name in _PICTURES]
    images = [np.repeat(image[..., None], 3, -1) if image.ndim == 2 else image for image in images]
    return SignalSet.from_grids(images, axes="yx", name="pictures", ids=_PICTURES)


def photographs() -> SignalSet:
    """Three of scikit-image's, their middles at 128 x 128: uint8 [y, x, 3]."""
    import skimage.data

    middles = []
    for name in _PHOTOGRAPHS:
        image = getattr(skimage.data, name)()
        side = min(image.shape[:2])
        y, x = ((size - side) // 2 for size in image.shape[:2])
        square = image[y : y + side, x : x + side].astype(np.float32)[None]
        middles.append(np.rint(resample(square, (128, 128))[0]).astype(np.uint8))
    return SignalSet.from_grids(middles, axes="yx", name="photographs", ids=_PHOTOGRAPHS)


def faces() -> SignalSet:
    """scikit-image's part of Labelled Faces in the Wild: 100 faces, then 100 crops without one, [25, 25] in [0, 1]."""
    import skimage.data

    return SignalSet.from_grids(
        skimage.data.lfw_subset().astype(np.float32),
        axes="yx",
        name="faces",
        value_range=(0.0, 1.0),
        labels=np.repeat([0, 1], 100),
        class_names=("face", "no face"),
    )


def _with_extra(about: str, load: Callable[..., SignalSet], name: str, **options: str) -> Builtin:
    return Builtin(f"{about}; needs the data extra", partial(load, name, **options))


_VISION = {
    "mnist": ("MNIST", "70,000 handwritten digits, 28 x 28, grey; 10 classes"),
    "fashion-mnist": ("FashionMNIST", "70,000 pieces of clothing, 28 x 28, grey; 10 classes"),
    "cifar10": ("CIFAR10", "60,000 photographs, 32 x 32, colour; 10 classes"),
}
_SERIES = {
    "gunpoint": ("GunPoint", "200 series of 150 samples; 2 classes"),
    "basicmotions": ("BasicMotions", "80 series of 100 samples, 6 channels; 4 classes"),
}

BUILTINS = {
    "digits": Builtin("1,797 handwritten digits, 8 x 8, grey; 10 classes", digits),
    "digits200": Builtin("the first 20 digits of each class, 8 x 8, grey; 10 classes", digits200),
    "pictures": Builtin(f"{len(_PICTURES)} photographs of several sizes, colour", pictures),
    "photographs": Builtin("3 photographs, 128 x 128, colour", photographs),
    "faces": Builtin("200 crops, 25 x 25, grey; face or no face", faces),
    "curves": Builtin("300 functions of one variable, 128 samples; 6 classes, synthetic", curves),
}
BUILTINS |= {n: _with_extra(about, extras.torchvision_set, n, dataset=d) for n, (d, about) in _VISION.items()}
BUILTINS |= {n: _with_extra(about, extras.uea_set, n, problem=p) for n, (p, about) in _SERIES.items()}
BUILTINS |= {n: _with_extra(about, extras.medmnist_set, n) for n, about in extras.MEDMNIST.items()}

_ARCHIVE = "uea:"


def is_builtin(name: str) -> bool:
    return name in BUILTINS or name.startswith(_ARCHIVE)


def load_builtin(name: str) -> SignalSet:
    """A set by name, or ``uea:NAME`` from the UCR/UEA archive. Raises NotFound, or MissingExtra with the command."""
    if name.startswith(_ARCHIVE):
        return extras.uea_set(name, problem=name.removeprefix(_ARCHIVE))
    if name not in BUILTINS:
        raise NotFound(f"Got the name {name[:80]!r}; expected one of: {', '.join(BUILTINS)}.")
    return BUILTINS[name].load()


def datasets() -> dict[str, str]:
    """The sets that ``load`` knows by name, with a line about each."""
    archive = {"uea:NAME": "any problem of the UCR/UEA archive of series, by its name there; needs the data extra"}
    return {name: builtin.about for name, builtin in BUILTINS.items()} | archive
