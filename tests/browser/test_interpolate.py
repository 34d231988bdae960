"""A visit to the Interpolate page, in a real browser."""

import re
import time

import pytest
from driving import Served, opened, wait_for_map
from playwright.sync_api import Browser, Locator, Page, expect

START = "?p=Interpolate&map=pca&i=3.7"


@pytest.fixture
def page(browser: Browser, dashboard: Served):
    page = opened(browser, dashboard.url + START)
    wait_for_map(page)
    expect(stop(page, 9, 9)).to_be_visible()
    expect(page.get_by_alt_text("linear", exact=True)).to_be_visible()
    yield page
    page.context.close()


def stop(page: Page, number: int, of: int) -> Locator:
    """A picture along the first walk."""
    return page.get_by_alt_text(re.compile(f"linear, stop {number} of {of}")).first


def picture(page: Page, title: str) -> str:
    return page.get_by_alt_text(title, exact=True).get_attribute("src") or ""


def changed(page: Page, title: str, before: str) -> str:
    """The picture, once it is another one."""
    page.wait_for_function("([title, before]) => deep(`img[alt='${title}']`)?.src !== before", arg=[title, before])
    return picture(page, title)


def rings(page: Page) -> list[float]:
    """Where t stands on the paths on the map."""
    return page.evaluate(
        "models().filter(m => m.type === 'ColumnDataSource' && m.data.x && Object.keys(m.data).length === 2)"
        ".map(m => [...m.data.x, ...m.data.y]).flat()"
    )


def test_sliding_t_moves_the_live_pictures_and_the_ring_on_the_map(page: Page):
    slider = page.get_by_role("slider", name="t", exact=True)
    middle, before = picture(page, "linear"), rings(page)
    slider.press("Home")
    start = changed(page, "linear", middle)
    assert stop(page, 1, 9).get_attribute("class") == "here"
    slider.press("End")
    end = changed(page, "linear", start)
    assert len({start, middle, end}) == 3
    page.wait_for_function("location.search.includes('t=1')")
    assert rings(page) != before
    for method in ("aligned", "slerp"):
        expect(page.get_by_alt_text(method, exact=True)).to_be_visible()


def test_space_plays_and_stops(page: Page):
    before = picture(page, "linear")
    page.mouse.click(700, 90)
    page.keyboard.press(" ")
    changed(page, "linear", before)
    expect(page.get_by_role("button", name="stop", exact=True)).to_be_visible()
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="play", exact=True)).to_be_visible()


def test_the_barrier_curve_says_in_words_how_far_it_leads(page: Page):
    curve = page.get_by_role("img", name=re.compile("distance to the nearest signal along the walk"))
    expect(curve).to_have_attribute("aria-label", re.compile(r"linear: at most \d+\.\d\d"))


def test_signals_are_added_by_name_and_left_out_by_a_click(page: Page):
    search = page.get_by_label("add a signal by id or label")
    search.fill("5")
    search.press("Enter")
    page.wait_for_function("location.search.includes('i=3.7.5')")
    expect(page.get_by_text("5 · “5”", exact=True).first).to_be_attached()
    search.fill("no such signal")
    search.press("Enter")
    expect(page.get_by_text("expected the id or label")).to_be_visible()
    page.get_by_title(re.compile("^7 · “7” click to leave it out")).click()
    page.wait_for_function("location.search.includes('i=3.5')")


def corner_of_map(page: Page) -> tuple[float, float]:
    box = page.locator(".bk-Figure").first.bounding_box()
    assert box is not None
    return box["x"] + 0.16 * box["width"], box["y"] + 0.12 * box["height"]


def test_an_empty_place_of_the_map_says_what_would_live_there(page: Page):
    expect(page.get_by_role("img", name=re.compile("distance to the nearest signal"))).to_be_visible()
    page.wait_for_timeout(1000)  # until the strips have pushed the map to its place
    page.mouse.click(*corner_of_map(page))
    expect(page.get_by_alt_text("would live here")).to_be_visible()
    expect(page.get_by_text(re.compile("the typical distance between neighbours"))).to_be_visible()


def test_an_address_opens_the_same_walk_elsewhere(page: Page, browser: Browser):
    page.get_by_role("slider", name="t", exact=True).press("Home")
    page.wait_for_function("location.search.includes('t=0')")
    page.mouse.click(700, 90)
    page.keyboard.press("+")
    expect(stop(page, 11, 11)).to_be_visible()
    page.wait_for_function("location.search.includes('st=11')")
    expect(stop(page, 1, 11)).to_have_class("here")
    other = opened(browser, page.url)
    wait_for_map(other)
    expect(stop(other, 11, 11)).to_be_visible()
    # What was asked for last comes last: the pictures are compared once both pages have it.
    deadline = time.monotonic() + 90
    while picture(other, "linear") != picture(page, "linear"):
        assert time.monotonic() < deadline
        page.wait_for_timeout(200)
    other.context.close()
