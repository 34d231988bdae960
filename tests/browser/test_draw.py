"""Drawing on the Explore page, in a real browser."""

import re

from driving import Served, opened, wait_for_map
from playwright.sync_api import Browser, expect


def test_what_is_drawn_finds_its_place_while_the_others_stay(browser: Browser, dashboard: Served):
    page = opened(browser, dashboard.url + "?map=pca")
    wait_for_map(page)
    expect(page.get_by_alt_text("render")).to_be_visible()
    page.get_by_role("button", name="draw", exact=True).first.click()
    canvas = page.get_by_role("img", name="canvas: draw a picture")
    expect(canvas).to_be_visible()
    page.wait_for_timeout(1000)  # until the map has made room
    places = page.evaluate("[...dots().data.x]")
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.15 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.85 * box["height"], steps=6)
    page.mouse.up()
    expect(page.get_by_alt_text("its render")).to_be_visible()
    expect(page.get_by_text(re.compile("^cluster .*nearest"))).to_be_visible()
    assert page.evaluate("[...dots().data.x]") == places
    page.get_by_role("button", name="rub out").click()
    expect(page.get_by_alt_text("its render")).to_have_count(0)
    erase = page.get_by_role("img", name="canvas: rub out samples of the signal")
    erase.click(position={"x": 60, "y": 60})
    expect(page.get_by_text(re.compile(r"^\d+ samples$"))).to_be_visible()
    page.context.close()
