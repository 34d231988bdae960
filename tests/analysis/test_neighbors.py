import numpy as np
import pytest

from explorer.analysis.neighbors import kept_neighbors, nearest_of_all, neighbors
from explorer.errors import InvalidInput


def test_neighbors_are_the_nearest_others_in_order(digits):
    vectors = digits[0]
    indices, distances = neighbors(vectors, 5, 8)
    true = np.linalg.norm(vectors - vectors[5], axis=1)
    true[5] = np.inf
    np.testing.assert_array_equal(indices, np.argsort(true)[:8])
    np.testing.assert_allclose(distances, np.sort(true)[:8], rtol=1e-5)
    assert indices.dtype == np.int64 and distances.dtype == np.float32


def test_a_signal_is_its_own_neighbor_in_a_reference_that_holds_it(digits):
    vectors = digits[0]
    indices, distances = neighbors(vectors, 5, 1, reference=vectors)
    assert indices.tolist() == [5] and distances[0] < 1e-5


def test_a_twin_is_a_neighbor_and_the_signal_itself_is_not():
    indices, distances = neighbors(np.ones((6, 3)), 2, 5)
    assert sorted(indices) == [0, 1, 3, 4, 5]
    np.testing.assert_array_equal(distances, 0)


def test_fewer_neighbors_than_asked_for_where_there_are_fewer():
    assert len(neighbors(np.eye(3), 0, 10)[0]) == 2
    assert len(neighbors(np.ones((1, 2)), 0, 10)[0]) == 0


@pytest.mark.parametrize(("row", "k"), [(-1, 1), (3, 1), (0, 0)])
def test_rows_and_counts_that_cannot_be_are_refused(row, k):
    with pytest.raises(InvalidInput):
        neighbors(np.eye(3), row, k)


def test_a_map_that_is_the_data_keeps_every_neighbor(digits):
    flat = digits[0][:100, 20:22] + np.random.default_rng(0).normal(size=(100, 2))
    np.testing.assert_array_equal(kept_neighbors(flat, flat), 1)


def test_a_shuffled_map_keeps_as_many_neighbors_as_chance(digits):
    layout = np.random.default_rng(0).normal(size=(1797, 2))
    kept = kept_neighbors(digits[0], layout, k=10)
    assert kept.shape == (1797,) and kept.dtype == np.float32
    assert kept.mean() == pytest.approx(10 / 1796, abs=0.003)


def test_kept_neighbors_counts_one_by_one():
    vectors = np.array([[0.0], [1.0], [2.1], [3.3]])
    layout = np.array([[0.0, 0.0], [1.0, 0.0], [9.0, 0.0], [2.1, 0.0]])
    np.testing.assert_allclose(kept_neighbors(vectors, layout, k=2), [0.5, 0.5, 1.0, 0.5])


def test_a_signal_alone_keeps_all_of_its_none():
    np.testing.assert_array_equal(kept_neighbors(np.ones((1, 3)), np.zeros((1, 2))), 1)


def test_a_signal_alone_has_no_neighbours():
    indices, distances = nearest_of_all(np.ones((1, 4), np.float32), 3)
    assert indices.shape == distances.shape == (1, 0)
