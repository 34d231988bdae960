from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from skimage.measure import points_in_poly

from explorer.dashboard import theme
from explorer.dashboard.views.map import MOST_DOTS, MOST_DOTS_WITHOUT_GPU, Map
from explorer.dashboard.views.map_figure import label_scale, metric_scale
from explorer.dashboard.views.places import (
    LONGEST_TAILS,
    Window,
    apart,
    combine,
    dot_size,
    frame,
    inside,
    middles,
    nearest,
    shade,
    tails,
)
from explorer.errors import InvalidInput


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


# -- places


def test_a_frame_holds_every_point_and_keeps_the_shape(rng):
    layout = (rng.normal(size=(500, 2)) * [30, 3] + [100, -7]).astype(np.float32)
    places = frame(layout).place(layout)
    assert np.abs(places).max() <= 1
    stretch = np.ptp(places, axis=0) / np.ptp(layout, axis=0)
    assert stretch[0] == pytest.approx(stretch[1], rel=1e-4)


def test_a_frame_stays_while_points_fit_in_it(rng):
    layout = rng.uniform(-1, 1, (200, 2)).astype(np.float32)
    first = frame(layout)
    assert frame(layout * 0.95, first) is first
    assert frame(layout * 0.2, first) != first
    assert frame(layout * 3, first) != first


def test_frames_of_no_point_and_of_one():
    assert frame(np.zeros((0, 2), np.float32)).half == 1
    one = np.array([[5.0, -2.0]], np.float32)
    assert frame(one).place(one).tolist() == [[0, 0]]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 60))
def test_a_lasso_hits_what_lies_in_its_polygon(seed, corners):
    rng = np.random.default_rng(seed)
    places = rng.uniform(-1, 1, (3000, 2)).astype(np.float32)
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    polygon = np.stack([np.cos(angle), np.sin(angle)], axis=1) * rng.uniform(0.2, 0.9, (corners, 1))
    hit = np.zeros(len(places), bool)
    hit[inside(places, polygon)] = True
    wrong = places[hit != points_in_poly(places, polygon)]
    cell = np.ptp(polygon, axis=0).max() / 1023
    assert len(wrong) == 0 or distance_to_edges(wrong, polygon).max() < 2 * cell


def distance_to_edges(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    start, step = polygon, np.roll(polygon, -1, axis=0) - polygon
    away = points[:, None] - start
    along = np.clip((away * step).sum(-1) / np.maximum((step**2).sum(-1), 1e-12), 0, 1)
    return np.linalg.norm(away - along[..., None] * step, axis=-1).min(axis=1)


def test_a_lasso_that_is_no_area_hits_nothing(rng):
    places = rng.normal(size=(50, 2)).astype(np.float32)
    assert inside(places, np.zeros((2, 2))).tolist() == []
    assert inside(places[:0], np.eye(3, 2)).tolist() == []


def test_nearest_reaches_twelve_pixels():
    tree = cKDTree(np.array([[0, 0], [1, 0]], np.float32))
    assert nearest(tree, (0.11, 0), pixel=0.01) == 0
    assert nearest(tree, (0.95, 0.05), pixel=0.01) == 1
    assert nearest(tree, (0.13, 0), pixel=0.01) is None
    assert nearest(cKDTree(np.zeros((0, 2))), (0, 0), pixel=0.01) is None


rows = st.lists(st.integers(0, 30), unique=True)


@given(rows, rows)
def test_selections_replace_add_and_take(selection, hit):
    assert combine(selection, hit) == hit
    added = combine(selection, hit, add=True)
    assert added[: len(selection)] == selection
    assert set(added) == set(selection) | set(hit) and len(added) == len(set(added))
    assert combine(added, hit, take=True) == [row for row in selection if row not in hit]


def test_tails_are_the_longest_moves(rng):
    before = np.zeros((3000, 2), np.float32)
    after = np.zeros((3000, 2), np.float32)
    after[:2500, 0] = np.linspace(0.001, 0.9, 2500)
    found = tails(before, after)
    assert len(found) == LONGEST_TAILS
    assert found[0] == 2499
    assert set(found) <= set(np.flatnonzero(after[:, 0] > 0.02))


def test_names_stand_in_the_middle_of_their_points(rng):
    labels = np.array([2] * 50 + [0] * 30 + [-1] * 9)
    places = np.where(labels[:, None] == 2, 0.5, -0.5) + rng.normal(size=(89, 2)) * 0.01
    found, spots = middles(places, labels, 4)
    assert found.tolist() == [2, 0]
    assert spots == pytest.approx(np.array([[0.5, 0.5], [-0.5, -0.5]]), abs=0.02)


def test_names_do_not_cover_each_other(rng):
    spots, widths = rng.uniform(-1, 1, (200, 2)), rng.uniform(0.05, 0.2, 200)
    kept = apart(spots, widths, height=0.05)
    away = np.abs(spots[kept][:, None] - spots[kept])
    clear = (away[..., 0] > (widths[kept][:, None] + widths[kept]) / 2) | (away[..., 1] > 0.05)
    assert clear[~np.eye(len(kept), dtype=bool)].all()
    assert kept[0] == 0 and 20 < len(kept) < 200


def test_dots_get_smaller_but_stay_visible():
    sizes = [dot_size(n) for n in (0, 10, 1797, 20_000, 100_000, 10_000_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 9 and sizes[-1] == 2.5


def test_a_window_shrinks_to_whole_pixels_around_points():
    window = Window((-1, 1), (-0.5, 0.5), 400, 200)
    small = window.around(np.array([[0.1, 0.2], [0.3, 0.1]]))
    assert small.pixel == pytest.approx(window.pixel)
    assert small.x[0] <= 0.1 and small.x[1] >= 0.3 and small.y[0] <= 0.1 and small.y[1] >= 0.2
    assert small.width < 60 and small.height < 40
    outside = window.around(np.array([[5.0, 5.0]]))
    assert outside.width >= 1 and outside.height >= 1


def test_shading_puts_colors_where_points_are():
    red, blue = [1.0, 0, 0], [0, 0, 1.0]
    places = np.array([[-0.5, 0.5]] * 40 + [[0.5, -0.5]] * 4, np.float32)
    image = shade(places, np.array([red] * 40 + [blue] * 4, np.float32), Window(width=80, height=60))
    pixels = image.view(np.uint8).reshape(60, 80, 4)
    assert pixels[45, 20, 0] == 255 and pixels[45, 20, 2] == 0  # the first row is the lowest
    assert pixels[15, 60, 2] == 255 and pixels[15, 60, 0] == 0
    assert pixels[45, 20, 3] > pixels[15, 60, 3] > 80
    assert np.count_nonzero(pixels[..., 3]) < 200


# -- scales


def test_labels_have_their_colors_and_no_label_is_grey():
    scale = label_scale(3, ("#ff0000",), dark=False)
    assert scale.palette == ("#ff0000", *theme.categorical(3)[1:])
    expected = theme.rgb([scale.palette[0], scale.palette[2], scale.grey])
    assert scale.colors(np.array([0, 2, -1])) == pytest.approx(expected, abs=1e-6)


def test_a_metric_is_spread_without_its_outliers():
    values = np.append(np.linspace(10, 20, 1000), [1e6, np.nan])
    scale = metric_scale(values, dark=False)
    assert 10 < scale.low < 10.2 and 19.8 < scale.high < 21
    colors = scale.colors(np.array([-5.0, 15, 1e6, np.nan]))
    assert colors == pytest.approx(
        theme.rgb([scale.palette[0], scale.palette[len(scale.palette) // 2], scale.palette[-1], scale.grey]), abs=0.05
    )
    flat = metric_scale(np.full(4, 3.0), dark=True)
    assert flat.high > flat.low


# -- the view, without a browser


@pytest.fixture
def digits(rng) -> Map:
    labels = rng.integers(0, 10, 300)
    layout = (rng.normal(size=(10, 2)) * 4)[labels] + rng.normal(size=(300, 2)) * 0.2
    return Map(layout=layout.astype(np.float32), values=labels, names=tuple("0123456789"))


def drag(view: Map, polygon: np.ndarray, **held: bool) -> None:
    view._on_drag(SimpleNamespace(modifiers=held))
    geometry = {"type": "poly", "x": polygon[:, 0].tolist(), "y": polygon[:, 1].tolist()}
    view._on_region(SimpleNamespace(final=True, geometry=geometry))


def square(center: np.ndarray, half: float) -> np.ndarray:
    return center + half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])


def test_a_lasso_selects_adds_and_takes_away(digits):
    first, second = digits._places[0], digits._places[np.abs(digits._places - digits._places[0]).sum(1).argmax()]
    drag(digits, square(first, 0.05))
    near = list(digits.selection)
    assert 0 in near
    drag(digits, square(second, 0.05), shift=True)
    assert digits.selection[: len(near)] == near and len(digits.selection) > len(near)
    drag(digits, square(first, 0.05), alt=True)
    assert not set(digits.selection) & set(near) and digits.selection
    assert digits._count.object == f"{len(digits.selection)} of 300 selected"
    assert digits._figure.veil.visible


def test_a_box_selects(digits):
    x, y = digits._places[7].tolist()
    geometry = {"type": "rect", "x0": x - 0.01, "x1": x + 0.01, "y0": y - 0.01, "y1": y + 0.01}
    digits._on_region(SimpleNamespace(final=False, geometry=geometry))
    assert digits.selection == []
    digits._on_region(SimpleNamespace(final=True, geometry=geometry))
    assert 7 in digits.selection


def test_a_click_selects_one_and_beside_all_points_none(digits):
    x, y = digits._places[7].tolist()
    digits._on_tap(SimpleNamespace(x=x, y=y, modifiers=None))
    assert digits.selection == [7]
    digits._on_tap(SimpleNamespace(x=5.0, y=5.0, modifiers={"shift": True}))
    assert digits.selection == [7]
    digits._on_tap(SimpleNamespace(x=5.0, y=5.0, modifiers={}))
    assert digits.selection == []


def point(view: Map, kind: str, place=(0.0, 0.0)) -> None:
    view._figure.pointer.data = {"kind": [kind], "x": [place[0]], "y": [place[1]], "sx": [40], "sy": [50]}


def test_the_pointer_shows_a_card_with_picture_and_caption(digits):
    asked = []
    digits.thumbnails = lambda rows: asked.append(list(rows)) or ["data:image/png;base64,AAAA"]
    point(digits, "move", digits._places[3].tolist())
    assert asked == [[digits.hovered]]
    assert digits.hovered is not None and digits._figure.ring.data["x"].tolist() == [digits._places[digits.hovered, 0]]
    assert "data:image/png;base64,AAAA" in digits._card.object
    assert digits.caption(digits.hovered) in digits._card.object
    point(digits, "leave")
    assert digits.hovered is None and digits._card.object == ""


def test_escape_clears_the_selection(digits):
    digits.selection = [1, 2]
    point(digits, "escape")
    assert digits.selection == [] and not digits._figure.veil.visible


def test_a_selection_from_outside_is_drawn_and_strange_rows_are_passed_over(digits):
    digits.selection = [5, 299, 1_000, -1]
    assert digits._figure.chosen.dots.data["row"].tolist() == [5, 299]
    digits.layout = digits.layout + 0.01
    assert digits._figure.chosen.dots.data["x"].tolist() == digits._places[[5, 299], 0].tolist()


def test_the_same_points_keep_their_columns_so_that_they_travel(digits):
    rows = digits._figure.all.dots.data["row"]
    digits.layout = digits.layout[:, ::-1].copy()
    assert digits._figure.all.dots.data["row"] is rows
    assert digits._figure.all.dots.data["x"].tolist() == digits._places[:, 0].tolist()
    digits.param.update(layout=digits.layout[:-1], values=digits.values[:-1])
    assert len(digits._figure.all.dots.data["row"]) == 299


def test_values_that_do_not_fit_leave_points_grey(digits):
    digits.values = digits.values[:-1]
    assert set(digits._figure.all.dots.data["value"]) == {-1.0}
    digits.values = np.linspace(0, 1, 10)
    assert np.isnan(digits._figure.all.dots.data["value"]).all()


def test_a_metric_has_a_bar_and_no_names(digits):
    assert len(digits._figure.names.data["text"]) > 3
    digits.param.update(values=np.linspace(20, 30, 300), values_label="PSNR, dB")
    assert digits._figure.names.data["text"] == []
    assert digits._figure._bar in digits.figure.center and digits._figure._bar.title == "PSNR, dB"
    assert digits.caption(0) == "0 · 20 PSNR, dB"


def test_tails_show_where_points_were(digits):
    before = digits.layout
    after = before.copy()
    after[4] += 2
    digits.param.update(layout=after, moved_from=before)
    assert len(digits._figure.tails.data["x"]) == 1
    assert digits._figure.tails.data["x"][0] == digits._places[4, 0]
    digits.moved_from = None
    assert len(digits._figure.tails.data["x"]) == 0


def test_many_points_are_shaded_and_with_a_gpu_later(rng):
    n = MOST_DOTS_WITHOUT_GPU + 1
    view = Map(layout=rng.normal(size=(n, 2)).astype(np.float32), values=rng.integers(0, 200, n))
    layer = view._figure.all
    assert layer.has_image and len(layer.dots.data["x"]) == 0
    view.selection = list(range(0, n, 2))
    assert view._figure.chosen.has_image
    point(view, "gpu")
    assert not layer.has_image and len(layer.dots.data["x"]) == n <= MOST_DOTS
    view.layout = rng.normal(size=(MOST_DOTS + 1, 2)).astype(np.float32)
    assert layer.has_image


def test_dark_and_words(digits):
    digits.param.update(dark=True, busy="computing <UMAP>")
    assert digits._figure.veil.glyph.fill_color == theme.DARK.page
    assert "computing &lt;UMAP&gt;" in digits._state.object
    digits.param.update(busy="", layout=np.zeros((0, 2), np.float32), empty="nothing here")
    assert "nothing here" in digits._state.object and digits._count.object == ""


def test_a_layout_that_is_none_is_refused():
    with pytest.raises(InvalidInput, match=r"Got a layout of shape \(3, 3\)"):
        Map(layout=np.zeros((3, 3)))
    with pytest.raises(InvalidInput, match="expected finite places"):
        Map(layout=np.full((3, 2), np.nan))
