import sys

import numpy as np
import pytest

from explorer.errors import InvalidInput, MissingExtra
from explorer.readers.mfcc import mfcc
from explorer.signals import SignalSet

pytest.importorskip("librosa")

T = np.arange(4000) / 8000


def tones(lengths=(4000, 2000), **fields) -> SignalSet:
    """440 Hz and 1600 Hz, padded with zeros."""
    waves = np.stack([np.sin(2 * np.pi * f * T) * (T < n / 8000) for f, n in zip((440, 1600), lengths, strict=True)])
    fields = {"sample_rate_hz": 8000, "labels": np.arange(2), "ids": ["low", "high"]} | fields
    return SignalSet.from_grids(waves.astype(np.float32), axes="t", value_range=(-1.0, 1.0), **fields)


def test_each_recording_has_its_windows_and_keeps_its_labels():
    made = mfcc(tones(), 13)
    assert made.shapes[:, 0].tolist() == [32, 16] and made.m == 13
    assert made.ids == ("low", "high") and made.labels.tolist() == [0, 1]


def test_a_steady_tone_is_a_level_curve_and_tones_differ():
    made = mfcc(tones((4000, 4000)), 13)
    low, high = (made.grid(row)[4:-4] for row in range(2))
    assert low.std(0).max() < 0.5 and np.abs(low.mean(0) - high.mean(0)).max() > 3


def test_loudness_is_the_first_coefficient_alone():
    noise = np.random.default_rng(0).normal(size=(1, 4000)).astype(np.float32)
    loud, quiet = (SignalSet.from_grids(noise * gain, axes="t", sample_rate_hz=8000) for gain in (1.0, 0.1))
    difference = mfcc(loud).grid(0) - mfcc(quiet).grid(0)
    np.testing.assert_allclose(difference[:, 0], 20, atol=0.01)
    np.testing.assert_allclose(difference[:, 1:], 0, atol=0.01)


def test_silence_has_an_answer():
    silence = SignalSet.from_grids(np.zeros((1, 800), np.float32), axes="t", sample_rate_hz=8000)
    assert np.isfinite(mfcc(silence).values).all()


def test_what_is_no_sound_is_refused():
    with pytest.raises(InvalidInput, match="a sample rate"):
        mfcc(tones(sample_rate_hz=None))
    with pytest.raises(InvalidInput, match="0 coefficients"):
        mfcc(tones(), 0)


def test_a_missing_package_is_said_in_words(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "librosa.feature", None)
    with pytest.raises(MissingExtra, match=r"explorer-signals\[sound\]"):
        mfcc(tones())
