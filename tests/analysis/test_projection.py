import os
import sys

import numpy as np
import pytest
import torch

from explorer.analysis.neighbors import kept_neighbors
from explorer.analysis.projection import METHODS, place, project
from explorer.errors import Cancelled, InvalidInput, MissingExtra
from explorer.messages import Progress


@pytest.fixture(scope="module")
def vectors(digits) -> np.ndarray:
    return digits[0][:400]


@pytest.fixture(scope="module")
def umap_layout(vectors) -> np.ndarray:
    return project(vectors, method="umap", seed=3)


def moved(layout: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """How far each point lies from its place, as a share of the map's extent."""
    return np.linalg.norm(layout - reference, axis=1) / np.ptp(reference, axis=0).max()


def is_normalised(layout: np.ndarray) -> bool:
    return np.allclose(layout.min(0) + layout.max(0), 0, atol=1e-5) and np.isclose(np.ptp(layout, axis=0).max(), 2)


def test_a_fresh_umap_is_normalised_repeatable_and_faithful(vectors, umap_layout):
    assert umap_layout.shape == (400, 2) and umap_layout.dtype == np.float32
    assert is_normalised(umap_layout)
    np.testing.assert_array_equal(project(vectors, method="umap", seed=3), umap_layout)
    assert kept_neighbors(vectors, umap_layout).mean() > 0.5


def test_a_map_leaves_torch_its_number_of_threads(umap_layout):
    """numba and torch share one OpenMP, and sums round otherwise on another number of threads."""
    assert torch.get_num_threads() == int(os.environ["OMP_NUM_THREADS"])


def test_a_map_says_how_far_it_is_and_can_be_stopped_between_epochs(vectors, umap_layout):
    heard: list[Progress] = []

    def stop(progress: Progress) -> None:
        heard.append(progress)
        if len(heard) == 5:
            raise Cancelled("The job was cancelled.")

    for reference in (None, (vectors, umap_layout)):
        heard.clear()
        with pytest.raises(Cancelled):
            project(vectors, seed=3, reference=reference, report=stop)
        assert [progress.step for progress in heard] == list(range(5)) and heard[0].total >= 30
    np.testing.assert_array_equal(project(vectors, seed=3, report=lambda progress: None), umap_layout)


def test_points_keep_their_places_on_a_map_with_a_reference(vectors, umap_layout):
    reference = vectors, umap_layout
    assert moved(project(vectors, reference=reference), umap_layout).max() < 0.03
    perturbed = vectors + np.random.default_rng(0).normal(scale=0.02, size=vectors.shape).astype(np.float32)
    layout = project(perturbed, reference=reference)
    assert np.median(moved(layout, umap_layout)) < 0.02
    assert np.quantile(moved(layout, umap_layout), 0.95) < 0.05
    assert kept_neighbors(perturbed, layout).mean() > 0.9 * kept_neighbors(vectors, umap_layout).mean()


def test_a_reference_frame_is_neither_shifted_nor_turned(vectors, umap_layout):
    turned = umap_layout @ np.array([[0, 1], [-1, 0]], np.float32) + np.float32(0.5)
    layout = project(vectors, reference=(vectors, turned))
    assert np.abs(layout.mean(0) - turned.mean(0)).max() < 0.03
    assert moved(layout, turned).max() < 0.03


def test_new_signals_join_without_moving_the_others(digits, vectors, umap_layout):
    layout = project(digits[0][:410], reference=(vectors, umap_layout))
    assert layout.shape == (410, 2)
    assert np.quantile(moved(layout[:400], umap_layout), 0.95) < 0.02


def test_refining_keeps_more_true_neighbors_than_placing(vectors, umap_layout):
    noisy = vectors + np.random.default_rng(0).normal(scale=0.2, size=vectors.shape).astype(np.float32)
    refined = project(noisy, reference=(vectors, umap_layout))
    assert kept_neighbors(noisy, refined).mean() > kept_neighbors(noisy, place(noisy, vectors, umap_layout)).mean()


def test_place_gives_signals_of_the_reference_their_own_place(vectors, umap_layout):
    np.testing.assert_allclose(place(vectors, vectors, umap_layout), umap_layout, atol=1e-7)
    order = np.random.default_rng(0).permutation(400)
    np.testing.assert_allclose(place(vectors[order], vectors, umap_layout), umap_layout[order], atol=1e-7)


def test_place_is_the_mean_weighted_by_inverse_distance():
    reference, layout = np.array([[0.0], [3.0], [50.0]]), np.array([[0.0, 0.0], [3.0, 6.0], [9.0, 9.0]])
    np.testing.assert_allclose(place(np.array([[1.0]]), reference, layout, k=2), [[1.0, 2.0]], atol=1e-5)


def test_pca_is_normalised_and_independent_of_the_order(vectors):
    layout = project(vectors, method="pca")
    assert is_normalised(layout)
    order = np.random.default_rng(0).permutation(400)
    np.testing.assert_allclose(project(vectors[order], method="pca"), layout[order], atol=1e-4)


def test_pca_with_a_reference_keeps_its_axes_and_scale(vectors):
    layout = project(vectors, method="pca")
    kept = project(vectors[:7] + 1, method="pca", reference=(vectors, layout))
    shift = project(np.ones((1, 64)), method="pca", reference=(vectors, layout))
    shift = shift - project(np.zeros((1, 64)), method="pca", reference=(vectors, layout))
    np.testing.assert_allclose(kept, layout[:7] + shift, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("method", ["umap", "pca"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("kind", ["random", "constant", "line", "one column"])
def test_few_and_degenerate_vectors_have_a_map(method, n, kind):
    rng = np.random.default_rng(0)
    vectors = {
        "random": rng.normal(size=(n, 6)),
        "constant": np.full((n, 6), 0.3),
        "line": np.arange(n)[:, None] * np.ones(6),
        "one column": rng.normal(size=(n, 1)),
    }[kind]
    layout = project(vectors, method=method)
    assert layout.shape == (n, 2) and layout.dtype == np.float32
    assert np.isfinite(layout).all() and np.abs(layout).max() <= 1 + 1e-5
    again = project(vectors, method=method, reference=(vectors, layout))
    assert again.shape == (n, 2) and np.isfinite(again).all()


def test_one_signal_finds_its_place_on_a_map(vectors, umap_layout):
    np.testing.assert_allclose(project(vectors[7:8], reference=(vectors, umap_layout)), umap_layout[7:8], atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_vectors_that_are_not_finite_are_refused(method):
    with pytest.raises(InvalidInput, match="finite"):
        project(np.array([[0.0, np.nan], [1, 1], [2, 3]]), method=method)


def test_unknown_methods_and_other_references_are_refused(vectors):
    with pytest.raises(InvalidInput, match="umap, pca, pacmap"):
        project(vectors, method="tsne")
    with pytest.raises(InvalidInput, match="one checkpoint"):
        project(vectors, reference=(vectors[:, :3], np.zeros((400, 2))))
    with pytest.raises(InvalidInput, match="layout"):
        project(vectors, reference=(vectors, np.zeros((3, 2))))


def test_pacmap_without_its_package_names_the_extra(vectors, monkeypatch):
    monkeypatch.setitem(sys.modules, "pacmap", None)
    with pytest.raises(MissingExtra, match=r"explorer-signals\[projection\]"):
        project(vectors, method="pacmap")


def test_pacmap_is_normalised_repeatable_and_keeps_places(vectors):
    pytest.importorskip("pacmap")
    layout = project(vectors, method="pacmap", seed=1)
    assert is_normalised(layout)
    np.testing.assert_array_equal(project(vectors, method="pacmap", seed=1), layout)
    assert kept_neighbors(vectors, layout).mean() > 0.3
    np.testing.assert_allclose(project(vectors, method="pacmap", reference=(vectors, layout)), layout, atol=1e-6)
