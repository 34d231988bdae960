"""The sets that are known by name."""

import hashlib

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score

from explorer.errors import InvalidInput, MissingExtra, NotFound
from explorer.readers import datasets, load
from explorer.readers.curves import curves


def test_every_name_has_a_line():
    lines = datasets()
    assert {"digits", "pictures", "faces", "curves", "mnist", "cifar10", "gunpoint", "pneumoniamnist"} <= set(lines)
    assert all(about and "\n" not in about for about in lines.values())


def test_digits():
    signals = load("digits")
    assert (len(signals), signals.shape, signals.value_range) == (1797, (8, 8), (0.0, 1.0))
    assert signals.values.dtype == np.float32 and signals.values.min() == 0 and signals.values.max() == 1
    assert np.bincount(signals.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert signals.split is None and signals.train is signals


def test_the_digits_keep_their_name_on_every_machine():
    signals = load("digits")
    assert signals.id == "835c349ef9ce90032fd40a9d93fc4c8b0c129c099565b6580c76bc5ba9260545"
    assert signals.id == hashlib.sha256(signals.artifact.to_bytes()).hexdigest()


def test_digits200_are_the_first_of_each_class():
    some, every = load("digits200"), load("digits")
    assert np.bincount(some.labels).tolist() == [20] * 10 and some.shape == (8, 8)
    rows = np.isin(every.ids, some.ids)
    assert every[rows].values.tobytes() == some.values.tobytes()
    for c in range(10):
        of_class = np.flatnonzero(every.labels == c)
        assert rows[of_class[:20]].all() and not rows[of_class[20:]].any()
    assert some.id == "38822d213dcae737ab7568fce6ef094ce6b26011c5a33c1fb6dbfda50dec3f53"


def test_pictures_keep_their_sizes():
    signals = load("pictures")
    assert signals.shape is None and signals.channels == ("red", "green", "blue")
    assert signals.grid(signals.ids.index("rocket")).shape == (427, 640, 3)
    camera = signals.grid(signals.ids.index("camera"))
    assert camera.shape == (512, 512, 3) and (camera[..., 0] == camera[..., 2]).all()


def test_faces():
    signals = load("faces")
    assert (len(signals), signals.shape) == (200, (25, 25))
    assert signals.labels.tolist() == [0] * 100 + [1] * 100 and signals.class_names == ("face", "no face")


def test_curves_cluster_by_shape_and_not_by_amplitude():
    signals = curves()
    values = signals.values.reshape(300, 128)
    amplitude = np.stack([values.mean(1), values.std(1), np.abs(values).mean(1)], 1)
    amplitude = (amplitude - amplitude.mean(0)) / amplitude.std(0)

    def ami(x):
        return adjusted_mutual_info_score(signals.labels, KMeans(6, n_init=10, random_state=0).fit_predict(x))

    assert np.bincount(signals.labels).tolist() == [50] * 6
    assert ami(values) > 0.6
    assert ami(amplitude[:, :2]) < 0.35
    assert (curves(seed=0).values == signals.values).all() and (curves(seed=1).values != signals.values).any()


@pytest.mark.parametrize(
    ("name", "module"), [("mnist", "torchvision"), ("bloodmnist", "medmnist"), ("uea:ERing", "aeon")]
)
def test_a_missing_extra_says_what_to_install(name, module):
    try:
        __import__(module)
    except ImportError:
        with pytest.raises(MissingExtra, match=r'pip install "explorer-signals\[data\]"'):
            load(name)
    else:
        pytest.skip(f"{module} is installed")


@pytest.mark.parametrize(
    ("name", "expected"), [("gunpoint", (200, (150,), 1, 2)), ("basicmotions", (80, (100,), 6, 4))]
)
def test_series_that_come_with_aeon(name, expected, shared_data):
    pytest.importorskip("aeon", reason="needs the data extra")
    signals = load(name)
    assert (len(signals), signals.shape, signals.m, len(signals.class_names)) == expected
    stored = load(shared_data / f"{name}.npz")
    assert (signals.split == stored.split).all() and np.abs(signals.values - stored.values).max() < 1e-5
    named = [signals.class_names[k].lower() for k in signals.labels]
    assert named == [stored.class_names[k].lower() for k in stored.labels]


def test_unknown_names_and_options_that_do_not_fit():
    with pytest.raises(NotFound, match="digits"):
        load("digitz")
    with pytest.raises(NotFound, match="problem"):
        load("uea:../../etc/passwd")
    with pytest.raises(InvalidInput, match="axes="):
        load("digits", axes="t")
    with pytest.raises(InvalidInput, match="labels"):
        load("digits", labels=[0])
    signals = load("faces")
    assert load(signals) is signals
