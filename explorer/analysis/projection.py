"""The map: vectors [N, dz] as places [N, 2], also in the frame of an earlier map.

A fresh map is centred and its longer axis spans [-1, 1]. A map with a reference stays in the reference's frame: it is
never centred, scaled or turned again, so that a point that moves on the screen has moved in the data.
"""

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import numpy as np

from explorer.analysis.vectors import matrix, nearest
from explorer.errors import InvalidInput, MissingExtra
from explorer.messages import Progress

METHODS = ("umap", "pca", "pacmap")

# numba ends the process when two threads enter its parallel code at once.
_ONE_AT_A_TIME = threading.Lock()

Reference = tuple[np.ndarray, np.ndarray]
Report = Callable[[Progress], None]
"""Called after each epoch of UMAP; what it raises ends the work."""

FEWEST = 5
"""Signals from which on neighbourhoods mean something; fewer are mapped by PCA."""
_NEIGHBORS, _SPREAD, _MIN_DIST = 15, 1.0, 0.1  # UMAP's defaults
# UMAP's maps of some thousand points span 20 to 30 of its units. In a frame of that size and with small steps a refined
# map keeps nearly as many true neighbours as a fresh one, while places that fit already hardly move.
_REFINE_SPAN = 25.0
_REFINE_EPOCHS = 30
_REFINE_STEP = 0.025


def project(
    vectors: np.ndarray,
    *,
    method: str = "umap",
    seed: int = 0,
    reference: Reference | None = None,
    report: Report = lambda progress: None,
) -> np.ndarray:
    """Places on a map. The same arguments give the same map.

    Args:
        vectors: [N, dz].
        method: ``umap`` (McInnes et al. 2018), ``pca``, or ``pacmap`` (Wang et al. 2021, extra ``projection``).
        seed: for the methods that draw.
        reference: vectors [R, dz] and layout [R, 2] of an earlier map, in whose frame points keep their places; the
            signals need not be the same. UMAP starts from ``place`` and refines shortly, PaCMAP takes ``place`` as it
            is, PCA keeps the axes and the scale of the reference's vectors and needs no layout.
        report: hears of UMAP's epochs.

    Returns:
        float32 [N, 2]. Where no neighbourhoods are to be had (fewer than five signals, or all on a line) the map is
        the PCA map.

    Raises:
        InvalidInput: for vectors that are not finite, or a method that is not there.
        MissingExtra: for ``pacmap`` without its package.
    """
    check_method(method)
    vectors = matrix(vectors)
    if method == "pca":
        if reference is None:
            return _pca(vectors, vectors)
        return _pca(vectors, matrix(reference[0], "reference vectors", vectors.shape[1]))
    if reference is not None:
        placed = place(vectors, *reference)
        if method == "pacmap" or len(vectors) < FEWEST:
            return placed
        return _apart(_refined_umap, vectors, placed, seed, report)
    start = _pca(vectors, vectors)
    if len(vectors) < FEWEST or not _is_flat(start):
        return start
    layout = _apart(_umap if method == "umap" else _pacmap, vectors, start, seed, report)
    return _normalised(layout, layout)


def _apart(work: Callable[..., np.ndarray], *args: Any) -> np.ndarray:
    """What numba computes, in a thread of its own.

    numba sets how many threads OpenMP uses, of the thread that first calls it. torch shares that OpenMP: there, all its
    later sums would be cut otherwise, and be rounded otherwise than in a process that has made no map.
    """
    with _ONE_AT_A_TIME, ThreadPoolExecutor(1) as thread:
        return thread.submit(copy_context().run, work, *args).result()


def check_method(method: str) -> None:
    """Raises InvalidInput for a method that is not there."""
    if method not in METHODS:
        raise InvalidInput(f"Got projection method {method!r}; expected one of {', '.join(METHODS)}.")


def prepare() -> None:
    """Have UMAP compiled, which takes some twenty seconds, so that the first map does not wait for it."""
    vectors = np.random.default_rng(0).standard_normal((64, 8)).astype(np.float32)
    project(vectors, reference=(vectors, project(vectors)))


def place(vectors: np.ndarray, vectors_ref: np.ndarray, layout_ref: np.ndarray, k: int = 5) -> np.ndarray:
    """Where signals belong on a map that is there: the mean place of their ``k`` nearest reference signals.

    Weights are inverse distances, so that a signal of the reference gets its own place.

    Args:
        vectors: [N, dz].
        vectors_ref: [R, dz].
        layout_ref: [R, 2].
        k: how many reference signals, at most R.

    Returns:
        float32 [N, 2].
    """
    vectors = matrix(vectors)
    vectors_ref = matrix(vectors_ref, "reference vectors", vectors.shape[1])
    layout_ref = matrix(layout_ref, "reference layout")
    if layout_ref.shape != (len(vectors_ref), 2):
        raise InvalidInput(
            f"Got a layout {layout_ref.shape} of {len(vectors_ref)} vectors; expected two numbers for each."
        )
    if k < 1:
        raise InvalidInput(f"Got {k} neighbours; expected 1 or more.")
    indices, distances = nearest(vectors_ref, vectors, min(k, len(vectors_ref)))
    # Rounding makes a distance of zero a little more; what is that close counts as the same signal.
    same = 1e-6 * (1 + np.linalg.norm(vectors, axis=1, keepdims=True))
    weights = np.where(distances[:, :1] <= same, np.arange(indices.shape[1]) == 0, 1 / np.maximum(distances, same))
    weights /= weights.sum(1, keepdims=True)
    return np.einsum("nk,nkd->nd", weights, layout_ref[indices]).astype(np.float32)


def _pca(vectors: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Places along the reference's first two principal axes, in the reference's normalisation.

    scikit-learn fixes the signs: the largest loading of each axis is positive.
    """
    from sklearn.decomposition import PCA

    axes = min(2, *reference.shape)
    if (reference == reference[0]).all():  # no direction stands out
        return np.zeros((len(vectors), 2), np.float32)
    pca = PCA(axes, random_state=0).fit(reference)
    pad = ((0, 0), (0, 2 - axes))
    return _normalised(np.pad(pca.transform(vectors), pad), np.pad(pca.transform(reference), pad))


def _normalised(layout: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The layout, moved and scaled so that the reference is centred and its longer axis spans [-1, 1]."""
    low, high = reference.min(0), reference.max(0)
    half = float((high - low).max()) / 2
    return ((layout - (low + high) / 2) / (half or 1.0)).astype(np.float32)


def _is_flat(layout: np.ndarray) -> bool:
    """Whether the points span a plane, and not a line or one place."""
    return bool((np.ptp(layout, axis=0) > 1e-4).all())


class _Epochs:
    """What UMAP's progress bar writes to: a Report."""

    def __init__(self, report: Report):
        self._report = report

    @property
    def bar(self) -> dict[str, Any]:
        """Options of a bar (tqdm) that writes ``step/total`` here after each epoch, and nowhere else."""
        if "ipykernel" in sys.modules:  # there a bar is a widget on the page, whatever its file
            return {"disable": True}
        return {
            "disable": False,
            "file": self,
            "bar_format": "{n_fmt}/{total_fmt}",
            "mininterval": 0,
            "miniters": 1,
            "leave": False,
        }

    def write(self, text: str) -> None:
        from tqdm import tqdm

        step, slash, total = text.strip().partition("/")
        if not slash:
            return
        try:
            self._report(Progress(step=int(step), total=int(total), message="placing the points"))
        except BaseException:
            tqdm.get_lock().release()  # a bar whose file raises keeps the lock of all bars, and the next one waits
            raise

    def flush(self) -> None:
        """What a file has."""


def _umap(vectors: np.ndarray, start: np.ndarray, seed: int, report: Report) -> np.ndarray:
    from umap import UMAP

    # From the PCA map, so that the page can show that one at once and move on from it.
    model = UMAP(
        n_neighbors=min(_NEIGHBORS, len(vectors) - 1),
        spread=_SPREAD,
        min_dist=_MIN_DIST,
        init=start,
        random_state=seed,
        n_jobs=1,
        tqdm_kwds=_Epochs(report).bar,
    )
    return model.fit_transform(vectors)


def _refined_umap(vectors: np.ndarray, placed: np.ndarray, seed: int, report: Report) -> np.ndarray:
    """A few epochs of UMAP from places that are there.

    ``UMAP(init=...)`` stretches both axes of its start to [0, 10], which tears a map out of its frame, so its optimiser
    is called directly.
    """
    from umap.layouts import optimize_layout_euclidean
    from umap.umap_ import find_ab_params, fuzzy_simplicial_set, make_epochs_per_sample

    if not _is_flat(placed):
        return placed
    k = min(_NEIGHBORS, len(vectors) - 1)
    indices, distances = nearest(vectors, vectors, k)  # UMAP counts a point among its own neighbours
    graph, _, _ = fuzzy_simplicial_set(
        vectors,
        k,
        np.random.RandomState(seed),
        "euclidean",
        knn_indices=indices,
        knn_dists=distances.astype(np.float32),
    )
    graph = graph.tocoo()
    strong = graph.data >= graph.data.max() / _REFINE_EPOCHS  # weaker edges would never be drawn
    a, b = find_ab_params(_SPREAD, _MIN_DIST)
    start = np.ascontiguousarray(placed * (_REFINE_SPAN / 2), np.float32)
    layout = optimize_layout_euclidean(
        start,
        start,
        graph.row[strong],
        graph.col[strong],
        _REFINE_EPOCHS,
        len(vectors),
        make_epochs_per_sample(graph.data[strong], _REFINE_EPOCHS),
        a,
        b,
        np.random.default_rng(seed).integers(-(2**31) + 1, 2**31 - 1, 3),
        initial_alpha=_REFINE_STEP,
        negative_sample_rate=5,
        move_other=True,
        tqdm_kwds=_Epochs(report).bar,
    )
    return (layout / (_REFINE_SPAN / 2)).astype(np.float32)


def _pacmap(vectors: np.ndarray, start: np.ndarray, seed: int, report: Report) -> np.ndarray:
    try:
        from pacmap import PaCMAP
    except ImportError:
        raise MissingExtra(
            "Got projection method 'pacmap' without its package; expected the extra 'projection'. "
            "Run pip install 'explorer-signals[projection]', or take 'umap'."
        ) from None
    return PaCMAP(n_neighbors=min(10, len(vectors) - 1), random_state=seed).fit_transform(vectors, init=start)
