import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from explorer.dashboard.subject import Subject
from explorer.dashboard.views import curves as curves_view
from explorer.dashboard.views import images as images_view
from explorer.dashboard.views.pixels import differences, dots, fitted, picture, png_uri, shades
from explorer.dashboard.views.sample import SamplePane, forms_of, name_of, numbers_html, numbers_of
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.observations import Sampling


def opened(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,")))))


def test_a_png_holds_the_very_pixels():
    pixels = np.random.default_rng(0).integers(0, 255, (5, 7, 3), np.uint8)
    assert (opened(png_uri(pixels)) == pixels).all()


@pytest.mark.parametrize(("side", "width"), [(8, 128), (12, 120), (48, 96), (128, 128), (100, 100)])
def test_pixels_are_magnified_by_whole_numbers(side: int, width: int):
    assert picture(np.zeros((side, side), np.uint8), 128).width == width


def test_what_is_larger_than_its_box_is_made_smaller_first():
    assert fitted(np.zeros((1, 300, 600, 1), np.float32), 128).shape == (1, 64, 128, 1)


def test_shades_span_the_range_and_missing_samples_are_dark():
    values = np.array([[[-1.0], [0.0]], [[1.0], [np.nan]]])
    assert shades(values, (-1, 1)).tolist() == [[0, 128], [255, 0]]


def test_errors_of_both_signs_mirror_each_other_and_none_is_quiet():
    scale = differences(np.array([[[-0.5], [0.0], [0.5]]]), 0.25).astype(int)
    below, none, above = scale[0]
    assert below[2] > below[0] and above[0] > above[2]
    assert np.ptp(none) < 30


def test_dots_stand_where_the_samples_are():
    pixels = dots(np.array([[-0.9, 0.9]]), np.array([[1.0]]), (0, 1), 40)
    y, x = np.argwhere(pixels[..., 3]).mean(0)
    assert y < 20 < x


def test_images_show_observation_render_and_error(digits: Subject):
    seen = digits.at(Sampling(kind="grid", size=12).on(digits.signals))
    images = images_view.images_of(seen, 3, 64)
    assert images.observed.shape == (12, 12, 1)
    assert images.fine.shape == (64, 64, 1)
    assert np.allclose(images.truth, digits.signals.grid(3))
    assert np.allclose(images.fitted, digits.library.engine.render(seen.codes[3], 8)[0], atol=1e-5)
    coarse = images_view.images_of(seen, 3, 4)
    assert coarse.fine is coarse.fitted  # never coarser than the signal
    titles = [picture.title for picture in images_view.draw(images)]
    assert titles == ["observed", "render", "error"]
    assert [picture.title for picture in images_view.draw(images, truth=True, error=False)] == [
        "whole signal",
        "render",
    ]


def test_uneven_samples_are_shown_as_points(digits: Subject):
    uneven = Sampling(kind="grid", size=8, jitter=0.5, drop=0.25).on(digits.signals)
    images = images_view.images_of(digits.at(uneven), 3, 32)
    assert images.observed is None
    assert len(images.points[0]) == 48


def test_of_volumes_the_middle_slice_is_shown(volumes: Subject):
    images = images_view.images_of(volumes, 2, 14)
    assert np.allclose(images.truth, volumes.signals.grid(2)[2])
    assert images.fine.shape == (12, 14, 1)
    whole = volumes.library.engine.render(volumes.codes[2], volumes.signals.shape)[0]
    assert np.allclose(images.fitted, whole[2], atol=1e-5)


def test_curves_have_places_in_the_axis_unit(curves: Subject):
    drawn = curves_view.curves_of(curves.at(Sampling(kind="grid", size=20).on(curves.signals)), 5, 100)
    places, values = drawn.truth
    assert (places[0], places[-1]) == (pytest.approx(0.025), pytest.approx(1.975))
    assert np.allclose(values, curves.signals.grid(5))
    assert len(drawn.observed[0]) == 20 and len(drawn.fine[0]) == 100
    assert drawn.error.shape == (40, 1)


def test_the_pane_draws_curves_with_named_axes(curves: Subject):
    pane = SamplePane(forms=forms_of(curves, 0))
    assert pane._plot.errors.xaxis.axis_label == "t [s]"
    lines, truth, dots = (glyphs.data_source.data for glyphs in (pane._plot.forms.renderers[i] for i in (1, 0, 2)))
    assert len(lines["xs"]) == 1 and np.allclose(lines["ys"][0], pane.forms.fine[1][:, 0])
    assert len(dots["x"]) == len(pane.forms.observed[0]) and truth["xs"] == []
    pane.truth = True
    assert np.allclose(pane._plot.forms.renderers[0].data_source.data["ys"][0], pane.forms.truth[1][:, 0])


def test_each_channel_is_a_line_of_its_own_color(curves: Subject):
    drawn = curves_view.curves_of(curves, 0, 100)
    two = {
        name: (getattr(drawn, name)[0], np.tile(getattr(drawn, name)[1], 2)) for name in ("truth", "observed", "fine")
    }
    plot = curves_view.CurvePlot()
    plot.show(
        replace(drawn, channels=("x", "y"), error=np.tile(drawn.error, 2), **two), truth=False, error=True, dark=False
    )
    _, lines, dots = (renderer.data_source.data for renderer in plot.forms.renderers)
    assert len(set(lines["color"])) == len(lines["ys"]) == 2
    assert len(dots["x"]) == len(dots["y"]) == len(dots["color"]) == 2 * len(drawn.observed[0])


def test_numbers_name_their_units(digits: Subject):
    text = numbers_html(numbers_of(digits, 3))
    assert "dB" in text and "SSIM" in text and "weights" in text and "kB" in text


def test_a_signal_is_called_by_its_id_and_label(digits: Subject):
    assert name_of(digits.signals, 3) == "3 · “3”"


@pytest.mark.parametrize("kind", ["digits", "curves", "volumes"])
def test_thumbnails_of_any_signals_have_the_size_that_was_asked(kind: str, request: pytest.FixtureRequest):
    signals = request.getfixturevalue(kind).signals
    for image in thumbnails(signals, [0, 1, 2], 40):
        assert image.shape == (40, 40, 4) and image[..., 3].any()


def test_thumbnails_keep_the_pixels(digits: Subject):
    image = thumbnails(digits.signals, [3], 20)[0]
    assert (image[2:18:2, 2:18:2, 0] == shades(digits.signals.grid(3), (0, 1))).all()
