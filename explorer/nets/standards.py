"""Weights of fitted networks as points: which of them vary among networks, and how much."""

import numpy as np

from explorer.artifacts import Arrays


def standards(weights: np.ndarray) -> dict[str, np.ndarray]:
    """Which weights vary among fitted networks [n, K], their means and deviations."""
    kept = np.flatnonzero(np.ptp(weights, 0) > 0)
    if not kept.size:  # a single signal, or all alike
        kept = np.arange(weights.shape[1])
    mean, deviation = weights[:, kept].mean(0), weights[:, kept].std(0)
    return {
        "code.kept": kept.astype(np.int64),
        "code.mean": mean.astype(np.float32),
        "code.deviation": np.where(deviation > 0, deviation, 1).astype(np.float32),
    }


def standardised(weights: np.ndarray, arrays: Arrays) -> np.ndarray:
    """Weights [n, K] that vary, at mean 0 and deviation 1 by the ``standards`` among a checkpoint's arrays: [n, dz]."""
    return (weights[:, arrays["code.kept"]] - arrays["code.mean"]) / arrays["code.deviation"]
