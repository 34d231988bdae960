import base64
import io
from dataclasses import replace

import numpy as np
import panel as pn
import pytest
from PIL import Image

from explorer.dashboard import comparison
from explorer.dashboard.comparison import Rival
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.overlay import OverlayPlots, overlays_of, sounds_of
from explorer.dashboard.views.pixels import shades
from explorer.dashboard.views.rate import Rate
from explorer.dashboard.views.side_by_side import Scene, figures_html, fine_of, lenses_of, rows_of
from explorer.observations import Sampling
from explorer.signals import Axis, SignalSet


def opened(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def rivals(subject: Subject) -> list[Rival]:
    """The subject's own checkpoint alone."""
    (entry,) = [e for e in subject.library.menu(subject.signals).checkpoints if e.id == subject.checkpoint.id]
    return comparison.rivals(subject.library, subject.signals, [entry], subject.sampling)


@pytest.fixture(scope="module")
def coarse(digits: Subject) -> Subject:
    return digits.at(Sampling(kind="grid", size=4).on(digits.signals))


@pytest.fixture(scope="module")
def scene(coarse: Subject) -> Scene:
    return Scene(coarse, tuple(rivals(coarse)), (3, 7), size=64)


def test_the_one_that_is_looked_at_comes_first_and_unfitted_ones_last(digits: Subject):
    entries = digits.library.menu(digits.signals).checkpoints
    found = comparison.rivals(digits.library, digits.signals, entries, digits.sampling, digits.checkpoint.id)
    assert found[0].entry.id == digits.checkpoint.id
    ready = [rival.subject is not None for rival in found]
    assert ready == sorted(ready, reverse=True)


def test_figures_are_the_engines(coarse: Subject):
    (rival,) = rivals(coarse)
    figures = comparison.figures_of(rival, (3, 7), (16, 16))
    engine = coarse.library.engine
    assert figures.psnr_db == pytest.approx(engine.quality(coarse.codes[[3, 7]])["psnr_db"].tolist())
    assert figures.code_bytes == sum(array.nbytes for array in coarse.codes[3].arrays.values())
    assert figures.share_bytes == pytest.approx(coarse.checkpoint.artifact.nbytes / len(coarse.signals))
    controls = comparison.controls_of(coarse, (3, 7))
    text = figures_html([figures], controls, 2)
    assert f"{np.mean(figures.psnr_db):.1f}" in text and f"{controls['cubic']['psnr_db'].mean():.1f}" in text
    assert Rate(figures=[figures])._means.data["x"] == [figures.code_bytes / 1000]


def test_tiles_stand_beside_interpolation_and_truth_and_errors_have_one_scale(scene: Scene):
    lines = rows_of(scene)
    assert len(lines) == 4
    titles = [tile.title for tile in lines[0][1]]
    assert titles == ["observed", "truth", "nearest", "cubic", scene.rivals[0].name]
    seen = {tile.title: opened(tile.uri) for tile in lines[0][1]}
    signals = scene.subject.signals
    assert (seen["truth"] == shades(signals.grid(3), signals.value_range)).all()
    assert seen["observed"].shape == (4, 4) and seen["cubic"].shape == (64, 64)
    render = scene.subject.rendered([3], (64, 64))[0]
    assert np.abs(seen[scene.rivals[0].name].astype(int) - shades(render, signals.value_range)).max() <= 1
    scales = {tile.caption.split(",")[0] for name, tiles in lines[1::2] for tile in tiles}
    assert scales == {"±0.25"}


def test_the_part_in_sight_is_drawn_finer_and_a_lens_finer_still(scene: Scene):
    fine = fine_of(scene, (-1, 0, 0, 1))
    assert set(fine) == {"0,3", "0,4", "2,3", "2,4"}
    corner = scene.subject.rendered([7], (64, 64), ((-1, 0), (0, 1)))[0]
    drawn = opened(fine["2,4"]["uri"]).astype(int)
    assert np.abs(drawn - shades(corner, scene.subject.signals.value_range)).max() <= 1
    lenses = lenses_of(scene, (2, 0.1, 0.1), (-1, 1, -1, 1))
    assert len(lenses) == 5 and all(opened(uri).shape == (72, 72) for uri in lenses)
    assert lenses_of(scene, (1, 0, 0), (-1, 1, -1, 1)) == []


def test_uneven_samples_have_no_interpolation_beside_them(digits: Subject):
    uneven = digits.at(Sampling(kind="grid", size=8, jitter=0.5, drop=0.25).on(digits.signals))
    lines = rows_of(Scene(uneven, tuple(rivals(uneven)), (3,)))
    assert [tile.title for tile in lines[0][1]][:2] == ["observed", "truth"]
    assert comparison.controls_of(uneven, (3,)) == {}


def test_pictures_of_several_sizes_are_compared_each_with_its_own_truth(pictures: Subject):
    lines = rows_of(Scene(pictures, tuple(rivals(pictures)), (0, 1, 2), size=16))
    assert [tiles[1].caption for _, tiles in lines[::2]] == ["8×12", "10×10", "8×12"]
    assert [opened(tiles[-1].uri).shape[:2] for _, tiles in lines[1::2]] == [(8, 12), (10, 10), (8, 12)]


def test_of_volumes_one_slice_is_compared(volumes: Subject):
    scene = Scene(volumes, tuple(rivals(volumes)), (2,), size=14, position=0.9)
    lines = rows_of(scene)
    seen = {tile.title: opened(tile.uri) for tile in lines[0][1]}
    signals = volumes.signals
    assert (seen["truth"] == shades(signals.grid(2)[4], signals.value_range)).all()
    assert seen[scene.rivals[0].name].shape == scene.shape == (12, 14)


def test_slope_and_laplacian_are_drawn_where_there_are_derivatives(scene: Scene):
    sloped = rows_of(replace(scene, quantity="slope"))[0][1][-1]
    assert sloped.caption.startswith("slope") == scene.rivals[0].differentiable
    assert (sloped.uri != rows_of(scene)[0][1][-1].uri) == scene.rivals[0].differentiable


def test_curves_lie_over_each_other_with_named_axes(curves: Subject):
    (overlay,) = overlays_of(rivals(curves), [5], 100)
    plots = OverlayPlots()
    plots.show([overlay], error=True, dark=False)
    forms, errors = (pane.object for pane in plots.layout[1:3])
    assert errors.xaxis.axis_label == "t [s]" and forms.x_range is errors.x_range
    assert overlay.sounds == {}  # twenty samples a second are no sound


def test_names_beside_curves_are_no_markup(curves: Subject):
    (overlay,) = overlays_of(rivals(curves), [5], 100)
    plots, hostile = OverlayPlots(), '"><img src=x>'
    plots.show([replace(overlay, name=hostile, sounds={hostile: "data:audio/wav;base64,"})], error=False, dark=False)
    said = [pane.object for pane in plots.layout.select(pn.pane.HTML)]
    assert len(said) == 3 and not any("<img" in text or '"">' in text for text in said)


def test_sounds_can_be_played_beside_the_original(curves: Subject):
    t = np.arange(400) / 4000
    waves = np.stack([np.sin(2 * np.pi * 200 * t), np.sin(2 * np.pi * 300 * t)]).astype(np.float32)
    signals = SignalSet.from_grids(waves, axes=[Axis("t", "s", 0, 0.1)], name="tones")
    curves.library.engine.put_signals(signals)
    subject = Subject(curves.library, signals, curves.checkpoint, Sampling().on(signals))
    sounds = sounds_of(rivals(subject), 0, subject)
    assert list(sounds)[0] == "original" and len(sounds) == 2
    head = base64.b64decode(sounds["original"].partition(",")[2])[:44]
    assert head[:4] == b"RIFF" and int.from_bytes(head[24:28], "little") == 4000


def test_a_representation_agrees_with_itself(digits: Subject, coarse: Subject):
    assert (comparison.in_common(digits, digits) == 1).all()
    share = comparison.in_common(digits, coarse)
    assert share.shape == (120,) and 0 < share.mean() < 1
    assert comparison.clusters_agree(digits, digits) == pytest.approx(1)


def test_equal_bytes_takes_one_checkpoint_of_each_representation(digits: Subject):
    entries = digits.library.menu(digits.signals).checkpoints
    found = comparison.rivals(digits.library, digits.signals, entries, digits.sampling, digits.checkpoint.id)
    chosen = comparison.equal_bytes(found, (0,))
    methods = [rival.entry.details["representation"] for rival in chosen]
    assert len(methods) == len(set(methods)) and chosen[0].entry.id == digits.checkpoint.id
