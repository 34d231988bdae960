"""Sound as a few smooth curves: mel-frequency cepstral coefficients, computed by librosa."""

import numpy as np

from explorer.errors import InvalidInput, MissingExtra
from explorer.signals import SignalSet

_MELS = 40
_FLOOR = 1e-6  # of the power: what is quieter is silence
_SAMPLES = 2**22  # at a time


def mfcc(
    signals: SignalSet, coefficients: int = 20, *, window_s: float = 0.064, hop_s: float = 0.016, name: str = ""
) -> SignalSet:
    """The signals' mel-frequency cepstra (Davis and Mermelstein 1980) as series of ``coefficients`` channels.

    Zeros at a recording's end, with which recordings are brought to one length, are left out: each signal has as many
    samples as it has windows, and its time runs over the whole axis.

    Args:
        signals: sound of one channel, all of one length, with a sample rate.
        coefficients: channels of the result, at most 40.
        window_s: length of a window in seconds.
        hop_s: from one window to the next.
        name: of the new set.

    Raises:
        InvalidInput: for signals that are no such sound.
        MissingExtra: without librosa.
    """
    try:
        from librosa.feature import melspectrogram
        from librosa.feature import mfcc as cepstrum
    except ImportError:
        raise MissingExtra(
            "Got a request for MFCC without librosa; expected the extra 'sound'. "
            "Run pip install 'explorer-signals[sound]'."
        ) from None
    rate = signals.sample_rate_hz
    if rate is None or signals.d != 1 or signals.m != 1 or signals.shape is None:
        raise InvalidInput(
            f"Got {signals.name!r} over {signals.d} axes with {signals.m} channels and sample rate {rate}; expected "
            "sound: one axis, one channel, one length, a sample rate."
        )
    if not 1 <= coefficients <= _MELS:
        raise InvalidInput(f"Got {coefficients} coefficients; expected 1 to {_MELS}.")
    (length,) = signals.shape
    window, hop = max(2, round(window_s * rate)), max(1, round(hop_s * rate))
    waves = signals.decoded(signals.values).reshape(len(signals), length)
    series: list[np.ndarray] = []
    for block in np.array_split(waves, -(-waves.size // _SAMPLES)):
        power = melspectrogram(y=block, sr=rate, n_fft=window, hop_length=hop, n_mels=_MELS)
        decibels = 10 * np.log10(np.maximum(power, _FLOOR))
        # Orthonormal, and divided by the root of the mel bands' number: a coefficient's size is in dB.
        cepstra = cepstrum(S=decibels, n_mfcc=coefficients, norm="ortho").swapaxes(1, 2) / np.sqrt(_MELS)
        ends = length - (block[:, ::-1] != 0).argmax(1)  # behind the last sample that is not zero
        windows = np.clip(-(-ends // hop), 1, cepstra.shape[1])
        series += [curves[:count].astype(np.float32) for curves, count in zip(cepstra, windows, strict=True)]
    return SignalSet.from_grids(
        series,
        axes=signals.axes,
        name=name or f"{signals.name} mfcc",
        channels=[f"mfcc {i}" for i in range(coefficients)],
        ids=signals.ids,
        labels=signals.labels,
        class_names=signals.class_names or None,
        split=signals.split,
    )
