"""The Explore page without a browser: what is drawn follows the state."""

import asyncio
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import panel_material_ui as pmui
import pytest
from PIL import Image

import explorer
from explorer.artifacts import Artifact
from explorer.dashboard.library import Library
from explorer.dashboard.pages.explore import HIDDEN, Explore
from explorer.dashboard.state import State
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.resolution import stops
from explorer.dashboard.views.scores import Scores
from explorer.dashboard.views.sidebar import Sidebar
from explorer.dashboard.views.snippet import snippet
from explorer.dashboard.workspace import Workspace
from explorer.engine import Engine
from explorer.errors import ServerUnavailable
from explorer.observations import Sampling
from explorer.readers import load
from explorer.signals import SignalSet


async def rest(explore: Explore, seconds: float = 60) -> None:
    """Wait until nothing is asked any more."""
    end = time.monotonic() + seconds
    while explore.workspace.calls.running:
        assert time.monotonic() < end, f"still {explore.workspace.calls.running}: {explore.workspace.calls.word}"
        await asyncio.sleep(0.02)


def of(subject: Subject) -> dict[str, str]:
    """What opens a subject, and not another checkpoint that was trained on its signals since."""
    return {"signals": subject.signals.id, "checkpoint": subject.checkpoint.id}


def explored(library: Library, play: Callable[[Explore], None] | None = None, **state: object) -> Explore:
    """An Explore page that has come to rest, and again after ``play``."""

    async def live() -> Explore:
        workspace = Workspace(library.engine, State(**{"projection": "pca", **state}), library)
        explore = Explore(workspace)
        explore.open()
        workspace.load()
        await rest(explore)
        if play is not None:
            play(explore)
            await rest(explore)
        return explore

    return asyncio.run(live())


def test_the_page_fills_with_what_the_engine_says(library: Library, digits: Subject):
    explore = explored(library, **of(digits))
    assert explore.workspace.calls.errors == {}
    assert np.allclose(explore.map.layout, digits.layout("pca"))
    assert (explore.map.values == digits.clusters()).all()
    assert explore.sample.numbers["psnr_db"] == pytest.approx(digits.quality(0)["psnr_db"])
    assert len(explore.neighbors.pictures) == 7
    assert set(explore.gallery.images) == {"4×4", "8×8", "48×48"}


def test_scores_fill_for_all_resolutions_beside_their_control(library: Library, digits: Subject):
    explore = explored(library, **of(digits))
    assert (
        set(explore.scores.ours)
        == set(explore.scores.control)
        == {stop.size for stop in explore.workspace.opened.stops}
    )
    other = digits.at(Sampling(kind="grid", size=16).on(digits.signals))
    assert explore.scores.ours[16] == other.score()
    assert explore.scores.control[16] == other.control()


def test_moving_the_resolution_moves_map_clusters_pictures_and_scores(library: Library, digits: Subject):
    before = explored(library, **of(digits))
    after = explored(library, lambda explore: Sidebar(explore.workspace).slider.move(-2), **of(digits))
    other = digits.at(Sampling(kind="grid", size=4).on(digits.signals))
    assert after.state.resolution == 4
    assert (after.map.values == other.clusters()).all()
    assert np.allclose(after.map.layout, other.layout("pca"))
    assert after.sample.forms.observed.shape == (4, 4, 1)
    assert not np.array_equal(after.sample.forms.fine, before.sample.forms.fine)
    assert after.scores.size == 4
    assert after.gallery.current == "4×4"


def test_points_keep_their_colours_over_resolutions(library: Library, digits: Subject):
    before = explored(library, **of(digits), space="raw")
    after = explored(library, **of(digits), space="raw", resolution=16)
    assert (before.map.values == after.map.values).mean() > 0.85


def test_a_selection_is_the_same_everywhere(library: Library, digits: Subject):
    def click(explore: Explore) -> None:
        explore.map.selection = [5, 9]

    explore = explored(library, click, **of(digits))
    assert explore.state.selection == explore.gallery.selection == [5, 9]
    assert explore.workspace.row == 5
    assert np.allclose(explore.sample.forms.truth, digits.signals.grid(5))


def test_a_click_on_a_neighbour_goes_there(library: Library, digits: Subject):
    explore = explored(library, lambda e: e.neighbors._handle_msg(e.neighbors.pictures[2]["row"]), **of(digits))
    rows, _ = digits.nearest(0, "", 7)
    assert explore.state.selection == [rows[2]]


def test_colours_follow_the_choice(library: Library, digits: Subject):
    explore = explored(library, lambda e: e.state.param.update(color="label"), **of(digits))
    assert (explore.map.values == digits.signals.labels).all()
    explore = explored(library, lambda e: e.state.param.update(color="psnr_db"), **of(digits))
    assert np.allclose(explore.map.values, digits.psnr_db())


def test_the_map_says_how_many_neighbours_it_keeps(library: Library, digits: Subject):
    explore = explored(library, lambda e: e.state.param.update(color="kept"), **of(digits))
    kept = digits.kept_neighbors("pca")
    assert explore.workspace.calls.errors == {}
    assert np.allclose(explore.map.values, kept) and 0 < kept.mean() < 1


def test_clusters_found_by_other_means_keep_their_colours(library: Library, digits: Subject):
    colors: list = []

    def regroup(explore: Explore) -> None:
        colors.append([explore.map.colors[label] for label in explore.map.values])
        explore.state.method = "gmm"

    explore = explored(library, regroup, **of(digits))
    after = [explore.map.colors[label] for label in explore.map.values]
    same = np.mean([a == b for a, b in zip(colors[0], after, strict=True)])
    by_number = (digits.clusters() == explore.map.values).mean()
    assert same > 0.5 and same > by_number


def test_signals_that_change_their_cluster_are_counted_and_can_be_selected(library: Library, digits: Subject):
    def click(explore: Explore) -> None:
        explore._moved_button.clicks += 1

    explore = explored(library, click, **of(digits), resolution=4)
    moved = digits.at(Sampling(kind="grid", size=4).on(digits.signals)).clusters() != digits.clusters()
    assert moved.any() and explore._moved_button.label == f"moved: {moved.sum()}"
    assert explore.state.selection == np.flatnonzero(moved).tolist()


def test_other_clusters_have_other_scores(library: Library, digits: Subject):
    explore = explored(library, lambda e: e.state.param.update(k=3), **of(digits))
    assert explore.map.values.max() == 2
    assert all(score["k"] == 3 for score in explore.scores.ours.values())


def test_uneven_samples_are_a_sampling_like_any_other(library: Library, digits: Subject):
    explore = explored(library, lambda e: e.state.param.update(uneven=True), **of(digits))
    assert explore.workspace.calls.errors == {}
    assert explore.sample.forms.points is not None
    assert len(explore.scores.ours) == len(explore.workspace.opened.stops)


def test_the_raw_samples_have_a_map_of_their_own(library: Library, digits: Subject):
    explore = explored(library, **of(digits), space="raw")
    assert np.allclose(explore.map.layout, digits.within("raw").layout("pca"))


@pytest.mark.parametrize("kind", ["curves", "volumes"])
def test_signals_over_any_number_of_axes_are_shown(library: Library, kind: str, request: pytest.FixtureRequest):
    subject = request.getfixturevalue(kind)
    explore = explored(library, signals=subject.signals.id)
    assert explore.workspace.calls.errors == {}
    assert explore.sample.forms is not None and len(explore.neighbors.pictures) == 7


def test_other_signals_replace_everything(library: Library, digits: Subject, curves: Subject):
    explore = explored(library, lambda e: e.state.param.update(signals=curves.signals.id), signals=digits.signals.id)
    assert explore.workspace.calls.errors == {}
    assert len(explore.map.layout) == len(curves.signals)
    assert (explore.map.values == curves.clusters()).all()


def test_signals_without_a_checkpoint_say_so_and_nothing_of_others_stands_for_them(
    library: Library, engine: Engine, digits: Subject
):
    signals = SignalSet.from_grids(np.zeros((3, 4, 4, 4), np.uint8), axes=["y", "x"], name="four channels")
    engine.put(signals.artifact, "four channels")
    choices = {"signals": digits.signals.id, "resolution": 4, "selection": [5]}
    explore = explored(library, lambda e: e.state.param.update(signals=signals.id), **choices)
    assert explore.workspace.loaded is None and explore.workspace.calls.errors == {}
    assert "no checkpoint" in explore.missing() and "train one" in explore.missing()
    assert len(explore.map.layout) == len(explore.neighbors.pictures) == len(explore.sample._pictures.pictures) == 0
    assert explore.gallery._grid.lines == explore.gallery._grid.heads == [] and explore.sample.numbers == {}
    assert explore.scores.ours == {} and explore._moved_button.styles == HIDDEN


def test_what_was_cleared_comes_back_with_a_checkpoint(library: Library, engine: Engine, digits: Subject):
    signals = SignalSet.from_grids(np.zeros((3, 4, 4, 4), np.uint8), axes=["y", "x"], name="four channels")
    engine.put(signals.artifact, "four channels")
    explore = explored(library, lambda e: e.state.param.update(signals=digits.signals.id), signals=signals.id)
    assert explore.missing() == "" and len(explore.map.layout) == len(digits.signals)
    assert explore.sample.forms is not None and len(explore.neighbors.pictures) == 7


def test_scores_are_plotted_over_their_stops_once_there_are_some():
    scores = Scores(size=8)
    scores.sizes = [4, 8]
    assert scores._curves is None and len(scores._drawn) == 0
    scores.ours = {8: {"ami": 0.5, "ari": 0.4, "silhouette": 0.1, "drift": 0.0}}
    assert len(scores._drawn) == 1 and scores._curves.plot.xaxis.ticker.ticks == [4, 8]
    assert scores._curves.here.location == 8
    scores.size = 4
    assert scores._curves.here.location == 4


def test_scores_of_signals_without_labels_are_those_that_need_none():
    scores, unlabelled = Scores(sizes=[4, 8]), {"ami": None, "ari": None, "silhouette": -0.1, "drift": None}
    scores.param.update(ours={4: unlabelled}, control={4: unlabelled | {"silhouette": 0.2}})
    assert scores._curves.plot.yaxis[0].axis_label == "silhouette" and scores._curves.plot.y_range.start == -0.1
    assert scores._curves.sources["ours"].data == {"x": [4], "y": [-0.1]}
    scores.ours = {8: unlabelled | {"ami": 0.5}}
    assert scores._curves.plot.yaxis[0].axis_label == "AMI" and scores._curves.plot.y_range.start == 0


def test_where_there_are_no_scores_the_panel_says_why():
    none = dict.fromkeys(("ami", "ari", "silhouette", "drift"))
    scores = Scores(sizes=[4, 8], size=4, signals=3)
    assert scores._drawn.visible and scores.nothing == ""
    scores.param.update(ours={4: none}, control={4: none})
    assert not scores._drawn.visible and "one cluster" in scores._words.object
    scores.param.update(ours={4: none | {"silhouette": 0.1}})
    assert scores._drawn.visible and "silhouette" in scores._words.object
    scores.param.update(signals=1, ours={}, control={})
    assert not scores._drawn.visible and "One signal alone" in scores._words.object


def test_one_signal_alone_is_opened_and_has_nothing_to_compare(library: Library, engine: Engine, digits: Subject):
    alone = digits.signals[4:5]
    engine.put(alone.artifact, "one digit")
    explore = explored(library, signals=alone.id)
    assert explore.workspace.calls.errors == {} and len(explore.map.layout) == 1
    assert "One signal alone" in explore.scores._words.object and not explore.scores._drawn.visible


def test_signals_that_are_not_there_are_an_error_in_words_and_the_rest_stays(library: Library, digits: Subject):
    explore = explored(library, lambda e: e.state.param.update(signals="nothing"), signals=digits.signals.id)
    assert "nothing" in explore.workspace.calls.errors["load"]
    assert len(explore.map.layout) == len(digits.signals)


def test_a_page_alone_says_what_went_wrong(library: Library):
    said: list[str] = []

    async def live() -> None:
        explore = Explore(Workspace(library.engine, State(signals="a set of nobody"), library))
        view = explore.__panel__()
        await rest(explore)
        said.extend(frame.object for frame in view.select(pmui.Alert) if frame.visible)

    asyncio.run(live())
    assert len(said) == 1 and "a set of nobody" in said[0]


def test_a_model_server_that_is_gone_is_an_error_in_words_and_the_rest_stays(
    library: Library, digits: Subject, monkeypatch: pytest.MonkeyPatch
):
    def die(explore: Explore) -> None:
        def gone(*args: object, **options: object) -> None:
            raise ServerUnavailable("No answer from the model server.")

        monkeypatch.setattr(type(library.engine), "run", gone)
        explore.state.selection = [7]

    explore = explored(library, die, **of(digits))
    assert "No answer" in explore.errors()["picture"]
    assert explore.sample.forms is not None and len(explore.map.layout) == len(digits.signals)


@pytest.mark.parametrize("uneven", [False, True])
def test_the_copied_program_gives_what_is_on_the_screen(
    library: Library, digits: Subject, uneven: bool, monkeypatch: pytest.MonkeyPatch
):
    explore = explored(library, **of(digits), resolution=12, uneven=uneven, selection=[4], k=5)
    program = snippet(explore.workspace.subject, digits.signals.id, "pca", explore.workspace.row, 64)
    monkeypatch.setattr(explorer, "connect", lambda: library.engine)
    names: dict = {}
    exec(compile(program, "snippet", "exec"), names)
    assert (names["clusters"] == explore.map.values).all()
    assert np.allclose(names["layout"], explore.map.layout)
    assert np.allclose(names["picture"], explore.sample.forms.fine)


def test_the_copied_program_runs_in_a_fresh_interpreter(library: Library, digits: Subject, tmp_path: Path):
    explore = explored(library, **of(digits), resolution=12, selection=[4], k=5)
    program = snippet(explore.workspace.subject, digits.signals.id, "pca", explore.workspace.row, 64)
    found = tmp_path / "found.npz"
    program += f"import numpy\nnumpy.savez({str(found)!r}, clusters=clusters, layout=layout, picture=picture)\n"
    home = {"EXPLORER_HOME": str(library.engine.home), "EXPLORER_DEVICE": "cpu"}
    subprocess.run(
        [sys.executable, "-"], input=program, text=True, check=True, env={**os.environ, **home}, cwd=tmp_path
    )
    with np.load(found) as arrays:
        assert (arrays["clusters"] == explore.map.values).all()
        assert np.array_equal(arrays["layout"], explore.map.layout)
        assert np.array_equal(arrays["picture"], explore.sample.forms.fine)


def test_what_is_shown_can_be_taken_along(library: Library, digits: Subject):
    explore = explored(library, **of(digits), selection=[2, 7])
    offered = {export.name: export for export in explore.exports()}
    assert list(offered) == ["codes", "map", "scores", "signal", "render"]
    head, *lines = offered["map"].makers["CSV"]().decode().splitlines()
    assert head == "id,label,cluster,x,y,selected" and len(lines) == 120
    cells = lines[2].split(",")
    assert cells[:3] == ["2", "2", str(digits.clusters()[2])] and cells[5] == "1"
    assert [float(cell) for cell in cells[3:5]] == pytest.approx(digits.layout("pca")[2].tolist(), abs=1e-5)
    codes = Artifact.from_bytes(offered["codes"].makers["safetensors"]())
    assert all(np.array_equal(codes.arrays[name], array) for name, array in digits.codes.arrays.items())
    assert codes.meta["id"][:3] == ["0", "1", "2"]
    image = np.asarray(Image.open(io.BytesIO(offered["render"].makers["PNG"]())))
    assert image.shape == (256, 256)
    for name, export in offered.items():
        for file_format, make in export.makers.items():
            assert len(make()) > 100, (name, file_format)
    some = {export.name: export for export in explore.exports(only_selected=True)}
    lines = some["codes"].makers["CSV"]().decode().splitlines()
    assert [line.split(",")[0] for line in lines] == ["id", "2", "7"]
    assert [float(cell) for cell in lines[1].split(",")[2:]] == pytest.approx(
        digits.codes.vectors[2].tolist(), rel=1e-6
    )


def test_nothing_is_offered_while_nothing_is_shown(library: Library, engine: Engine):
    signals = SignalSet.from_grids(np.zeros((3, 4, 4, 4), np.uint8), axes=["y", "x"], name="four channels")
    engine.put(signals.artifact, "four channels")
    assert explored(library, signals=signals.id).exports() == []


@pytest.fixture(scope="module")
def fits(engine: Engine, library: Library) -> Subject:
    """A few digits through a method that fits each of them; only they as they are have been fitted."""
    signals = load("digits")[40:52]
    engine.put(signals.artifact, "fitted digits")
    checkpoint = engine.train("siren", signals, split="all", widths=(8, 8), steps=10, standards=12)
    subject = Subject(library, signals, checkpoint, Sampling().on(signals))
    assert engine.encode(checkpoint, signals).arrays  # fitted now
    return subject


def there(subject: Subject, uneven: bool = False) -> list[int]:
    """The sizes at which the signals have been fitted."""
    made = stops(subject.signals, subject.checkpoint)
    ask = subject.library.there
    return [s.size for s in made if ask(subject.checkpoint.id, subject.signals, s.sampling(uneven))]


def test_no_signal_is_fitted_before_somebody_asks_for_it(library: Library, fits: Subject):
    def drag(explore: Explore) -> None:
        Sidebar(explore.workspace).slider.move(2)

    choices = {"signals": fits.signals.id, "checkpoint": fits.checkpoint.id}
    explore = explored(library, drag, **choices)
    assert explore.workspace.calls.errors == {} and there(fits) == [8] and there(fits, uneven=True) == []
    assert [s.size for s in explore.workspace.opened.stops if s.ready[False]] == [8]
    assert explore.state.resolution == 16 and list(explore.scores.ours) == [8]
    assert "Not fitted at 16×16" in explore.missing() and explore.remedy()[0] == "fit 12 signals"
    marks = Sidebar(explore.workspace).slider.marks
    assert [mark["size"] for mark in marks if mark["ready"]] == [8]
    uneven = explored(library, lambda e: e.state.param.update(uneven=True), **choices)
    assert "uneven" in uneven.missing() and there(fits, uneven=True) == []


def test_signals_are_fitted_by_a_job_and_then_shown(
    library: Library, fits: Subject, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    def fit(explore: Explore) -> None:
        explore.remedy()[1]()

    choices = {"signals": fits.signals.id, "checkpoint": fits.checkpoint.id, "resolution": 16}
    explore = explored(library, fit, **choices)
    job = engine.jobs()[-1]
    assert (job.recipe["op"], job.state) == ("encode", "done") and job.recipe["start"]["size"] == [8, 8]
    assert explore.workspace.calls.errors == {} and explore.missing() == "" and there(fits) == [8, 16]
    assert len(explore.map.layout) == 12 and set(explore.scores.ours) == {8, 16}
    assert explore.sample.forms.observed.shape == (16, 16, 1)
    program = snippet(explore.workspace.subject, fits.signals.id, "pca", explore.workspace.row, 64)
    monkeypatch.setattr(explorer, "connect", lambda: engine)
    names: dict = {}
    exec(compile(program, "snippet", "exec"), names)
    assert np.allclose(names["picture"], explore.sample.forms.fine) and there(fits) == [8, 16]


def test_signals_that_were_never_fitted_are_opened_without_a_fit(library: Library, engine: Engine):
    signals = load("digits")[20:26]
    engine.put(signals.artifact, "six digits")
    checkpoint = engine.train("siren", signals, split="all", widths=(8, 8), steps=10, standards=6)
    explore = explored(library, signals=signals.id, checkpoint=checkpoint.id)
    assert "Not fitted at 8×8" in explore.missing() and explore.workspace.opened.spaces[-1] == "raw"
    assert library.there(checkpoint.id, signals, Sampling()) is None


def test_a_page_alone_says_what_it_lacks_and_offers_what_helps(library: Library, engine: Engine, fits: Subject):
    alone: list = []

    def show(explore: Explore) -> None:
        lacking = explore.__panel__()[2]
        alone.append((lacking.visible, lacking.text.object, lacking.button.visible, lacking.button.label))
        explore.state.resolution = 0
        alone.append((lacking.visible, lacking.button.visible))

    explored(library, show, signals=fits.signals.id, checkpoint=fits.checkpoint.id, resolution=24)
    (said, text, offered, label), after = alone
    assert said and "Not fitted at 24×24" in text and offered and label == "fit 12 signals"
    assert after == (False, False)
