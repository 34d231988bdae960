"""The page and the map outside the shell, as in a notebook."""

import asyncio
import time

import numpy as np
import pytest

import explorer
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.resolution import ResolutionSlider


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
        end = time.monotonic() + 60
        for name, value in (("resolution", 4), ("selection", [9, 2]), ("resolution", 16)):
            setattr(explore, name, value)
            await asyncio.sleep(0)
            while explore.workspace.calls.running:
                assert time.monotonic() < end
                await asyncio.sleep(0.02)
        return explore

    explore = asyncio.run(live())
    assert explore.workspace.calls.errors == {}
    assert explore.selection == explore.map.selection == [9, 2] and explore.resolution == 16
    assert explore.sample.forms.observed.shape == (16, 16, 1)


def test_what_no_codes_can_say_is_an_error(digits: Subject):
    with pytest.raises(explorer.ExplorerError):
        explorer.Map(digits.codes, method="magic")
