"""Noise of a camera: its moments, its seed, its units."""

import numpy as np
import pytest

from explorer.errors import InvalidInput
from explorer.noise import photon_noise
from explorer.signals import SignalSet


def grey(level: float, value_range=(0.0, 1.0)) -> SignalSet:
    return SignalSet.from_grids(np.full((2, 200, 200), level, np.float32), axes="yx", value_range=value_range)


@pytest.mark.parametrize("level", [0.0, 0.2, 0.9])
def test_mean_and_deviation_are_those_of_counts(level: float):
    values = photon_noise(grey(level), photons=30, readout=2, seed=0).values
    assert abs(values.mean() - level) < 3e-3
    assert abs(values.std() - np.sqrt(30 * level + 4) / 30) < 2e-3


def test_it_is_in_the_fields_own_unit():
    values = photon_noise(grey(15.0, (10.0, 20.0)), seed=0).values
    assert abs(values.mean() - 15) < 0.03 and abs(values.std() - 10 * np.sqrt(15 + 4) / 30) < 0.02


def test_pictures_in_bytes_and_missing_samples():
    picture = SignalSet.from_grids(np.full((1, 50, 50), 128, np.uint8), axes="yx")
    noisy = photon_noise(picture, seed=0)
    assert noisy.values.dtype == np.float32 and abs(noisy.values.mean() - 128 / 255) < 0.02
    gaps = SignalSet.from_grids(np.where(np.eye(9) > 0, np.nan, 0.5)[None].astype(np.float32), axes="yx")
    np.testing.assert_array_equal(np.isnan(photon_noise(gaps).values), np.isnan(gaps.values))


def test_a_seed_is_a_noise():
    one, same, other = (photon_noise(grey(0.5), seed=seed).values for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_no_light_is_refused():
    with pytest.raises(InvalidInput, match="0 photons"):
        photon_noise(grey(0.5), photons=0)
