"""Scores: how well clusters, maps and reconstructions agree with what they stand for."""

import math

import numpy as np

from explorer.analysis.vectors import matrix, sample_rows
from explorer.errors import InvalidInput

# Two float32 signals cannot be told to agree better than to the rounding of their last bit.
PSNR_LIMIT_DB = 20 * 24 * math.log10(2)

_SILHOUETTE_LIMIT = 5_000
_TRUSTWORTHINESS_LIMIT = 2_000  # holds several [n, n] arrays
_SSIM_PIXELS = 2**22  # at once


def ami(labels: np.ndarray, truth: np.ndarray) -> float:
    """Adjusted mutual information (Vinh et al. 2010), 1 for equal partitions, 0 for chance.

    Signals whose truth is unknown (-1) do not count; NaN where none is left. Noise (-1 in ``labels``) is one cluster.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    labels, truth = _known(labels, truth)
    return float(adjusted_mutual_info_score(truth, labels)) if len(truth) else math.nan


def ari(labels: np.ndarray, truth: np.ndarray) -> float:
    """Adjusted Rand index (Hubert and Arabie 1985); unknown truth and noise as in ``ami``."""
    from sklearn.metrics import adjusted_rand_score

    labels, truth = _known(labels, truth)
    return float(adjusted_rand_score(truth, labels)) if len(truth) else math.nan


def drift(labels: np.ndarray, reference_labels: np.ndarray) -> float:
    """The share of signals whose cluster changes, 0 to 1.

    Both come from one fitted clustering that assigned the same signals at two resolutions; numbers are compared as
    they are.
    """
    labels, reference_labels = _paired(labels, reference_labels)
    return float(np.mean(labels != reference_labels))


def silhouette(vectors: np.ndarray, labels: np.ndarray, seed: int = 0) -> float:
    """Mean silhouette (Rousseeuw 1987) of at most 5,000 rows; NaN where there is one cluster, or one for each row."""
    from sklearn.metrics import silhouette_score

    vectors, labels = matrix(vectors), np.asarray(labels)
    if labels.shape != (len(vectors),):
        raise InvalidInput(f"Got labels {labels.shape} for {len(vectors)} vectors; expected one for each.")
    rows = sample_rows(len(vectors), _SILHOUETTE_LIMIT, seed)
    clusters = len(np.unique(labels[rows]))
    return float(silhouette_score(vectors[rows], labels[rows])) if 1 < clusters < len(rows) else math.nan


def trustworthiness(vectors: np.ndarray, layout: np.ndarray, k: int = 10, seed: int = 0) -> float:
    """Whether neighbours on the map are true neighbours (Venna and Kaski 2001), 0 to 1, on at most 2,000 rows.

    Neighbourhoods shrink to less than half of the signals; NaN for fewer than three.
    """
    from sklearn.manifold import trustworthiness as score

    vectors, layout = matrix(vectors), matrix(layout, "layout")
    if len(layout) != len(vectors):
        raise InvalidInput(f"Got {len(layout)} places for {len(vectors)} vectors; expected one for each.")
    rows = sample_rows(len(vectors), _TRUSTWORTHINESS_LIMIT, seed)
    k = min(k, (len(rows) - 1) // 2)
    return float(score(vectors[rows], layout[rows], n_neighbors=k)) if k else math.nan


def psnr_db(truth: np.ndarray, estimate: np.ndarray, peak: float = 1.0) -> np.ndarray:
    """Peak signal-to-noise ratio of each signal in dB: 10 log10(peak^2 / mean squared error).

    Args:
        truth: [N, ...]; samples that are missing (NaN) do not count.
        estimate: of the same shape.
        peak: the width of the value range.

    Returns:
        float64 [N], at most ``PSNR_LIMIT_DB`` (144 dB, float32's own precision) so that means and JSON stay finite;
        NaN for a signal without samples or with an estimate that is not finite.
    """
    truth, estimate = _same_shape(truth, estimate, peak)
    error = (truth.astype(np.float64) - estimate).reshape(len(truth), -1)
    seen = ~np.isnan(truth).reshape(error.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        mse = np.square(error).sum(1, where=seen) / seen.sum(1)
        return np.minimum(10 * np.log10(peak**2 / mse), PSNR_LIMIT_DB)


def ssim(truth: np.ndarray, estimate: np.ndarray, peak: float = 1.0) -> np.ndarray:
    """Structural similarity of each image (Wang et al. 2004), all images at once; the numbers of scikit-image.

    Windows are uniform, 7 x 7, and the largest odd size that fits smaller images; channels are averaged.

    Args:
        truth: [N, H, W, C].
        estimate: of the same shape.
        peak: the width of the value range.

    Returns:
        float64 [N]; NaN below 3 x 3 pixels, where there is no structure.
    """
    truth, estimate = _same_shape(truth, estimate, peak)
    if truth.ndim != 4:
        raise InvalidInput(f"Got images {truth.shape}; expected [N, height, width, channels].")
    shorter = min(truth.shape[1:3])
    if shorter < 3:
        return np.full(len(truth), math.nan)
    window = min(7, shorter - 1 + shorter % 2)
    step = max(1, _SSIM_PIXELS // max(1, math.prod(truth.shape[1:])))
    parts = [slice(start, start + step) for start in range(0, len(truth), step)]
    return np.concatenate([np.empty(0), *(_ssim(truth[part], estimate[part], peak, window) for part in parts)])


def _ssim(truth: np.ndarray, estimate: np.ndarray, peak: float, window: int) -> np.ndarray:
    from scipy.ndimage import uniform_filter

    def local_mean(images: np.ndarray) -> np.ndarray:
        border = window // 2
        means = uniform_filter(images, size=(1, window, window, 1))
        return means[:, border : images.shape[1] - border, border : images.shape[2] - border]

    x, y = truth.astype(np.float64), estimate.astype(np.float64)
    unbiased = window**2 / (window**2 - 1)
    mean_x, mean_y = local_mean(x), local_mean(y)
    var_x = unbiased * (local_mean(x * x) - mean_x**2)
    var_y = unbiased * (local_mean(y * y) - mean_y**2)
    covariance = unbiased * (local_mean(x * y) - mean_x * mean_y)
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (var_x + var_y + c2)
    return (luminance * structure).mean((1, 2, 3))


def _paired(labels: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels, others = np.asarray(labels), np.asarray(others)
    if labels.ndim != 1 or labels.shape != others.shape or not labels.size:
        raise InvalidInput(f"Got labels {labels.shape} and {others.shape}; expected one of each for every signal.")
    return labels, others


def _known(labels: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels, truth = _paired(labels, truth)
    return labels[truth != -1], truth[truth != -1]


def _same_shape(truth: np.ndarray, estimate: np.ndarray, peak: float) -> tuple[np.ndarray, np.ndarray]:
    truth, estimate = np.asarray(truth), np.asarray(estimate)
    if truth.shape != estimate.shape or not truth.ndim:
        raise InvalidInput(f"Got an estimate {estimate.shape} of signals {truth.shape}; expected equal shapes.")
    if not peak > 0:
        raise InvalidInput(f"Got peak {peak}; expected the width of the value range, above 0.")
    return truth, estimate
