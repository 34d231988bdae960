"""The pages on photographs, as clouds that ship, and on curves: pixels and lines follow the hand, and the address."""

import re
import time

import pytest
from driving import Served, opened, shipped
from playwright.sync_api import Browser, Page, expect

PHOTOGRAPHS, CURVES = "&map=pca&s=photographs&i=1.0", "&map=pca&s=curves&i=3.7"

LINES = (
    """() => models().filter((m) => m.type === "ColumnDataSource" && m.data?.x?.length > 100 && !m.data.row).length"""
)


def source(page: Page, title: str) -> str:
    return page.get_by_alt_text(title, exact=True).get_attribute("src") or ""


def changed(page: Page, title: str, before: str) -> str:
    page.wait_for_function("([title, before]) => deep(`img[alt='${title}']`)?.src !== before", arg=[title, before])
    return source(page, title)


@pytest.mark.slow
@pytest.mark.parametrize(("where", "method"), [(PHOTOGRAPHS, "aligned"), (CURVES, "linear")], ids=["photo", "series"])
def test_walks_follow_t_and_open_again_elsewhere(browser: Browser, dashboard: Served, where: str, method: str):
    page = opened(browser, f"{dashboard.url}?p=Interpolate{where}&sz=64&la=0")
    expect(page.get_by_alt_text(method, exact=True)).to_be_visible(timeout=120_000)
    slider, middle = page.get_by_role("slider", name="t", exact=True), source(page, method)
    slider.press("Home")
    start = changed(page, method, middle)
    slider.press("End")
    end = changed(page, method, start)
    assert len({start, middle, end}) == 3
    page.wait_for_function("location.search.includes('t=1')")
    other = opened(browser, page.url)
    expect(other.get_by_alt_text(method, exact=True)).to_be_visible(timeout=120_000)
    deadline = time.monotonic() + 90
    while source(other, method) != source(page, method):  # each may show a draft first
        assert time.monotonic() < deadline, "the other page shows another picture"
        page.wait_for_timeout(100)
    other.context.close()
    page.context.close()


@pytest.mark.slow
def test_a_photograph_is_pushed_undone_and_looked_at_as_a_point(browser: Browser, dashboard: Served):
    page = opened(browser, f"{dashboard.url}?p=Edit{PHOTOGRAPHS}&br=0.5&sz=64")
    expect(page.get_by_text(re.compile("819 anchors"))).to_be_visible(timeout=120_000)
    expect(page.get_by_text(re.compile("× the usual distance to a"))).to_be_visible()
    start = source(page, "after")
    box = page.locator(".canvas canvas").last.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 50, y + 20, steps=8)
    page.wait_for_function("Number(deep('.canvas').dataset.drawn) === Number(deep('.canvas').dataset.sent)")
    page.mouse.up()
    pushed = changed(page, "after", start)
    expect(page.get_by_text(re.compile(r"moved 0\.\d+|moved [1-9]"))).to_be_visible()
    page.keyboard.press("u")
    assert changed(page, "after", pushed) == start
    page.context.close()


@pytest.mark.slow
def test_photographs_and_curves_are_compared(browser: Browser, dashboard: Served):
    page = opened(browser, f"{dashboard.url}?p=Compare{PHOTOGRAPHS}")
    expect(page.get_by_alt_text(re.compile("^photographs arc pictures 0 of cat"))).to_be_visible(timeout=120_000)
    expect(page.get_by_text(re.compile(r"^±0\.25, rms 0\.\d+")).first).to_be_visible()
    expect(page.get_by_role("cell", name="photographs arc pictures 0")).to_be_visible()
    page.context.close()
    page = opened(browser, f"{dashboard.url}?p=Compare{CURVES}")
    expect(page.get_by_role("cell", name="curves hypernetwork 0")).to_be_visible(timeout=120_000)
    page.wait_for_function(f"({LINES})() > 1")
    page.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["arc", "siren", "oinr"])
def test_a_finished_fit_is_scrubbed(browser: Browser, dashboard: Served, method: str):
    checkpoint = shipped(f"digits200 {method} compact 0")
    page = opened(browser, f"{dashboard.url}?p=Train&map=pca&s=digits200&c={checkpoint}&i=3")
    page.get_by_role("button", name=re.compile("^replay the fit of 3")).click(timeout=120_000)
    slider = page.get_by_role("slider", name="moment of the fit")
    expect(slider).to_be_visible(timeout=120_000)
    picture = page.get_by_alt_text(re.compile("^the render after step"))
    last, said = picture.get_attribute("src"), slider.get_attribute("aria-valuetext")
    ring = "() => deep('.scrub svg:last-of-type .path').parentElement.querySelector('.here').getAttribute('cx')"
    end = page.evaluate(ring)
    slider.press("Home")
    expect(picture).to_have_attribute("alt", "the render after step 1")
    assert picture.get_attribute("src") != last and slider.get_attribute("aria-valuetext") != said
    assert page.evaluate(ring) != end
    page.context.close()
