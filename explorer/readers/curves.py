"""A family of 1-D functions whose clusters are known: a shape each, warped in time, rescaled and noisy."""

import numpy as np

from explorer.signals import Axis, SignalSet

_SHAPES = {
    "one wave": lambda t: np.sin(2 * np.pi * t),
    "two waves": lambda t: np.sin(4 * np.pi * t),
    "chirp": lambda t: np.sin(2 * np.pi * (t + 2.5 * t**2)),
    "peak": lambda t: np.exp(-(((t - 0.5) / 0.12) ** 2)),
    "two peaks": lambda t: np.exp(-(((t - 0.3) / 0.08) ** 2)) + np.exp(-(((t - 0.7) / 0.08) ** 2)),
    "step": lambda t: np.tanh((t - 0.5) / 0.06),
}


def curves(n: int = 300, samples: int = 128, *, noise: float = 0.1, seed: int = 0) -> SignalSet:
    """``n`` functions [0, 1] -> R in six clusters of equal size, at ``samples`` cell centres.

    Signal i is ``s(w(t))``, for one of six shapes s, brought to mean 0 and mean square 1; to this come a smooth
    disturbance of a tenth and white noise of standard deviation ``noise``.
    ``w(t) = t + a sin(pi t) / pi + b sin(2 pi t) / (2 pi)`` with a, b ~ U(-0.45, 0.45) is a smooth, rising warp that
    keeps both ends. As all have one mean and one spread, no cluster is told by its amplitude.
    """
    rng = np.random.default_rng(seed)
    t = (np.arange(samples) + 0.5) / samples
    a, b = rng.uniform(-0.45, 0.45, (2, n, 1))
    warped = t + a * np.sin(np.pi * t) / np.pi + b * np.sin(2 * np.pi * t) / (2 * np.pi)
    labels = np.arange(n) % len(_SHAPES)
    values = np.select([labels[:, None] == k for k in range(len(_SHAPES))], [s(warped) for s in _SHAPES.values()])
    values = values - values.mean(1, keepdims=True)
    values = values / values.std(1, keepdims=True)
    waves = np.cos(np.pi * np.arange(1, 5)[:, None] * t)  # [4, samples]
    values = values + 0.1 * rng.standard_normal((n, 4)) @ waves / 2 + noise * rng.standard_normal((n, samples))
    return SignalSet.from_grids(
        values.astype(np.float32), axes=[Axis("t")], name="curves", labels=labels, class_names=tuple(_SHAPES)
    )
