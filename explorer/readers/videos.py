"""Video by PyAV: one forced container, no other files, no network; frames are counted as they come."""

from typing import Any

import numpy as np

from explorer.errors import InvalidInput
from explorer.readers.inputs import File, Findings, needs_extra, refusal
from explorer.readings import Options
from explorer.signals import Axis, SignalSet

_PIXELS_LIMIT = 8192 * 8192
_CODECS = {"h264", "hevc", "mpeg4", "vp8", "vp9", "av1", "libdav1d", "mjpeg", "rawvideo", "ffv1", "png", "theora"}


def container(head: bytes) -> str | None:
    """The demuxer for a file that starts like this."""
    if head[4:8] == b"ftyp":
        return "mp4"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    return "avi" if head[:4] == b"RIFF" and head[8:12] == b"AVI " else None


def read_video_file(file: File, options: Options, found: Findings) -> SignalSet:
    """The first video stream: uint8 [t, y, x, 3], with seconds where the stream has them."""
    av = needs_extra("av")
    av.logging.set_level(None)
    frames: list[np.ndarray] = []
    left = options.limit_bytes
    # Names in the file lead nowhere: the container's own references are off and every protocol is refused.
    closed = {"enable_drefs": "0", "use_absolute_path": "0", "protocol_whitelist": "none"}
    try:
        with (
            file.open() as stream,
            av.open(stream, "r", format=container(file.head), options=closed, metadata_errors="replace") as opened,
        ):
            if not opened.streams.video:
                raise ValueError("no video stream")
            video = opened.streams.video[0]
            _check(video)
            times = []
            for frame in opened.decode(video):
                if frame.width * frame.height > _PIXELS_LIMIT:
                    raise ValueError(f"{frame.width} x {frame.height} pixels")
                left -= 3 * frame.width * frame.height
                if left < 0:
                    raise InvalidInput(
                        f"Got {file.label!r} with more than {options.limit_bytes} bytes of frames; expected less. "
                        "Cut it, or make its frames smaller."
                    )
                frames.append(frame.to_ndarray(format="rgb24"))
                times.append(frame.time)
            rate = float(video.average_rate or 0)
    except InvalidInput:
        raise
    except Exception as error:  # libav raises its own kinds, and MemoryError for sizes that are made up
        raise refusal(file, error, "a whole MP4, WebM, MKV or AVI video") from None
    if not frames:
        raise refusal(file, "no frame could be decoded", "a whole video")
    if len({frame.shape for frame in frames}) != 1:
        raise refusal(file, "frames of several sizes", "one size")
    seconds = len(frames) / rate if 0 < rate < 1e6 else 0.0
    axes = (Axis("t", "s", 0.0, seconds) if seconds else Axis("t"), Axis("y"), Axis("x"))
    return SignalSet.from_grids(np.stack(frames)[None], axes=options.axes or axes, name=options.name or file.stem)


def _check(video: Any) -> None:
    name = video.codec_context.name
    if name not in _CODECS:
        raise ValueError(f"the codec {name}")
    if video.codec_context.width * video.codec_context.height > _PIXELS_LIMIT:
        raise ValueError(f"{video.codec_context.width} x {video.codec_context.height} pixels")
    video.thread_count = 1
