"""Sound: WAV by scipy; FLAC, OGG and MP3 by soundfile."""

import io
import warnings
from dataclasses import replace

import numpy as np

from explorer.errors import InvalidInput
from explorer.readers.inputs import File, Findings, needs_extra, refusal
from explorer.readings import Options
from explorer.signals import Axis, SignalSet

_BLOCK = 2**18


def is_wave(head: bytes) -> bool:
    return head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE"


def is_packed(head: bytes) -> bool:
    """FLAC, OGG, or MP3: a tag, or the sync word of a layer III frame with a valid rate."""
    frame = len(head) > 3 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] >> 4 not in (0, 15)
    return head[:4] in (b"fLaC", b"OggS") or head[:3] == b"ID3" or (frame and head[2] & 0x0C != 0x0C)


def read_wave_file(file: File, options: Options, found: Findings) -> SignalSet:
    """A recording in [-1, 1]."""
    from scipy.io import wavfile

    if 4 * file.size > 4 * options.limit_bytes:
        raise InvalidInput(f"Got {file.label!r} of {file.size} bytes; expected at most {options.limit_bytes}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rate, samples = wavfile.read(io.BytesIO(file.read()))
    except Exception as error:  # scipy may raise anything on bytes made to break it
        raise refusal(file, error, "a whole WAV file with PCM or float samples") from None
    if samples.dtype == np.uint8:
        samples = (samples.astype(np.float32) - 128) / np.float32(128)
    elif samples.dtype.kind == "i":
        samples = samples / np.float32(-float(np.iinfo(samples.dtype).min))
    return _recording(samples, float(rate), file, options)


def read_sound_file(file: File, options: Options, found: Findings) -> SignalSet:
    """A recording in [-1, 1], decoded block by block so that its length is counted."""
    soundfile = needs_extra("soundfile")
    blocks, left = [], options.limit_bytes
    try:
        with file.open() as stream, soundfile.SoundFile(stream) as opened:
            if opened.format not in ("FLAC", "OGG", "MP3", "MPEG"):
                raise ValueError(f"a format {opened.format}")
            rate = float(opened.samplerate)
            while len(block := opened.read(_BLOCK, dtype="float32", always_2d=True)):
                left -= block.nbytes
                if left < 0:
                    raise InvalidInput(
                        f"Got {file.label!r} with more than {options.limit_bytes} bytes of samples; expected less."
                    )
                blocks.append(block)
    except InvalidInput:
        raise
    except Exception as error:
        raise refusal(file, error, "a whole FLAC, OGG or MP3 file") from None
    if not blocks:
        raise refusal(file, "no samples", "a recording with samples")
    return _recording(np.concatenate(blocks), rate, file, options)


def _recording(samples: np.ndarray, rate: float, file: File, options: Options) -> SignalSet:
    if not samples.size or not 0 < rate < np.inf:
        raise refusal(file, f"{samples.shape[0]} samples at {rate} Hz", "a recording with samples")
    samples = samples.astype(np.float32, copy=False).reshape(1, len(samples), -1)
    names = {1: ("sound",), 2: ("left", "right")}.get(samples.shape[-1])
    peak = np.abs(samples).max()
    options = replace(options, name=options.name or file.stem)
    return SignalSet.from_grids(
        samples,
        axes=[Axis("t", "s", 0.0, samples.shape[1] / rate)],
        name=options.name or "sound",
        channels=names,
        value_range=(-1.0, 1.0) if peak <= 1 else None,
        sample_rate_hz=rate,
    )
