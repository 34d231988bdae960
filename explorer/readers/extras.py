"""Signal sets that the ``data`` extra downloads: torchvision, MedMNIST and the UCR/UEA archive through aeon.

Each library is imported when one of its sets is asked for, and downloads by its own means.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import platformdirs

from explorer.errors import ExplorerError, MissingExtra, NotFound
from explorer.signals import SPLITS, Axis, SignalSet

Part = tuple[str, Any, Any]
"""The name of a split, its signals [n, …] and labels [n] or None."""

MEDMNIST = {
    "pathmnist": "107,180 tissue patches, 28 x 28, colour; 9 classes",
    "chestmnist": "112,120 chest X-rays, 28 x 28, grey; no single label",
    "dermamnist": "10,015 skin lesions, 28 x 28, colour; 7 classes",
    "octmnist": "109,309 retinal OCT images, 28 x 28, grey; 4 classes",
    "pneumoniamnist": "5,856 chest X-rays, 28 x 28, grey; 2 classes",
    "retinamnist": "1,600 fundus photographs, 28 x 28, colour; 5 grades",
    "breastmnist": "780 breast ultrasound images, 28 x 28, grey; 2 classes",
    "bloodmnist": "17,092 blood cells, 28 x 28, colour; 8 classes",
    "tissuemnist": "236,386 kidney cells, 28 x 28, grey; 8 classes",
    "organamnist": "58,830 axial CT slices, 28 x 28, grey; 11 classes",
    "organcmnist": "23,583 coronal CT slices, 28 x 28, grey; 11 classes",
    "organsmnist": "25,211 sagittal CT slices, 28 x 28, grey; 11 classes",
    "organmnist3d": "1,742 CT volumes, 28 x 28 x 28; 11 classes",
    "nodulemnist3d": "1,633 CT volumes of lung nodules, 28 x 28 x 28; 2 classes",
    "adrenalmnist3d": "1,584 shapes of adrenal glands, 28 x 28 x 28; 2 classes",
    "fracturemnist3d": "1,370 CT volumes of rib fractures, 28 x 28 x 28; 3 classes",
    "vesselmnist3d": "1,908 shapes of brain vessels, 28 x 28 x 28; 2 classes",
    "synapsemnist3d": "1,759 electron microscopy volumes, 28 x 28 x 28; 2 classes",
}
"""Sets of MedMNIST v2, a line about each."""

_MEDMNIST_SPLITS = {"train": "train", "validation": "val", "test": "test"}


def torchvision_set(name: str, *, dataset: str) -> SignalSet:
    """MNIST, FashionMNIST or CIFAR10: uint8 images [28, 28] or [32, 32, 3]."""
    make = getattr(_import("torchvision.datasets"), dataset)
    with _download(name, "torchvision") as folder:
        sets = {split: make(folder, train=split == "train", download=True) for split in ("train", "test")}
    parts = [(split, np.asarray(s.data), np.asarray(s.targets)) for split, s in sets.items()]
    return _set(name, parts, axes="yx", class_names=sets["train"].classes)


def medmnist_set(name: str) -> SignalSet:
    """A set of MedMNIST v2: uint8 images [28, 28(, 3)] or volumes [28, 28, 28]; no labels where it has several."""
    medmnist = _import("medmnist")
    info = medmnist.INFO[name]
    make = getattr(medmnist, info["python_class"])
    with _download(name, "medmnist") as folder:
        folder.mkdir(parents=True, exist_ok=True)
        sets = {split: make(split=short, root=str(folder), download=True) for split, short in _MEDMNIST_SPLITS.items()}
    one_label = next(iter(sets.values())).labels.shape[1] == 1
    parts = [(split, s.imgs, s.labels[:, 0] if one_label else None) for split, s in sets.items()]
    class_names = [info["label"][str(i)] for i in range(len(info["label"]))] if one_label else None
    return _set(name, parts, axes="zyx" if name.endswith("3d") else "yx", class_names=class_names)


def uea_set(name: str, *, problem: str) -> SignalSet:
    """A classification problem of the UCR/UEA archive, by its name there: float32 [time, channels], any lengths."""
    if not re.fullmatch(r"\w+", problem):  # it becomes part of a path
        raise NotFound(f"Got the problem {problem[:80]!r}; expected a name of the UCR/UEA archive, such as uea:ERing.")
    datasets = _import("aeon.datasets")
    shipped = {"GunPoint": "load_gunpoint", "BasicMotions": "load_basic_motions"}
    with _download(name, "aeon") as folder:
        if problem in shipped:
            load: Callable[..., Any] = getattr(datasets, shipped[problem])
        else:
            folder.mkdir(parents=True, exist_ok=True)
            load = partial(datasets.load_classification, problem, extract_path=str(folder))
        parts = [(split, *load(split=split)) for split in ("train", "test")]
    class_names, labels = np.unique(np.concatenate([y for _, _, y in parts]), return_inverse=True)
    bounds = np.cumsum([0, *(len(y) for _, _, y in parts)])
    series = [
        (split, [np.asarray(s, np.float32).T for s in x], labels[a:b])
        for (split, x, _), a, b in zip(parts, bounds[:-1], bounds[1:], strict=True)
    ]
    return _set(name, series, axes="t", class_names=[str(c) for c in class_names])


def _set(name: str, parts: Sequence[Part], *, axes: str, class_names: Sequence[str] | None) -> SignalSet:
    signals = [signal for _, part, _ in parts for signal in part]
    shared = len({signal.shape for signal in signals}) == 1
    labelled = all(labels is not None for _, _, labels in parts)
    return SignalSet.from_grids(
        np.stack(signals) if shared else signals,
        axes=[Axis(a) for a in axes],
        name=name,
        ids=[f"{split}/{i}" for split, part, _ in parts for i in range(len(part))],
        labels=np.concatenate([np.asarray(labels, np.int64) for _, _, labels in parts]) if labelled else None,
        class_names=class_names,
        split=np.concatenate([np.full(len(part), SPLITS.index(split), np.uint8) for split, part, _ in parts]),
    )


def _import(module: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingExtra(
            f"Got a signal set that {package} provides, which cannot be imported ({error}); expected it installed. "
            'Run: pip install "explorer-signals[data]"'
        ) from None


@contextmanager
def _download(name: str, library: str) -> Iterator[Path]:
    """The folder for a library's downloads; what goes wrong on the way becomes a sentence."""
    try:
        yield platformdirs.user_cache_path("explorer") / "downloads" / library
    except ExplorerError:
        raise
    except Exception as error:  # each library has its own errors for a network that is not there
        raise NotFound(
            f"Got no data for {name!r} from {library} ({str(error)[:300]}); expected a download or an earlier copy. "
            "Check the name and the network and try again."
        ) from None
