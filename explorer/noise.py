"""Noise as a camera makes it."""

from dataclasses import replace

import numpy as np

from explorer.errors import InvalidInput
from explorer.signals import SignalSet


def photon_noise(signals: SignalSet, photons: float = 30.0, readout: float = 2.0, seed: int = 0) -> SignalSet:
    """The same signals as counted by a sensor: Poisson counts, and Gaussian noise where they are read out.

    As in O-INR, section 4.3, after WIRE (Saragadam et al. 2023). Values are float32 and may leave the signals' range.

    Args:
        photons: the mean count at the top of the value range.
        readout: standard deviation of the noise of reading out, in counts.
    """
    if not (photons > 0 and readout >= 0):
        raise InvalidInput(f"Got {photons} photons and a readout noise of {readout}; expected above 0, and at least 0.")
    rng = np.random.default_rng(seed)
    low, high = signals.value_range
    counts = np.clip((signals.decoded(signals.values) - low) / (high - low), 0, 1) * photons
    read = rng.poisson(np.nan_to_num(counts)) + readout * rng.standard_normal(counts.shape)
    noisy = np.where(np.isnan(counts), np.nan, low + (high - low) * read / photons)
    return replace(signals, values=noisy.astype(np.float32), name=f"{signals.name} with photon noise")
