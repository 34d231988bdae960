import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.analysis.clustering import METHODS, fit, match, suggest_k
from explorer.analysis.metrics import ami, ari
from explorer.errors import InvalidInput


@pytest.fixture(scope="module")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Four clusters that nobody could miss: float32 [200, 6] and their labels."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 50)
    centres = 10 * np.eye(4, 6)
    return (centres[labels] + rng.normal(scale=0.5, size=(200, 6))).astype(np.float32), labels


@pytest.mark.parametrize("method", METHODS)
def test_clear_clusters_are_found_and_counted(method, blobs):
    vectors, truth = blobs
    clustering = fit(vectors, method=method)
    assert clustering.k == 4
    assert clustering.labels.dtype == np.int64
    known = clustering.labels >= 0
    assert known.mean() > 0.9
    assert ari(clustering.labels[known], truth[known]) == 1


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_the_signals_changes_no_partition(method, blobs):
    order = np.random.default_rng(1).permutation(200)
    straight = fit(blobs[0], method=method, k=4).labels[order]
    shuffled = fit(blobs[0][order], method=method, k=4).labels
    np.testing.assert_array_equal(match(shuffled, straight), straight)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_arguments_give_the_same_clusters(method, digits):
    vectors = digits[0][:400]
    first, second = (fit(vectors, method=method, k=10, seed=7).labels for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("method", METHODS)
def test_fitted_vectors_are_assigned_to_their_own_cluster(method, digits):
    vectors = digits[0][:400]
    clustering = fit(vectors, method=method, k=10)
    np.testing.assert_array_equal(clustering.assign(vectors), clustering.labels)


@pytest.mark.parametrize("method", ["kmeans", "gmm", "spectral", "agglomerative"])
def test_digits_are_found_and_unseen_ones_join_them(method, digits):
    vectors, truth = digits
    clustering = fit(vectors[:1000], method=method, k=10)
    assert clustering.k == 10
    assert ami(clustering.labels, truth[:1000]) > 0.6
    assert ami(clustering.assign(vectors[1000:]), truth[1000:]) > 0.55


@pytest.mark.parametrize("method", ["spectral", "agglomerative", "hdbscan"])
def test_many_signals_are_fitted_on_some_and_assigned_for_all(method, blobs, monkeypatch):
    monkeypatch.setattr("explorer.analysis.clustering._LIMIT", 120)
    clustering = fit(blobs[0], method=method, k=4)
    known = clustering.labels >= 0
    assert clustering.labels.shape == (200,) and known.mean() > 0.9
    assert ari(clustering.labels[known], blobs[1][known]) == 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("constant", [False, True])
def test_few_and_constant_signals_have_an_answer(method, n, constant):
    vectors = np.ones((n, 4)) if constant else np.random.default_rng(0).normal(size=(n, 4))
    for k in {None, 1, n}:
        clustering = fit(vectors, method=method, k=k)
        assert clustering.labels.shape == (n,)
        assert set(clustering.labels) <= set(range(-1, n))
        assert clustering.assign(vectors).shape == (n,)


@pytest.mark.parametrize("k", [0, -1, 5])
@pytest.mark.parametrize("method", METHODS)
def test_a_k_that_cannot_be_is_refused_in_words(method, k):
    with pytest.raises(InvalidInput, match=f"k = {k} for 4 signals; expected 1 to 4"):
        fit(np.eye(4), method=method, k=k)


def test_other_things_that_cannot_be_are_refused(blobs):
    with pytest.raises(InvalidInput, match="kmeans, gmm"):
        fit(blobs[0], method="dbscan")
    with pytest.raises(InvalidInput, match="finite"):
        fit(np.full((4, 2), np.nan))
    with pytest.raises(InvalidInput, match="5 numbers; expected 6"):
        fit(blobs[0], k=4).assign(np.zeros((1, 5)))


def test_the_suggested_k_has_the_highest_silhouette(blobs):
    k, scores = suggest_k(blobs[0], ks=range(2, 7))
    assert k == 4 and list(scores) == [2, 3, 4, 5, 6] and scores[4] == max(scores.values())


def test_nothing_to_choose_from_is_one_cluster():
    assert suggest_k(np.ones((9, 2))) == (1, {})
    assert suggest_k(np.eye(2)) == (1, {})


labels = st.lists(st.integers(-1, 6), min_size=1, max_size=40).map(np.array)


@given(labels, st.permutations(range(7)))
def test_match_undoes_any_renaming(reference, names):
    renamed = np.append(names, -1)[reference]
    np.testing.assert_array_equal(match(renamed, reference), reference)


@given(labels, st.randoms(use_true_random=False))
def test_match_renames_and_never_merges(labels, random):
    reference = np.array([random.randint(-1, 4) for _ in labels])
    matched = match(labels, reference)
    assert len(set(zip(labels, matched, strict=True))) == len(set(labels)) == len(set(matched))
    np.testing.assert_array_equal(matched == -1, labels == -1)


def test_a_cluster_too_many_gets_the_lowest_free_number():
    np.testing.assert_array_equal(match(np.array([5, 5, 5, 2, 3, 3]), np.array([0, 0, 0, 0, 2, 2])), [0, 0, 0, 1, 2, 2])
    with pytest.raises(InvalidInput):
        match(np.zeros(2), np.zeros(3))
