from dataclasses import replace

import numpy as np

from explorer.codes import Checkpoint
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.resolution import ResolutionSlider, nearest_stop, stops
from explorer.dashboard.views.scores import apart
from explorer.representations.base import domain_of
from explorer.signals import SignalSet


def checkpoint_for(signals: SignalSet, *resolutions: tuple[int, ...]) -> Checkpoint:
    training = {"resolutions": [list(shape) for shape in resolutions]}
    return Checkpoint(representation="x", config={}, domain=domain_of(signals), arrays={}, training=training)


def test_digits_have_the_stops_that_are_scored_everywhere(digits: Subject):
    made = stops(digits.signals, checkpoint_for(digits.signals, (4, 4), (8, 8), (16, 16)))
    assert [stop.size for stop in made] == [4, 6, 8, 12, 16, 24, 32, 48]
    assert [stop.size for stop in made if stop.trained] == [4, 8, 16]
    assert [stop.size for stop in made if stop.native] == [8]


def test_oblong_images_keep_their_proportions():
    signals = SignalSet.from_grids(np.zeros((2, 20, 30), np.uint8), axes=["y", "x"])
    made = stops(signals, checkpoint_for(signals, (10, 15)))
    assert {stop.shape for stop in made} >= {(10, 15), (20, 30), (40, 60)}
    assert len({stop.size for stop in made}) == len(made)


def test_a_stop_that_no_machine_would_follow_is_left_out():
    signals = SignalSet.from_grids(np.zeros((50, 64, 64, 64), np.uint8), axes=["z", "y", "x"])
    assert max(stop.size for stop in stops(signals, checkpoint_for(signals))) <= 128


def test_the_address_may_ask_for_any_size(digits: Subject):
    made = stops(digits.signals, checkpoint_for(digits.signals, (4, 4)))
    assert made[nearest_stop(made, 0)].native
    assert made[nearest_stop(made, 30)].size == 32
    assert made[nearest_stop(made, 10**6)].size == 48


def test_uneven_samples_stray_and_miss(digits: Subject):
    stop = stops(digits.signals, checkpoint_for(digits.signals))[0]
    assert stop.sampling(uneven=False).is_grid
    assert not stop.sampling(uneven=True).is_grid


def test_the_slider_stops_at_its_ends(digits: Subject):
    made = stops(digits.signals, checkpoint_for(digits.signals))
    slider = ResolutionSlider()
    slider.show(made, 0)
    slider.move(-1)
    assert slider.value == 0
    slider.move(1000)
    assert slider.value == len(made) - 1


def test_of_signals_fitted_one_by_one_it_is_said_where_they_are(digits: Subject):
    checkpoint = replace(checkpoint_for(digits.signals), training={})
    made = [replace(stop, ready=(stop.native, False)) for stop in stops(digits.signals, checkpoint)]
    assert [stop.size for stop in made if stop.seen(uneven=False) == "fitted"] == [8]
    assert {stop.seen(uneven=True) for stop in made} == {"not fitted yet"}
    slider = ResolutionSlider()
    slider.show(made, 0)
    assert [mark["size"] for mark in slider.marks if mark["full"]] == [8]


def test_sizes_that_would_touch_are_left_out_under_the_scores():
    kept = apart([38, 64, 75, 112, 128, 150, 192, 225, 253, 300, 450, 600, 900])
    assert (kept[0], kept[-1]) == (38, 900) and 4 <= len(kept) <= 9
    assert apart([4, 8, 16, 32]) == [4, 8, 16, 32] and apart([7]) == [7]
