import numpy as np
import pytest

from explorer.clouds import Cloud
from explorer.errors import InvalidInput
from explorer.nets.cloud_transformer import Learning, fit_clouds


def lines(n: int, seed: int) -> tuple[Cloud, np.ndarray]:
    """Clouds of several sizes along a horizontal or a vertical line, anywhere; latents say nothing."""
    rng = np.random.default_rng(seed)
    sizes, classes = rng.integers(6, 12, n), rng.integers(0, 2, n)
    positions = []
    for size, vertical in zip(sizes, classes, strict=True):
        along, across = rng.uniform(-0.7, 0.7, size), rng.normal(0, 0.03, size)
        line = np.stack([along, across] if vertical else [across, along], 1)
        positions.append(line + rng.uniform(-0.3, 0.3, 2))
    positions = np.concatenate(positions).astype(np.float32)
    cloud = Cloud(
        positions=positions,
        latents=rng.normal(size=(len(positions), 3)).astype(np.float32),
        frames=np.tile(np.eye(2, dtype=np.float32), (len(positions), 1, 1)),
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
    )
    return cloud, classes


@pytest.mark.parametrize("augment", [(), ("noise", "points", "thin", "mix")], ids=["plain", "augmented"])
def test_clouds_are_told_apart_by_where_their_anchors_lie(augment):
    cloud, classes = lines(80, 0)
    predict = fit_clouds(cloud, classes, 0, Learning(epochs=1, least_steps=80, augment=augment))
    asked, truth = lines(60, 1)
    assert (predict(asked) == truth).mean() > 0.9


def test_one_seed_is_one_classifier():
    cloud, classes = lines(20, 0)
    heard, quick = [], Learning(epochs=1, least_steps=10)
    first, second = (fit_clouds(cloud, classes, 3, quick, lambda *step: heard.append(step)) for _ in "ab")
    np.testing.assert_array_equal(first(cloud), second(cloud))
    assert heard == [(step, 10) for step in range(1, 11)] * 2


def test_labels_must_fit():
    cloud, classes = lines(20, 0)
    with pytest.raises(InvalidInput, match="19 labels for 20 clouds"):
        fit_clouds(cloud, classes[:19], 0)
