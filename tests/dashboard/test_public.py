import asyncio
import time
from typing import Any

import numpy as np
import pytest

import explorer
from explorer.dashboard.page import Page
from explorer.dashboard.pages.interpolate import found_by_name
from explorer.dashboard.subject import Subject
from explorer.errors import InvalidInput


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
