"""The map alone in headless Chromium, with random layouts."""

import base64
import io
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import panel as pn
import pytest
from PIL import Image

from explorer.dashboard.views.map import Map

sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking".split()
SIZE = {"width": 900, "height": 600}
COUNTS = {"few": 600, "many": 30_000}

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium")

FIND = """() => {
  if (window.plot) return true
  const view = [...(window.Bokeh?.index?.all_views() ?? [])].find((view) => view.model.type === "Figure")
  if (view?.frame == null || view.model.inner_width == null) return false
  const layers = view.model.renderers
  const source = (level, type) => layers.find((r) => r.level === level && r.glyph.type === type).data_source
  Object.assign(window, { plot: view, dots: source("underlay", "Scatter"), chosen: source("overlay", "Scatter"),
                          shaded: source("underlay", "ImageRGBA") })
  return true
}"""
SCREEN = """([x, y]) => {
  const box = plot.el.getBoundingClientRect()
  return [box.x + plot.frame.x_scale.compute(x), box.y + plot.frame.y_scale.compute(y)]
}"""


PAINTED = """() => {
  window.painted = [] // how many rows were highlighted, whenever that changed
  const look = () => {
    const rows = Number(plot.canvas_view.events_el.getRootNode().querySelector("canvas.highlight")?.dataset.rows ?? 0)
    if (rows !== (painted.at(-1) ?? 0)) painted.push(rows)
    requestAnimationFrame(look)
  }
  look()
}"""


def picture(rows: list[int]) -> list[str]:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), 128, np.uint8)).save(file, "PNG")
    return ["data:image/png;base64," + base64.b64encode(file.getvalue()).decode() for _ in rows]


@pytest.fixture(scope="module")
def visits() -> list[Map]:
    """The maps of all visits, the last one last."""
    return []


@pytest.fixture(scope="module")
def url(visits: list[Map]) -> Iterator[str]:
    def app(n: int) -> pn.Column:
        rng = np.random.default_rng(n)
        labels = rng.integers(0, 5, n)
        layout = (rng.uniform(-4, 4, (5, 2))[labels] + rng.normal(size=(n, 2)) * 0.3).astype(np.float32)
        visits.append(Map(layout=layout, values=labels, names=tuple("abcde"), thumbnails=picture))
        return pn.Column(visits[-1], sizing_mode="stretch_width", height=560)

    apps = {name: lambda n=n: app(n) for name, n in COUNTS.items()}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = pn.serve(apps, port=port, address="127.0.0.1", show=False, threaded=True)
    wait_for(port)
    yield f"http://127.0.0.1:{port}"
    server.stop()


def wait_for(port: int, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


class Visit:
    """A page with a map, and what Python knows of it."""

    def __init__(self, browser, url: str, path: str, visits: list[Map], **options):
        self.page = browser.new_page(viewport=SIZE, **options)
        self.page.set_default_timeout(90_000)
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("request", lambda request: self._check(request.url))
        self.page.goto(f"{url}/{path}")
        self.page.wait_for_function(FIND)
        self.map = visits[-1]
        self.until(lambda: self.map._tree is not None and len(self.map._pixels) == 2)

    def _check(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")):
            self.complaints.append(f"a request left the machine: {url}")

    def until(self, true, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, "it did not happen in time"
            self.page.wait_for_timeout(20)

    def set(self, **values) -> None:
        """Sets parameters as a callback of the visit would."""
        self.map.figure.document.add_next_tick_callback(lambda: self.map.param.update(**values))

    def screen(self, place: np.ndarray) -> tuple[float, float]:
        return tuple(self.page.evaluate(SCREEN, [float(place[0]), float(place[1])]))

    def lasso(self, places: np.ndarray, key: str | None = None) -> None:
        x, y = self.screen(places[0])
        self.page.mouse.move(x, y)
        if key:
            self.page.keyboard.down(key)
        self.page.mouse.down()
        for place in [*places[1:], places[0]]:
            x, y = self.screen(place)
            self.page.mouse.move(x, y, steps=4)
        self.page.mouse.up()
        if key:
            self.page.keyboard.up(key)

    def close(self) -> None:
        self.page.close()
        assert self.complaints == []


@pytest.fixture
def visit(browser, url, visits):
    visit = Visit(browser, url, "few", visits)
    yield visit
    visit.close()


def around(places: np.ndarray, margin: float = 0.02) -> np.ndarray:
    (x0, y0), (x1, y1) = places.min(axis=0) - margin, places.max(axis=0) + margin
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def inside_box(places: np.ndarray, box: np.ndarray) -> set[int]:
    return set(np.flatnonzero(((places > box[0]) & (places < box[2])).all(axis=1)).tolist())


def test_a_lasso_adds_with_shift_takes_with_alt_and_escape_clears(visit):
    places, values = visit.map._places, visit.map.values
    first = around(np.array([np.median(places[values == 0], axis=0)]), 0.06)
    second = around(np.array([np.median(places[values == 1], axis=0)]), 0.06)
    a, b = inside_box(places, first), inside_box(places, second)
    visit.lasso(first)
    visit.until(lambda: len(set(visit.map.selection) ^ a) <= 2)  # a point on the line may fall to either side
    visit.lasso(second, "Shift")
    visit.until(lambda: len(set(visit.map.selection) ^ (a | b)) <= 4)
    visit.page.wait_for_function("n => chosen.data.row.length === n", arg=len(visit.map.selection))
    visit.lasso(first, "Alt")
    visit.until(lambda: len(set(visit.map.selection) ^ (b - a)) <= 4)
    visit.page.keyboard.press("Escape")
    visit.until(lambda: visit.map.selection == [])
    visit.page.wait_for_function("chosen.data.row.length === 0")


@pytest.mark.parametrize("path", COUNTS)
def test_the_browser_answers_a_lasso_by_itself_and_takes_that_back(browser, url, visits, path):
    visit = Visit(browser, url, path, visits)
    visit.page.evaluate(PAINTED)
    places = visit.map._places
    box = around(np.array([np.median(places[visit.map.values == 0], axis=0)]), 0.1)
    hit = len(inside_box(places, box))
    visit.lasso(box)
    visit.until(lambda: visit.page.evaluate("painted.length") > 0)
    assert visit.page.evaluate("painted[0]") == pytest.approx(hit, rel=0.1)
    visit.until(lambda: len(visit.map.selection) == pytest.approx(hit, rel=0.1))
    visit.page.wait_for_function("painted.length === 2")
    assert visit.page.evaluate("painted[1]") == 0
    visit.close()


def test_a_click_selects_the_nearest_point(visit):
    row = int(visit.map._places[:, 0].argmax())
    x, y = visit.screen(visit.map._places[row])
    visit.page.mouse.click(x + 2, y + 1)
    visit.until(lambda: len(visit.map.selection) == 1)
    assert np.linalg.norm(visit.map._places[visit.map.selection[0]] - visit.map._places[row]) < 0.05


def test_the_pointer_brings_a_card_and_takes_it_away(visit):
    row = int(visit.map._places[:, 0].argmax())
    # On its way the pointer may meet others, whose cards stand until this one's picture is there; and the map may still
    # settle into its frame, so that the point is no longer where it was: then the hand follows it.
    card = visit.page.locator(".card", has_text=visit.map.caption(row))

    def there() -> bool:
        visit.page.mouse.move(*visit.screen(visit.map._places[row]), steps=3)
        visit.page.wait_for_timeout(1000)
        return card.is_visible() and visit.map.hovered == row

    visit.until(there)
    assert card.locator("img").evaluate("async (img) => (await img.decode(), img.naturalWidth)") == 8
    box = card.bounding_box()
    assert 0 <= box["x"] and box["x"] + box["width"] <= SIZE["width"] and 0 <= box["y"]
    visit.page.mouse.move(2, SIZE["height"] - 2)
    visit.until(lambda: visit.map.hovered is None)
    card.wait_for(state="detached")


WATCH = """() => {
  window.path = []
  dots.change.connect(() => path.push(dots.data.x[0]))
}"""


def test_points_travel_to_a_new_layout_and_can_be_turned_round(visit):
    start, layout = visit.map._places[0, 0], visit.map.layout
    visit.page.evaluate(WATCH)
    visit.set(layout=-layout)
    visit.page.wait_for_function("path.length > 1")
    end = visit.map._places[0, 0]
    visit.page.wait_for_function("end => path.at(-1) === end", arg=float(end))
    path = visit.page.evaluate("path")
    between = [x for x in path if min(start, end) < x < max(start, end)]
    assert len(between) >= 1, "points jumped"
    visit.set(layout=layout)
    visit.page.wait_for_timeout(150)
    visit.set(layout=-layout)
    visit.page.wait_for_function("end => path.at(-1) === end", arg=float(end))
    visit.page.wait_for_timeout(700)
    x, y = visit.page.evaluate("[[...dots.data.x], [...dots.data.y]]")
    assert np.array_equal(np.array([x, y], np.float32).T, visit.map._places)


def test_points_jump_where_motion_is_not_wanted(browser, url, visits):
    visit = Visit(browser, url, "few", visits, reduced_motion="reduce")
    visit.page.evaluate(WATCH)
    visit.set(layout=-visit.map.layout)
    visit.page.wait_for_timeout(800)
    end = float(visit.map._places[0, 0])
    assert visit.page.evaluate("dots.data.x[0]") == end
    assert set(visit.page.evaluate("path")) <= {end}
    visit.close()


def test_many_points_are_a_picture_and_a_lasso_finds_them(browser, url, visits):
    visit = Visit(browser, url, "many", visits)
    visit.page.wait_for_function("shaded.data.image.length === 1 && dots.data.x.length === 0", timeout=120_000)
    places, values = visit.map._places, visit.map.values
    box = around(np.array([np.median(places[values == 2], axis=0)]), 0.05)
    expected = inside_box(places, box)
    visit.lasso(box)
    visit.until(lambda: visit.map.selection and len(set(visit.map.selection) ^ expected) < 0.03 * len(expected))
    visit.close()
