import numpy as np
import pytest

from explorer.dashboard import walks
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.portraits import grid_for, portraits
from explorer.dashboard.walks import Walk


@pytest.fixture(scope="module")
def walk(digits: Subject) -> Walk:
    return Walk(digits.codes, (3, 7, 5))


def test_a_walk_is_one_path_of_which_stops_and_the_live_picture_are_parts(walk: Walk, digits: Subject):
    assert len(walk) == len(walk.path) == 101
    stops = walk.stops(5)
    assert stops.tolist() == [0, 25, 50, 75, 100]
    seen = walk.rendered(stops, (12, 12))
    assert seen.shape == (5, 12, 12, 1)
    np.testing.assert_allclose(seen[[0, 2, 4]], digits.rendered([3, 7, 5], (12, 12)), atol=1e-4)


def test_every_leg_of_a_long_walk_has_positions_of_its_own(digits: Subject):
    walk = Walk(digits.codes, tuple(range(8)))
    assert (len(walk) - 1) % 7 == 0 and len(walk) > 7 * 14


def test_the_barrier_begins_and_ends_at_the_data(walk: Walk, digits: Subject):
    away = walk.distances()
    typical = walks.typical_distance(digits.codes)
    assert away.shape == (101,) and (away[[0, 50, 100]] < 1e-3 * typical).all() and away[25] > 0.1 * typical
    _, distances = digits.library.engine.nearest(digits.codes)
    assert typical == pytest.approx(np.median(distances), rel=1e-3)


def test_the_walk_has_its_place_on_the_map(walk: Walk, digits: Subject):
    places = walk.places("pca")
    np.testing.assert_allclose(places[[0, 50, 100]], digits.layout("pca")[[3, 7, 5]], atol=1e-4)


def test_at_a_point_of_the_map_lives_its_own_signal_and_between_points_a_mean(digits: Subject):
    layout = digits.layout("pca")
    there = walks.spot(digits.codes, layout, layout[9])
    assert there.rows[0] == 9 and there.weights[0] > 0.99
    engine = digits.library.engine
    np.testing.assert_allclose(engine.render(there.code, 8), digits.rendered([9], (8, 8)), atol=0.02)
    between = walks.spot(digits.codes, layout, layout[[9, 11]].mean(0))
    assert sum(between.weights) == pytest.approx(1) and between.distance > there.distance


def test_the_mean_of_a_selection_is_the_engines(digits: Subject):
    engine = digits.library.engine
    mean = walks.mean_of(digits.codes, [1, 2, 3])
    np.testing.assert_allclose(engine.render(mean.code, 8), engine.render(engine.blend(digits.codes, [1, 2, 3]), 8))


def test_places_along_a_line_are_evenly_spaced():
    places = walks.along(np.array([[0, 0], [3, 0], [3, 1.0]]), 5)
    np.testing.assert_allclose(places, [[0, 0], [1, 0], [2, 0], [3, 0], [3, 1]])


def test_ways_are_what_the_engine_describes(digits: Subject):
    library = digits.library
    entries = library.menu(digits.signals).checkpoints
    found = walks.ways(library, digits.signals, entries, digits.sampling)
    mine = [way for way in found if way.entry.id == digits.checkpoint.id]
    assert [way.method for way in mine] == library.engine.describe()["representations"]["hypernetwork"]["paths"]
    assert all(way.ready for way in mine)
    alone = walks.layer_ways(library, mine[0])
    assert [way.layers for way in alone] == [(layer,) for layer in library.engine.layers(digits.checkpoint)]
    assert len(walks.walk(library, alone[0], digits.signals, digits.sampling, (0, 1)).path) == 101


def test_codes_that_every_signal_must_be_fitted_for_are_not_ready_until_they_are(digits: Subject):
    library, signals = digits.library, digits.signals[:12]
    library.engine.put_signals(signals)
    checkpoint = library.engine.train("siren", signals, split="all", widths=(8, 8), steps=10, standards=12)
    (entry,) = [entry for entry in library.menu(signals).checkpoints if entry.id == checkpoint.id]
    (first, *_) = walks.ways(library, signals, [entry], digits.sampling)
    assert not first.ready
    library.engine.encode(checkpoint, signals, digits.sampling)
    (first, *_) = walks.ways(library, signals, [entry], digits.sampling)
    assert first.ready


def test_ends_are_the_selection_or_two_that_differ(digits: Subject):
    signals = digits.signals
    assert walks.ends_of([4, 2, 9], signals) == (4, 2, 9)
    assert walks.ends_of(range(50, 90), signals) == (50, 51)
    first, other = walks.ends_of([4], signals)
    assert first == 4 and signals.labels[other] != signals.labels[4]


@pytest.mark.parametrize("kind", ["digits", "curves", "volumes"])
def test_functions_over_any_number_of_axes_have_portraits(kind: str, request: pytest.FixtureRequest):
    subject = request.getfixturevalue(kind)
    shape, window = grid_for(subject.signals, 40)
    grids = subject.library.engine.render(subject.codes[[0, 1]], shape, window)
    pictures = portraits(grids, subject.signals.value_range, 40)
    assert len(pictures) == 2 and max(pictures[0].shape[:2]) == 40 and np.ptp(pictures[0]) > 0
