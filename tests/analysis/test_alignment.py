import numpy as np
import pytest

from explorer.analysis.alignment import align
from explorer.interpolation import Units

WIDTHS = (2, 16, 12, 1)
SYMMETRY = tuple(Units((f"{i}.weight", f"{i}.bias"), (f"{i + 1}.weight",), odd=True) for i in range(2))


def network(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes = list(zip(WIDTHS[1:], WIDTHS, strict=False))
    return {f"{i}.weight": rng.normal(size=(1, *size)) for i, size in enumerate(sizes)} | {
        f"{i}.bias": rng.normal(size=(1, size[0])) for i, size in enumerate(sizes)
    }


def values(network: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    for i in range(3):
        x = x @ network[f"{i}.weight"][0].T + network[f"{i}.bias"][0]
        x = np.sin(x) if i < 2 else x
    return x


def shuffled(network: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """The same function by other weights: units in another order, some with the other sign."""
    rng, other = np.random.default_rng(seed), dict(network)
    for units, width in zip(SYMMETRY, WIDTHS[1:], strict=False):
        order, signs = rng.permutation(width), rng.choice([-1, 1], width)
        for name in units.written_by:
            other[name] = other[name][:, order] * signs.reshape(-1, *(1,) * (other[name].ndim - 2))
        for name in units.read_by:
            other[name] = other[name][:, :, order] * signs
    return other


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(9).uniform(-1, 1, (50, 2))


def test_a_shuffled_network_is_put_back_in_order(x):
    start = network(0)
    end = shuffled(start, 1)
    assert not np.allclose(end["1.weight"], start["1.weight"])
    np.testing.assert_allclose(values(end, x), values(start, x), atol=1e-9)
    aligned = align(start, end, SYMMETRY)
    for name in start:
        np.testing.assert_allclose(aligned[name], start[name])


def test_aligning_changes_no_function_and_brings_weights_closer(x):
    start, end = network(0), network(3)
    aligned = align(start, end, SYMMETRY)
    np.testing.assert_allclose(values(aligned, x), values(end, x), atol=1e-9)

    def distance(one: dict[str, np.ndarray]) -> float:
        return sum(float(np.square(one[name] - start[name]).sum()) for name in start)

    assert distance(aligned) < distance(end)
