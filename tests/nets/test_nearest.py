import numpy as np
import pytest

from explorer.grids import grid_coords
from explorer.nets.nearest import by_distance, nearest


def brute(positions, offsets, coords, rows, n):
    """All distances, sorted by (distance, number)."""
    found = np.empty((len(coords), n), int)
    for i, (point, row) in enumerate(zip(coords, rows, strict=True)):
        mine = np.arange(offsets[row], offsets[row + 1])
        squares = np.round(np.square(point.astype(float) - positions[mine]).sum(1) * 2**26)
        order = mine[np.lexsort((mine, squares))]
        found[i] = order[np.arange(n) % min(n, len(order))]
    return found


def clouds(d: int, sizes: list[int], seed: int = 0, lattice: int = 0):
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    if lattice:
        grid = grid_coords((lattice,) * d)
        positions = np.concatenate([grid[rng.choice(len(grid), size, replace=False)] for size in sizes])
    else:
        positions = rng.uniform(-1, 1, (offsets[-1], d)).astype(np.float32)
    return positions, offsets


@pytest.mark.parametrize("search", [nearest, lambda *a: by_distance(*a, "cpu")], ids=["tree", "distances"])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_nearest_are_found(d, search):
    positions, offsets = clouds(d, [9, 5, 30])
    coords = np.random.default_rng(1).uniform(-1, 1, (60, d)).astype(np.float32)
    rows = np.repeat([0, 1, 2], 20)
    np.testing.assert_array_equal(
        search(positions, offsets, coords, rows, 4), brute(positions, offsets, coords, rows, 4)
    )


@pytest.mark.parametrize("search", [nearest, lambda *a: by_distance(*a, "cpu")], ids=["tree", "distances"])
def test_ties_go_by_number(search):
    positions, offsets = clouds(2, [20, 33], lattice=8)
    coords = np.tile(grid_coords((8, 8)), (2, 1))
    rows = np.repeat([0, 1], 64)
    expected = brute(positions, offsets, coords, rows, 4)
    np.testing.assert_array_equal(search(positions, offsets, coords, rows, 4), expected)
    same = np.zeros((6, 2), np.float32)  # all in one place
    np.testing.assert_array_equal(
        search(same, np.array([0, 6]), coords[:3], rows[:3], 4), np.tile(np.arange(4), (3, 1))
    )


def test_small_clouds_are_gone_through_again():
    positions, offsets = clouds(2, [1, 3, 12])
    coords = np.random.default_rng(1).uniform(-1, 1, (30, 2)).astype(np.float32)
    rows = np.repeat([0, 1, 2], 10)
    found = nearest(positions, offsets, coords, rows, 4)
    np.testing.assert_array_equal(found, brute(positions, offsets, coords, rows, 4))
    assert (found[:10] == 0).all() and (found[10:20, 3] == found[10:20, 0]).all()


def test_a_turned_cloud_keeps_its_order():
    positions, offsets = clouds(2, [200], lattice=28)
    coords = grid_coords((28, 28))
    rows = np.zeros(len(coords), int)
    turn = np.array([[0, -1], [1, 0]], np.float32)
    np.testing.assert_array_equal(
        nearest(positions @ turn.T, offsets, coords @ turn.T, rows, 4), nearest(positions, offsets, coords, rows, 4)
    )
