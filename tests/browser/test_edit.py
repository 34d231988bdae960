"""Editing a cloud as a person does: drag, flip, undo, cut, keep."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from driving import Served, opened, served
from playwright.sync_api import Browser, Page, expect


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A dashboard over 20 digits as clouds."""
    from explorer.local import LocalEngine
    from explorer.readers import load

    home: Path = tmp_path_factory.mktemp("clouds")
    with LocalEngine(home, device="cpu") as engine:
        digits = load("digits200")[::10]
        engine.put_signals(digits)
        engine.rename(digits.id, "twenty")
        checkpoint = engine.train("arc", digits, split="all", train_steps=100, steps=30)
        engine.submit(engine.encode(checkpoint, digits).recipe).until_done()
    with served(home) as dashboard:
        yield dashboard


@pytest.fixture
def page(browser: Browser, clouds: Served) -> Iterator[Page]:
    page = opened(browser, clouds.url + "?p=Edit&s=twenty&i=3")
    expect(page.get_by_text(re.compile("16 anchors"))).to_be_visible(timeout=120_000)
    yield page
    page.close()


def after(page: Page) -> str:
    """The picture of the edited cloud."""
    return page.get_by_alt_text("after").get_attribute("src") or ""


def changed(page: Page, before: str) -> str:
    page.wait_for_function("(before) => deep('img[alt=after]').src !== before", arg=before)
    return after(page)


def drag(page: Page, by: tuple[int, int]) -> None:
    """Push the anchor next to the middle of the canvas, with the widest brush."""
    box = page.locator(".canvas canvas").last.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0], y + by[1], steps=8)
    page.wait_for_function("Number(deep('.canvas').dataset.drawn) > 0")  # pixels followed the hand before its release
    page.mouse.up()


def test_a_push_changes_pixels_and_undo_brings_the_same_ones_back(browser: Browser, clouds: Served):
    page = opened(browser, clouds.url + "?p=Edit&s=twenty&i=3&br=1.0")
    expect(page.get_by_text(re.compile("16 anchors"))).to_be_visible(timeout=120_000)
    start = after(page)
    drag(page, (60, 30))
    pushed = changed(page, start)
    expect(page.get_by_text(re.compile("push by"))).to_be_visible()
    page.keyboard.press("u")
    assert changed(page, pushed) == start
    page.keyboard.press("U")
    assert changed(page, start) == pushed
    page.close()


def test_buttons_edit_and_the_list_walks_back(page: Page):
    start = after(page)
    page.get_by_role("button", name="mirror left and right").click()
    flipped = changed(page, start)
    page.get_by_role("button", name="both clouds in one").click()
    changed(page, flipped)
    expect(page.get_by_text(re.compile("32 anchors"))).to_be_visible()
    page.get_by_text("as it was encoded").click()
    page.wait_for_function("(start) => deep('img[alt=after]').src === start", arg=start)
    page.get_by_role("button", name="mirror up and down").click()  # what was undone remains, as a branch
    changed(page, start)
    page.get_by_text("flip axis 1 (undone)").click()
    page.wait_for_function("(flipped) => deep('img[alt=after]').src === flipped", arg=flipped)


def test_without_a_region_nothing_is_cut_and_the_page_says_why(page: Page):
    start = after(page)
    page.get_by_role("button", name="drop anchors outside the lasso").click()
    expect(page.get_by_text("Draw it with the lasso")).to_be_visible()
    assert after(page) == start


def test_an_edited_cloud_is_kept_as_a_signal(page: Page):
    page.get_by_role("button", name="turn against the clock").click()
    expect(page.get_by_text("rotate by 90°")).to_be_visible()
    page.get_by_role("button", name="keep as a signal").click()
    expect(page.get_by_text(re.compile("kept as the signal set"))).to_be_visible()


def test_codes_without_anchors_are_told_what_to_choose(browser: Browser, dashboard: Served):
    page = opened(browser, dashboard.url + "?p=Edit")
    expect(page.get_by_text(re.compile("choose the representation arc"))).to_be_visible(timeout=120_000)
    page.close()
