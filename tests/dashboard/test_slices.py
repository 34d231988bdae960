"""Volumes as three slices through one place."""

import base64
import io
from dataclasses import replace

import numpy as np
from PIL import Image

from explorer.dashboard import comparison
from explorer.dashboard.comparison import Rival
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.pixels import shades
from explorer.dashboard.views.slices import Slices, is_video, lines_of
from explorer.signals import Axis

PLACE = (0.9, 0.1, 0.5)  # of 5 x 6 x 7 samples: 4, 0, 3


def opened(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,")))))


def rivals(subject: Subject) -> list[Rival]:
    entries = subject.library.menu(subject.signals).checkpoints
    return comparison.rivals(subject.library, subject.signals, entries, subject.sampling, subject.checkpoint.id)[:1]


def test_the_truth_is_cut_where_the_place_is_and_the_render_as_finely_as_wished(volumes: Subject):
    signals = volumes.signals
    truth, render, error = lines_of(rivals(volumes), signals, [2], PLACE, 14, True, False)
    grid = shades(signals.grid(2), signals.value_range)
    for uri, cut in zip(truth.planes, (grid[4], grid[:, 0], grid[:, :, 3]), strict=True):
        assert (opened(uri) == cut).all()
    assert [opened(uri).shape for uri in render.planes] == [(12, 14), (10, 14), (10, 12)]
    assert error.part and [opened(uri).shape[:2] for uri in error.planes] == [(6, 7), (5, 7), (5, 6)]


def test_a_slice_of_a_render_is_the_whole_renders(volumes: Subject):
    signals = volumes.signals
    _, render = lines_of(rivals(volumes), signals, [2], PLACE, 7, False, False)
    whole = shades(volumes.rendered([2], signals.reference_shape)[0], signals.value_range).astype(int)
    for uri, cut in zip(render.planes, (whole[4], whole[:, 0], whole[:, :, 3]), strict=True):
        assert np.abs(opened(uri).astype(int) - cut).max() <= 1


def test_a_first_axis_in_time_makes_a_video(volumes: Subject):
    signals = volumes.signals
    assert not is_video(signals)
    assert is_video(replace(signals, axes=(Axis("t"), *signals.axes[1:])))
    assert is_video(replace(signals, axes=(Axis("moment", "s"), *signals.axes[1:])))


def test_the_view_knows_axes_and_shapes(volumes: Subject):
    view = Slices()
    view.show(volumes.signals, lines_of(rivals(volumes), volumes.signals, [0, 1], PLACE, 7, False, False))
    assert view.axes == ["z", "y", "x"] and view.shape == [5, 6, 7] and len(view.lines) == 4
