import numpy as np
import pytest

from explorer.interpolation import linear, mean, only, slerp

AT = np.array([0, 0.25, 0.5, 1])


@pytest.fixture
def ends() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(1, 3, 4)).astype(np.float32), rng.normal(size=(1, 3, 4)).astype(np.float32)


@pytest.mark.parametrize("go", [linear, slerp])
def test_a_way_starts_and_ends_where_it_should(go, ends):
    way = go(*ends, AT)
    assert way.shape == (4, 3, 4) and way.dtype == np.float32
    np.testing.assert_allclose(way[0], ends[0][0], atol=1e-6)
    np.testing.assert_allclose(way[-1], ends[1][0], atol=1e-6)


def test_a_great_circle_keeps_the_length(ends):
    a, b = (end / np.linalg.norm(end) for end in ends)
    np.testing.assert_allclose(np.linalg.norm(slerp(a, b, AT).reshape(4, -1), axis=1), 1, atol=1e-6)
    assert np.linalg.norm(linear(a, b, AT)[2]) < 0.99


def test_where_there_is_no_circle_the_way_is_straight(ends):
    a, zero = ends[0], np.zeros_like(ends[0])
    for start, end in ((a, zero), (zero, a), (a, 2 * a)):
        np.testing.assert_allclose(slerp(start, end, AT), linear(start, end, AT), rtol=1e-5)
    assert np.isfinite(slerp(a, -a, AT)).all()


def test_a_mean_of_one_is_that_one(ends):
    both = np.concatenate(ends)
    np.testing.assert_allclose(mean(both, np.array([1.0, 0.0])), ends[0])
    np.testing.assert_allclose(mean(both, np.array([0.5, 0.5])), linear(*ends, np.array([0.5])), atol=1e-6)


def test_layers_move_alone():
    start = {"0.weight": np.zeros(1), "0.bias": np.zeros(1), "1.weight": np.zeros(1)}
    end = {name: array + 1 for name, array in start.items()}
    assert {name: float(a[0]) for name, a in only(["0"], start, end).items()} == {
        "0.weight": 1, "0.bias": 1, "1.weight": 0,
    }  # fmt: skip
