"""Clusters of vectors, as values that also say where further vectors belong."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from explorer.analysis.metrics import silhouette
from explorer.analysis.vectors import matrix, sample_rows
from explorer.errors import InvalidInput

METHODS = ("kmeans", "gmm", "spectral", "agglomerative", "hdbscan")

NOISE = -1

_VOTERS = 5  # nearest fitted vectors that decide where a further one belongs
_LIMIT = 5_000  # rows for the methods whose memory or time grows with the square of their number
_SUGGEST_LIMIT = 2_000


@dataclass(frozen=True, eq=False)
class Clustering:
    """Clusters that were fitted to vectors [N, dz].

    Args:
        labels: int64 [N], 0 to k - 1, or -1 for noise (HDBSCAN alone).
        k: the number of clusters.
        dz: the length of the vectors.
        predict: from checked float32 [n, dz] to labels [n].
    """

    labels: np.ndarray
    k: int
    dz: int
    predict: Callable[[np.ndarray], np.ndarray]

    def assign(self, vectors: np.ndarray) -> np.ndarray:
        """The cluster of each of ``vectors`` [n, dz], with nothing fitted anew: int64 [n].

        By the model itself for K-means and GMM, else by the vote of the nearest fitted vectors.
        """
        return self.predict(matrix(vectors, dz=self.dz)).astype(np.int64)


def fit(vectors: np.ndarray, *, method: str = "kmeans", k: int | None = None, seed: int = 0) -> Clustering:
    """Clusters of ``vectors`` [N, dz]. The same arguments give the same clusters.

    Args:
        vectors: [N, dz].
        method: one of ``METHODS``. Spectral, agglomerative and HDBSCAN see at most 5,000 rows, drawn by ``seed``; the
            rest is assigned.
        k: how many clusters, 1 to N; None takes ``suggest_k``'s. HDBSCAN finds its own.
        seed: for the methods that draw.

    Raises:
        InvalidInput: for an unknown method, a k that cannot be, or vectors that are not finite.
    """
    vectors = matrix(vectors)
    if method not in METHODS:
        raise InvalidInput(f"Got clustering method {method!r}; expected one of {', '.join(METHODS)}.")
    if k is not None and not 1 <= k <= len(vectors):
        raise InvalidInput(f"Got k = {k} for {len(vectors)} signals; expected 1 to {len(vectors)} clusters.")
    if method == "hdbscan":
        return _by_vote(vectors, _hdbscan, seed)
    if k is None:
        k, _ = suggest_k(vectors, seed=seed)
    if method == "kmeans" or len(vectors) == 1:
        return _kmeans(vectors, k, seed)
    if method == "gmm":
        return _gmm(vectors, k, seed)
    if method == "spectral":
        return _by_vote(vectors, lambda rows: _spectral(rows, min(k, len(rows)), seed), seed)
    return _by_vote(vectors, lambda rows: _agglomerative(rows, min(k, len(rows))), seed)


def suggest_k(vectors: np.ndarray, ks: Iterable[int] = range(2, 13), seed: int = 0) -> tuple[int, dict[int, float]]:
    """The k whose K-means clusters have the highest silhouette, on at most 2,000 rows.

    Returns:
        k, and the silhouette of each k that was possible. Where none is (fewer than three distinct vectors): 1, {}.
    """
    vectors = matrix(vectors)
    part = vectors[sample_rows(len(vectors), _SUGGEST_LIMIT, seed)]
    distinct = len(np.unique(part, axis=0))
    scores = {k: silhouette(part, _kmeans(part, k, seed).labels) for k in ks if 2 <= k < distinct}
    return (max(scores, key=scores.__getitem__) if scores else 1), scores


def match(labels: np.ndarray, reference_labels: np.ndarray) -> np.ndarray:
    """``labels`` renumbered so that clusters keep the number of the reference cluster they share most signals with.

    One to one, by the assignment with the largest total overlap (Kuhn 1955). A cluster too many gets the lowest
    number that is free. Noise stays noise.

    Args:
        labels: int [N].
        reference_labels: int [N], of the same signals.

    Returns:
        int64 [N].
    """
    from scipy.optimize import linear_sum_assignment

    labels, reference_labels = np.asarray(labels, np.int64), np.asarray(reference_labels, np.int64)
    if labels.ndim != 1 or labels.shape != reference_labels.shape:
        raise InvalidInput(
            f"Got labels {labels.shape} and {reference_labels.shape}; expected one of each for a signal."
        )
    found = np.unique(labels[labels != NOISE])
    known = np.unique(reference_labels[reference_labels != NOISE])
    both = (labels != NOISE) & (reference_labels != NOISE)
    overlap = np.zeros((len(found), len(known)), np.int64)
    np.add.at(overlap, (np.searchsorted(found, labels[both]), np.searchsorted(known, reference_labels[both])), 1)
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    names = np.full(len(found), NOISE)
    names[rows] = known[columns]
    extra = names == NOISE
    names[extra] = np.setdiff1d(np.arange(len(found) + len(known)), known)[: extra.sum()]
    return np.append(names, NOISE)[np.where(labels == NOISE, len(found), np.searchsorted(found, labels))]


def _kmeans(vectors: np.ndarray, k: int, seed: int) -> Clustering:
    from sklearn.cluster import KMeans

    # Single starts agree only to .6-.9 AMI with one another.
    model = KMeans(k, n_init=10, random_state=seed).fit(vectors)
    return _clustering(vectors, model.predict(vectors), model.predict)


def _gmm(vectors: np.ndarray, k: int, seed: int) -> Clustering:
    from sklearn.mixture import GaussianMixture
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    n, dz = vectors.shape
    # One full covariance for each cluster has k dz^2 / 2 numbers, a shared one dz^2 / 2: they are estimated only where
    # there are ten times as many signals as columns to each. Below, dimensions count as independent.
    covariance = "full" if n >= 10 * k * dz else "tied" if n >= 10 * dz else "diag"
    mixture = GaussianMixture(k, covariance_type=covariance, reg_covar=1e-3, n_init=3, random_state=seed)
    model = make_pipeline(StandardScaler(), mixture).fit(vectors.astype(np.float64))
    return _clustering(vectors, model.predict(vectors), model.predict)


def _spectral(vectors: np.ndarray, k: int, seed: int) -> np.ndarray:
    from sklearn.cluster import SpectralClustering

    if k == len(vectors):
        return np.arange(k)
    model = SpectralClustering(k, affinity="nearest_neighbors", n_neighbors=min(10, len(vectors)), random_state=seed)
    return model.fit_predict(vectors)


def _agglomerative(vectors: np.ndarray, k: int) -> np.ndarray:
    from sklearn.cluster import AgglomerativeClustering

    return AgglomerativeClustering(k, linkage="ward").fit_predict(vectors)


def _hdbscan(vectors: np.ndarray) -> np.ndarray:
    from sklearn.cluster import HDBSCAN

    smallest = max(5, len(vectors) // 100)  # a handful, or one signal in a hundred
    if len(vectors) < smallest:
        return np.full(len(vectors), NOISE)
    return HDBSCAN(min_cluster_size=smallest, min_samples=5, copy=True).fit_predict(vectors)


def _by_vote(vectors: np.ndarray, cluster: Callable[[np.ndarray], np.ndarray], seed: int) -> Clustering:
    """The clusters of at most ``_LIMIT`` rows; all other vectors join the majority of their nearest neighbours."""
    from sklearn.neighbors import KNeighborsClassifier

    rows = sample_rows(len(vectors), _LIMIT, seed)
    labels = cluster(vectors[rows])
    # Weights of 1 / distance: a fitted vector keeps its own label.
    voters = KNeighborsClassifier(min(_VOTERS, len(rows)), weights="distance").fit(vectors[rows], labels)
    assigned = voters.predict(vectors)
    assigned[rows] = labels
    return _clustering(vectors, assigned, voters.predict)


def _clustering(vectors: np.ndarray, labels: np.ndarray, predict: Callable[[np.ndarray], np.ndarray]) -> Clustering:
    labels = labels.astype(np.int64)
    return Clustering(labels, len(np.unique(labels[labels != NOISE])), vectors.shape[1], predict)
