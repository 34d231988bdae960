import subprocess
import sys

import numpy as np
import pytest

from explorer.analysis.vectors import matrix, nearest, sample_rows
from explorer.errors import InvalidInput


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e16])
def test_numbers_that_cannot_be_compared_are_refused(bad):
    with pytest.raises(InvalidInput, match="finite"):
        matrix(np.array([[0.0, bad]]))


@pytest.mark.parametrize("shape", [(3,), (0, 2), (3, 0), (2, 2, 2)])
def test_only_a_matrix_with_entries_is_taken(shape):
    with pytest.raises(InvalidInput, match="shape"):
        matrix(np.zeros(shape))


def test_vectors_of_another_space_are_refused():
    with pytest.raises(InvalidInput, match="Got vectors of 64 numbers; expected 3"):
        matrix(np.zeros((2, 64)), dz=3)


def test_sampled_rows_are_distinct_ordered_and_repeatable():
    rows = sample_rows(1000, 100, seed=3)
    assert len(rows) == 100 and (np.diff(rows) > 0).all() and rows.max() < 1000
    np.testing.assert_array_equal(rows, sample_rows(1000, 100, seed=3))
    np.testing.assert_array_equal(sample_rows(5, 100, seed=3), np.arange(5))


def test_nearest_agrees_with_the_distances_written_out(digits):
    vectors = digits[0][:200]
    indices, distances = nearest(vectors[50:], vectors[:50], 3)
    table = np.linalg.norm(vectors[:50, None].astype(np.float64) - vectors[None, 50:], axis=2)
    np.testing.assert_allclose(distances, np.sort(table, axis=1)[:, :3], rtol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(table, indices, 1), distances, rtol=1e-6)


def test_importing_the_analysis_loads_no_heavy_library():
    modules = "projection, clustering, neighbors, metrics"
    heavy = {"torch", "sklearn", "umap", "numba", "skimage", "pacmap"}
    script = f"import sys; from explorer.analysis import {modules}; print(*{heavy!r} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not done.stdout.split()
