"""A visit to the Explore page, in a real browser, against the model server that the dashboard starts."""

import os
import re
import signal
import time
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import pytest
from driving import Served, children, opened, wait_for_map
from playwright.sync_api import Browser, Page, expect

# UMAP compiles for many seconds in a fresh process; the journey is about the page.
START = "?map=pca"


@pytest.fixture
def page(browser: Browser, dashboard: Served):
    page = opened(browser, dashboard.url + START)
    wait_for_map(page)
    expect(page.get_by_alt_text("render")).to_be_visible()
    yield page
    page.context.close()


def picture(page: Page, title: str) -> str:
    return page.get_by_alt_text(title, exact=True).get_attribute("src") or ""


def clusters(page: Page) -> list[float]:
    return page.evaluate("[...dots().data.value]")


def places(page: Page) -> list[float]:
    """Where the points stand, once they have come to rest."""
    before = None
    while (now := page.evaluate("[...dots().data.x]")) != before:
        before = now
        page.wait_for_timeout(200)
    return now


def wait_until(page: Page, true: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "it did not come in time"
        page.wait_for_timeout(100)


def stop(page: Page) -> str:
    return page.get_by_role("slider", name="resolution").get_attribute("aria-valuetext") or ""


def query(page: Page) -> str:
    return urlsplit(page.url).query


def test_moving_the_resolution_moves_the_picture_the_map_and_the_scores(page: Page):
    slider = page.get_by_role("slider", name="resolution")
    scores = page.get_by_text(re.compile("^AMI"))
    expect(scores).to_contain_text(re.compile(r"AMI 0\.\d+ raw 0\.\d+"))
    seen = picture(page, "observed"), picture(page, "render"), places(page), clusters(page), scores.text_content()
    slider.press("Home")
    expect(page.get_by_text("observed at 4×4")).to_be_visible()
    expect(page.get_by_text("4×4, seen in training")).to_be_visible()
    expect(scores).not_to_have_text(seen[-1] or "")
    expect(scores).to_contain_text(re.compile(r"AMI 0\.\d+ raw 0\.\d+"))
    now = picture(page, "observed"), picture(page, "render"), places(page), clusters(page), scores.text_content()
    assert all(before != after for before, after in zip(seen, now, strict=True))


def test_the_slider_follows_hand_and_keys(page: Page):
    slider = page.get_by_role("slider", name="resolution")
    slider.hover()  # waits until it stands still
    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 2, box["y"] + 20)
    page.mouse.down()
    expect(page.get_by_text("observed at 4×4")).to_be_visible()
    page.mouse.move(box["x"] + box["width"], box["y"] + 20, steps=12)
    expect(page.get_by_text("observed at 48×48")).to_be_visible()
    page.mouse.up()
    page.mouse.click(700, 870)
    page.keyboard.press("[")
    expect(page.get_by_text("observed at 32×32")).to_be_visible()
    assert stop(page) == "32×32"


def test_a_selection_is_one_everywhere_and_stands_in_the_address(page: Page):
    page.get_by_title(re.compile("distance")).first.click()
    expect(page.get_by_text(re.compile("1 of 1,797 selected"))).to_be_visible()
    page.wait_for_function("/[?&]i=\\d/.test(location.search)")
    row = re.search(r"i=(\d+)", query(page))
    assert row is not None
    expect(
        page.locator("b", has_text=re.compile(f"^{row[1]} · “"))
    ).to_be_visible()  # not in the list it was taken from
    page.mouse.click(700, 870)
    page.keyboard.press("Escape")
    expect(page.get_by_text(re.compile("selected"))).to_have_count(0)
    page.wait_for_function("!location.search.includes('i=')")


def test_an_address_opens_the_same_view_elsewhere(page: Page, browser: Browser):
    page.get_by_role("slider", name="resolution").press("End")
    page.keyboard.press("ArrowRight")  # stays with the slider, which has the focus and is at its end
    page.get_by_role("button", name="the signal after").click()
    page.get_by_label("uneven samples").check()
    page.wait_for_function("location.search.includes('r=48') && location.search.includes('u=1')")
    page.wait_for_function("location.search.includes('i=1')")
    expect(page.get_by_text(re.compile(r"^\d+ points$"))).to_be_visible()
    other = opened(browser, page.url)
    wait_for_map(other)
    expect(other.get_by_text(re.compile(r"^\d+ points$"))).to_be_visible(timeout=120_000)  # behind all that page asked
    assert stop(other) == "48×48"
    # What was asked for last comes last: the pages are compared once both have it.
    wait_until(page, lambda: picture(other, "render") == picture(page, "render"))
    wait_until(page, lambda: clusters(other) == clusters(page))
    other.context.close()


def test_the_view_is_copied_as_a_program(browser: Browser, dashboard: Served):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(dashboard.url + START)
    page.get_by_role("button", name="copy as Python").click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.includes('engine.encode'))")
    context.close()


def test_keys_are_listed_and_dark_is_dark(page: Page):
    page.mouse.click(700, 870)
    page.keyboard.press("?")
    expect(page.get_by_text("error map on and off")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Toggle theme").click()
    page.wait_for_function("location.search.includes('d=1')")


def test_a_model_server_that_dies_is_started_again_and_nothing_is_lost(page: Page, dashboard: Served):
    (server,) = children(dashboard.process.pid)
    os.kill(server, signal.SIGKILL)
    before = picture(page, "render")
    page.get_by_role("button", name="the signal after").click()
    page.wait_for_function("(before) => deep('img[alt=render]').src !== before", arg=before, timeout=120_000)
    (fresh,) = children(dashboard.process.pid)
    assert fresh != server
    wait_for_map(page)


def test_no_request_leaves_this_machine(browser: Browser, dashboard: Served):
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.goto(dashboard.url + START)
    expect(page.get_by_alt_text("render")).to_be_visible(timeout=120_000)
    page.get_by_role("slider", name="resolution").press("ArrowRight")
    page.wait_for_timeout(1000)
    assert {urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))} == {"localhost"}
    page.context.close()


def test_what_an_address_names_is_words_and_never_markup(browser: Browser, dashboard: Served):
    hostile = urlencode({"s": "<img src=x onerror='window.hit = 1'> [a](//b)"})
    page = opened(browser, f"{dashboard.url}?{hostile}")
    expect(page.get_by_text('Got the name "<img src=x onerror=')).to_be_visible()
    assert page.evaluate("[window.hit ?? 0, deep('img[src=x]'), deep('a[href*=\"//b\"]')]") == [0, None, None]
    page.context.close()


def test_two_visitors_see_nothing_of_each_other(page: Page, browser: Browser, dashboard: Served):
    other = opened(browser, dashboard.url + START)
    wait_for_map(other)
    other.get_by_role("slider", name="resolution").press("Home")
    other.get_by_role("button", name="the signal after").click()
    expect(other.get_by_text("observed at 4×4")).to_be_visible()
    assert stop(page) == "8×8" and "i=" not in query(page)
    other.context.close()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768)])
def test_nothing_is_cut_off(browser: Browser, dashboard: Served, width: int, height: int):
    page = opened(browser, dashboard.url + START, width, height)
    wait_for_map(page)
    expect(page.get_by_text("observed at 8×8")).to_be_in_viewport()
    if width < 1200:
        expect(page.get_by_alt_text("render")).not_to_be_visible()
        page.get_by_role("button", name="Open contextbar").click()
    for element in (page.get_by_alt_text("error"), page.get_by_role("button", name="copy as Python")):
        expect(element).to_be_in_viewport()
    sideways = page.evaluate("document.scrollingElement.scrollWidth > innerWidth")
    assert not sideways
    page.context.close()
