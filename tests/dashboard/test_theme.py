import numpy as np
import pytest

from explorer.dashboard import theme
from explorer.errors import InvalidInput


def contrast(color: str, page: str) -> float:
    """The contrast ratio of WCAG 2.1."""
    encoded = theme.rgb([color, page])
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    lighter, darker = sorted(linear @ [0.2126, 0.7152, 0.0722], reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def smallest_distance(colors: list[str]) -> np.ndarray:
    """The least CIELAB distance of two colours, for each of the three ways of seeing."""
    seen = theme.perceived(colors)
    distance = np.linalg.norm(seen[:, :, None] - seen[:, None, :], axis=-1)
    upper = np.triu_indices(len(colors), 1)
    return distance[:, upper[0], upper[1]].min(axis=1)


@pytest.mark.parametrize("dark", [False, True])
def test_two_hundred_colors_are_distinct(dark):
    colors = theme.categorical(200, dark)
    assert len(set(colors)) == 200
    assert smallest_distance(colors)[0] > 3  # two are told apart side by side from about 2.3


@pytest.mark.parametrize("dark", [False, True])
def test_ten_colors_are_far_apart_for_color_blind_eyes_too(dark):
    full, protan, deutan = smallest_distance(theme.categorical(10, dark))
    assert full > 25
    assert min(protan, deutan) > 12


@pytest.mark.parametrize("dark", [False, True])
def test_colors_and_words_stand_out_from_the_page(dark):
    tone = theme.tones(dark)
    assert min(contrast(color, tone.page) for color in theme.categorical(200, dark)) > 1.8
    assert contrast(tone.ink, tone.page) > 10
    assert contrast(tone.muted, tone.page) > 4.5
    assert contrast(tone.accent, tone.page) > 4.5


def test_a_label_keeps_its_color_whatever_their_number():
    assert theme.categorical(50)[:7] == theme.categorical(7)
    assert theme.categorical(205)[200:] == theme.categorical(5)
    assert theme.categorical(0) == []


def test_a_negative_number_of_categories_is_refused():
    with pytest.raises(InvalidInput, match="Got -1 categories"):
        theme.categorical(-1)


@pytest.mark.parametrize("dark", [False, True])
def test_the_ramp_for_metrics_gets_steadily_lighter(dark):
    lightness = theme.perceived(theme.continuous(dark))[0, :, 0]
    assert len(lightness) == 256
    assert np.all(np.diff(lightness) > -0.5)
    assert lightness[-1] - lightness[0] > 50


@pytest.mark.parametrize("dark", [False, True])
def test_the_diverging_ramp_is_symmetric_in_lightness(dark):
    lightness = theme.perceived(theme.diverging(dark))[0, :, 0]
    assert np.abs(lightness - lightness[::-1]).max() < 12
    middle = lightness[126:130].mean()
    assert middle < lightness[[0, -1]].min() if dark else middle > lightness[[0, -1]].max()


def test_css_and_material_speak_of_the_same_tones():
    for dark, mode in ((False, "light"), (True, "dark")):
        tone = theme.tones(dark)
        assert f"--page: {tone.page};" in theme.css(dark)
        assert theme.material()[mode]["palette"]["background"]["default"] == tone.page
