"""Pages and views outside the shell, as in a notebook."""

import asyncio
import time
from typing import Any

import numpy as np
import pytest

import explorer
from explorer.codes import Codes
from explorer.dashboard.library import Library
from explorer.dashboard.page import Page
from explorer.dashboard.pages.interpolate import Pace, found_by_name
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.resolution import ResolutionSlider
from explorer.engine import Engine
from explorer.errors import InvalidInput
from explorer.readers import load


async def rest(page: Page, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while page.workspace.calls.running:
        assert time.monotonic() < end, f"still {page.workspace.calls.running}"
        await asyncio.sleep(0.02)


def lived(make: Any, play: Any = None) -> Any:
    """A page that has come to rest, and again after ``play``."""

    async def live() -> Any:
        page = make()
        page.__panel__()
        await rest(page)
        if play is not None:
            play(page)
            await rest(page)
        assert page.workspace.calls.errors == {}
        return page

    return asyncio.run(live())


def test_walks_show_themselves_and_follow_their_parameters(digits: Subject):
    page = lived(lambda: explorer.Interpolate(digits.codes, 3, 7, projection="pca", t=0.0))
    assert page.ends == (3, 7) and len(page.strips.strips[0]["pictures"]) == 9
    assert [picture["title"] for picture in page.live.pictures][:3] == ["linear", "aligned", "slerp"]
    curve = page.strips.strips[0]["distances"]
    assert curve[0] == pytest.approx(0, abs=1e-4) and max(curve) > 0
    np.testing.assert_allclose(page.map.marks[0], digits.layout("pca")[3], atol=1e-3)

    def slide(page: Any) -> None:
        page.t = 1.0
        page.stops = 5

    moved = lived(lambda: explorer.Interpolate(digits.codes, 3, 7, projection="pca", t=0.0), slide)
    assert (
        len(moved.strips.strips[0]["pictures"]) == 5 and moved.live.pictures[0]["uri"] != page.live.pictures[0]["uri"]
    )
    np.testing.assert_allclose(moved.map.marks[0], digits.layout("pca")[7], atol=1e-3)


def test_a_touched_place_and_a_drawn_line_are_decoded(digits: Subject):
    def touch(page: Any) -> None:
        page.map.touched = digits.layout("pca").min(0).astype(float)
        page.map.line = digits.layout("pca")[[3, 9, 7]].astype(float)

    page = lived(lambda: explorer.Interpolate(digits.codes, 3, 7, projection="pca"), touch)
    assert page.here.pictures[0]["title"] == "would live here" and "typical distance" in page._where.object
    assert page.strips.strips[-1]["label"] == "drawn by hand" and len(page.strips.strips[-1]["pictures"]) == 9


def test_what_cannot_be_walked_is_said_in_words(digits: Subject):
    with pytest.raises(InvalidInput, match="whole|signal set"):
        explorer.Interpolate(digits.codes[[1, 2]], 0, 1)
    with pytest.raises(InvalidInput, match="0 to 119"):
        explorer.Interpolate(digits.codes, 0, 120)
    with pytest.raises(InvalidInput, match="speed"):
        explorer.Interpolate(digits.codes, 0, 1, speed=3)
    assert found_by_name(digits.signals, "7", ()) == 7 and found_by_name(digits.signals, "no such", ()) is None


def test_signals_are_compared_by_given_checkpoints(digits: Subject):
    engine = digits.library.engine
    page = lived(lambda: explorer.Compare(digits.signals, [digits.checkpoint], engine=engine, selection=[3, 7]))
    names = [tile["title"] for tile in page.tiles.rows[0]["tiles"]]
    assert names[:2] == ["observed", "truth"] and len(page.rate.figures) == 1
    assert page.rate.figures[0].psnr_db == pytest.approx([digits.quality(3)["psnr_db"], digits.quality(7)["psnr_db"]])


def test_a_map_of_codes_shows_their_layout_clusters_and_pictures(digits: Subject):
    map = explorer.Map(digits.codes, method="pca", k=4)
    assert np.allclose(map.layout, digits.codes.engine.project(digits.codes, "pca"))
    assert set(map.values) == {0, 1, 2, 3}
    map.selection = [3, 5]
    assert map.selection == [3, 5]
    assert map.thumbnails([0])[0].startswith("data:image/png")
    some = explorer.Map(digits.codes[[7, 9, 11]], method="pca", k=2)
    assert some.thumbnails([2]) == map.thumbnails([11])


def test_explore_alone_shows_what_python_chooses(digits: Subject):
    async def live() -> explorer.Explore:
        explore = explorer.Explore(digits.signals, digits.library.engine, projection="pca", resolution=4)
        view = explore.__panel__()
        assert list(view.select(ResolutionSlider))
        for name, value in (("resolution", 4), ("selection", [9, 2]), ("resolution", 16)):
            setattr(explore, name, value)
            await asyncio.sleep(0)
            await rest(explore)
        return explore

    explore = asyncio.run(live())
    assert explore.workspace.calls.errors == {}
    assert explore.selection == explore.map.selection == [9, 2] and explore.resolution == 16
    assert explore.sample.forms.observed.shape == (16, 16, 1)


def test_what_no_codes_can_say_is_an_error(digits: Subject):
    with pytest.raises(explorer.ExplorerError):
        explorer.Map(digits.codes, method="magic")
    with pytest.raises(InvalidInput, match="Explore"):
        explorer.Explore(digits.signals, digits.library.engine, speed=3)


@pytest.fixture(scope="module")
def clouds(engine: Engine) -> Codes:
    """Twenty digits as clouds."""
    signals = load("digits200")[::10]
    return engine.encode(engine.train("arc", signals, split="all", train_steps=40, steps=20), signals)


def test_the_edits_of_a_cloud_are_read_and_written(clouds: Codes):
    turn, push = explorer.Rotate(angle_deg=90), explorer.Push(center=(0, 0), vector=(0.3, 0), radius=0.5)
    engine = clouds.engine

    def write(page: Any) -> None:
        page.edits = [*page.edits, push]

    page = lived(lambda: explorer.EditCloud(clouds, 3, edits=[turn], radius=0.5, projection="pca"))
    assert page.edits == [turn] and page.selection == [3] and page.canvas.radius == 0.5
    np.testing.assert_allclose(page._forms.anchors, engine.anchors(engine.edit(clouds, 3, [turn]), 0))
    page = lived(lambda: explorer.EditCloud(clouds, 3, edits=[turn], projection="pca"), write)
    np.testing.assert_allclose(page._forms.anchors, engine.anchors(engine.edit(clouds, 3, [turn, push]), 0))


def test_written_edits_are_undone_and_leave_nothing_to_do_again(clouds: Codes):
    turn, flip = explorer.Rotate(angle_deg=90), explorer.Flip(axis=0)

    def back_and_forth(page: Any) -> None:
        page.edits = [turn, flip]
        page.undo()
        assert page.edits == [turn]
        page.edits = [flip]
        page.redo()

    assert lived(lambda: explorer.EditCloud(clouds, 3, projection="pca"), back_and_forth).edits == [flip]


def test_another_cloud_has_its_own_edits(clouds: Codes):
    def turn_to(page: Any) -> None:
        page.selection = [5]

    page = lived(lambda: explorer.EditCloud(clouds, 3, edits=[explorer.Flip(axis=0)], projection="pca"), turn_to)
    assert page.edits == [] and page.workspace.row == 5


def test_what_is_no_cloud_or_no_edit_is_said_in_words(clouds: Codes, digits: Subject):
    with pytest.raises(InvalidInput, match="hypernetwork"):
        explorer.EditCloud(digits.codes, 3)
    with pytest.raises(InvalidInput, match="0 to 19"):
        explorer.EditCloud(clouds, 20)
    with pytest.raises(InvalidInput, match="signal set"):
        explorer.EditCloud(clouds[[1, 2]], 0)
    with pytest.raises(InvalidInput, match="type str"):
        explorer.EditCloud(clouds, 3, edits=["push"])
    page = explorer.EditCloud(clouds, 3)
    with pytest.raises(InvalidInput, match="type int"):
        page.edits = [3]
    assert page.edits == []


def test_an_edited_cloud_is_followed_on_the_map_by_its_own_and_by_other_codes(clouds: Codes, library: Library):
    signals = library.engine.load(clouds.recipe.signals)
    library.engine.train("hypernetwork", signals, split="all", min_steps=1, max_steps=100, width=8, point_width=32)

    def turn(page: Any) -> None:
        page.edits = [explorer.Rotate(angle_deg=90)]

    page = lived(lambda: explorer.EditCloud(clouds, 3, projection="pca"), turn)
    (way, _) = page.map.paths[0]
    here, there = clouds.engine.project(clouds, "pca")[3], page.map.marks[0]
    np.testing.assert_allclose(way[0], here, atol=1e-3)
    np.testing.assert_allclose(way[1], there)
    assert np.linalg.norm(there - here) > 0 and "class by its neighbours" in page._moved.object
    others = [name for name in page._by.options if name != page._by.value]
    assert others

    def look(page: Any) -> None:
        turn(page)
        page._by.value = others[0]

    other = lived(lambda: explorer.EditCloud(clouds, 3, projection="pca"), look)
    assert len(other.map.layout) == 20 and not np.allclose(other.map.layout, page.map.layout)
    assert np.linalg.norm(other.map.marks[0] - other.map.paths[0][0][0]) > 0


def test_edits_are_replayed_on_another_cloud_and_each_keeps_its_own(clouds: Codes):
    flip = explorer.Flip(axis=0)

    def again(page: Any) -> None:
        page._partner.value = 5
        page._replay()

    page = lived(lambda: explorer.EditCloud(clouds, 3, edits=[flip], projection="pca"), again)
    assert page.workspace.row == 5 and page.edits == [flip]
    expected = clouds.engine.anchors(clouds.engine.edit(clouds, 5, [flip]), 0)
    np.testing.assert_allclose(page._forms.anchors, expected)


def test_undo_shows_the_same_pixels_at_once(clouds: Codes):
    flip = explorer.Flip(axis=0)
    seen: list[str] = []

    def back(page: Any) -> None:
        seen.append(page.canvas.picture)
        page.undo()
        seen.append(page.canvas.picture)  # without an answer of the engine in between
        page.redo()
        seen.append(page.canvas.picture)

    async def live() -> None:
        page = explorer.EditCloud(clouds, 3, projection="pca")
        page.__panel__()
        await rest(page)
        first = page.canvas.picture
        page.edits = [flip]
        await rest(page)
        back(page)
        assert seen == [seen[0], first, seen[0]] and first != seen[0]
        await rest(page)

    asyncio.run(live())


def test_the_first_walk_is_rendered_before_the_others_and_a_slow_one_as_a_draft(digits: Subject):
    page = lived(lambda: explorer.Interpolate(digits.codes, 3, 7, projection="pca", size=256, t=0.2))
    assert {picture["caption"] for picture in page.live.pictures} == {"256×256"}
    assert not any(picture["stale"] for picture in page.live.pictures)
    pace = Pace()
    assert pace.size(256) == 256
    pace.heard(256, 1.0)
    assert pace.size(256) < 64
    pace.heard(32, 0.0001)
    assert pace.size(256) == 256 and pace.size(128) == 128


def test_signals_that_take_a_fit_each_are_offered_it_and_not_begun(library: Library):
    signals = load("digits200")[5::40]
    engine = library.engine
    engine.put_signals(signals)
    checkpoint = engine.train("siren", signals, split="all", widths=(8, 8), steps=10, standards=4)
    engine.encode(checkpoint, signals)
    before = len(engine.jobs())
    codes = engine.encode(checkpoint, signals)

    def coarser(page: Any) -> None:
        page.resolution = 4

    page = lived(lambda: explorer.Interpolate(codes, 0, 1, projection="pca"), coarser)
    assert "Not fitted at 4×4" in page.missing() and page.remedy()[0] == "fit 5 signals"
    assert len(engine.jobs()) == before, "nobody asked for a fit"
