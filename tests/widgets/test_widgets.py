"""The notebook's widgets without a browser: state is traits, pictures follow it, mistakes are sentences."""

import io

import ipywidgets
import numpy as np
import pytest
import traitlets
from PIL import Image

import explorer
from explorer.codes import Codes
from explorer.engine import Engine
from explorer.errors import InvalidInput
from explorer.local import LocalEngine
from explorer.readers import load
from explorer.signals import SignalSet
from explorer.widgets import FitMonitor, InterpolationSlider

QUICK = {"min_steps": 1, "max_steps": 60, "width": 8, "point_width": 16}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory):
    with LocalEngine(tmp_path_factory.mktemp("widgets"), device="cpu") as engine:
        yield engine


@pytest.fixture(scope="module")
def codes(engine: Engine) -> Codes:
    digits = load("digits")[:40]
    return engine.encode(engine.train("hypernetwork", digits, split="all", **QUICK), digits)


def pixels(slider: InterpolationSlider) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(slider.image)))


def test_the_picture_is_the_render_where_the_slider_stands(codes: Codes):
    slider = InterpolationSlider(codes, 3, 7, resolution=24)
    assert pixels(slider).shape == (24, 24) and slider.labels == ["3", "7"] and slider.shown == 0
    assert np.allclose(slider.values, codes.engine.render(codes[3], 24)[0], atol=1e-5)
    before = pixels(slider)
    slider.value = 1.0
    assert np.allclose(slider.values, codes.engine.render(codes[7], 24)[0], atol=1e-4)
    assert slider.shown == 1 and not np.array_equal(before, pixels(slider))
    slider.value = 9
    assert slider.value == slider.max == 1


def test_layers_methods_and_longer_walks(codes: Codes):
    slider = InterpolationSlider(codes, 0, 1, 2, value=1.5, method="slerp")
    assert slider.max == 2 and slider.value == 1.5
    round = slider.values
    slider.method = "linear"
    assert not np.array_equal(round, slider.values)
    slider.layers = codes.engine.layers(codes.engine.checkpoint(codes.recipe.checkpoint))[:1]
    assert len(slider.code) == 1


def test_it_links_and_interacts_as_any_widget(codes: Codes):
    slider, other = InterpolationSlider(codes, 3, 7), ipywidgets.FloatSlider(max=1)
    ipywidgets.link((slider, "value"), (other, "value"))
    other.value = 0.25
    assert slider.value == 0.25 and slider.shown == 0.25
    heard: list[float] = []
    ipywidgets.interactive(lambda t: heard.append(t), t=slider)
    slider.value = 0.75
    assert heard == [0.25, 0.75] and other.value == 0.75 and slider.description == "t"


def test_what_is_shown_cannot_be_written(codes: Codes):
    slider = InterpolationSlider(codes, 3, 7)
    for name in ("image", "shown", "error"):
        with pytest.raises(traitlets.TraitError):
            setattr(slider, name, getattr(slider, name))
    own = {name for name in vars(InterpolationSlider) if not name.startswith("_")}
    assert all(trait.help for name, trait in slider.traits(sync=True).items() if name in own)


def test_mistakes_are_sentences_and_the_picture_stays(codes: Codes):
    for ends in ((3,), (3, 99), (-1, 3)):
        with pytest.raises(InvalidInput, match="expected two or more"):
            InterpolationSlider(codes, *ends)
    with pytest.raises(InvalidInput, match="layers"):
        InterpolationSlider(codes, 0, 1, layers=["none"])
    slider = InterpolationSlider(codes, 3, 7)
    image = slider.image
    slider.layers = ["none"]
    assert "layers" in slider.error and slider.image == image
    slider.layers = []
    assert slider.error == ""


def test_series_are_curves(engine: Engine):
    t = np.linspace(0, 1, 30, dtype=np.float32)
    waves = SignalSet.from_grids(np.stack([np.sin(9 * t + i) for i in range(12)]), axes=["t"], name="waves")
    codes = engine.encode(engine.train("hypernetwork", waves, split="all", **QUICK), waves)
    slider = InterpolationSlider(codes, 0, 5, resolution=50)
    assert np.shape(slider.curves) == (1, 50) and slider.image == b""


def test_a_monitor_follows_a_job_to_its_end(engine: Engine):
    job = engine.train(
        "hypernetwork", load("digits")[:40], split="all", seed=9, wait=False, **QUICK | {"max_steps": 300}
    )
    monitor = explorer.FitMonitor(job)
    assert monitor.wait(60) == "done" and monitor.eta_s is None
    assert {"loss", "psnr_db"} <= set(monitor.metrics)
    steps = [step for step, _ in monitor.curves["loss"]]
    assert steps == sorted(steps) and steps[-1] == 300
    late = FitMonitor(job)  # of a job that has ended: the same curves
    assert late.wait(10) == "done" and late.curves == monitor.curves


def test_a_monitor_pauses_and_cancels(engine: Engine):
    endless = {**QUICK, "min_steps": 10**6, "max_steps": 10**6}
    job = engine.train("hypernetwork", load("digits")[:40], split="all", seed=10, wait=False, **endless)
    monitor = FitMonitor(job)
    monitor._answer(monitor, "anything else", [])
    monitor._answer(monitor, "cancel", [])
    assert monitor.wait(30) == "cancelled" and job.state.state == "cancelled"
