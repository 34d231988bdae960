"""A visit to the Compare page, in a real browser."""

import re

import pytest
from driving import Served, opened
from playwright.sync_api import Browser, Page, expect

START = "?p=Compare&r=4&i=3.7"


@pytest.fixture
def page(browser: Browser, dashboard: Served):
    page = opened(browser, dashboard.url + START)
    expect(page.get_by_alt_text(re.compile("^cubic of 3"))).to_be_visible(timeout=120_000)
    yield page
    page.context.close()


def test_a_comparison_is_looked_at_closely_and_opened_again_elsewhere(page: Page, browser: Browser):
    expect(page.get_by_text("truth", exact=True).first).to_be_visible()
    expect(page.get_by_role("cell", name="cubic")).to_be_visible(timeout=120_000)
    expect(page.get_by_text(re.compile("^±0.25, rms")).first).to_be_visible()

    tiles = page.get_by_label(re.compile("pictures side by side"))
    frame = page.get_by_alt_text(re.compile("^truth of 3"))
    before = frame.bounding_box()
    tiles.press("+")
    tiles.press("+")
    assert before is not None
    grown = "(width) => deep(`img[alt^='truth of 3']`).clientWidth > 1.5 * width"
    page.wait_for_function(grown, arg=before["width"])
    fine = "() => [...deep(`img[alt^='cubic of 3']`).parentElement.children][1].src.startsWith('data:image/png')"
    page.wait_for_function(fine)
    tiles.press("0")

    page.get_by_role("switch", name=re.compile("^loupe")).check()
    page.wait_for_function("deep('.frame.loupe') !== null")
    box = page.get_by_alt_text(re.compile("^cubic of 3")).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.move(box["x"] + 64, box["y"] + 64)
    page.wait_for_function("deep('.lens')?.src.startsWith('data:image/png')")

    page.mouse.click(700, 870)  # out of the switch, which takes keys as typing
    page.keyboard.press("e")
    expect(page.get_by_text(re.compile("^±0.25, rms"))).to_have_count(0)
    page.wait_for_function("location.search.includes('lo=1')")
    other = opened(browser, page.url)
    expect(other.get_by_alt_text(re.compile("^cubic of 7"))).to_be_visible(timeout=120_000)
    expect(other.get_by_role("switch", name=re.compile("^loupe"))).to_be_checked()
    other.context.close()


def test_two_maps_share_a_selection_and_say_how_far_they_agree(browser: Browser, dashboard: Served):
    page = opened(browser, dashboard.url + START + "&w=maps")
    expect(page.get_by_text(re.compile("nearest neighbours in common"))).to_be_visible(timeout=120_000)
    expect(page.get_by_text("2 of 1,797 selected")).to_have_count(2)
    page.context.close()
