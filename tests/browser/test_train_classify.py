"""A training from its form to a pause, and a classification down to the signals behind a cell, as a person does it."""

import re
from urllib.parse import urlsplit

from driving import Served, opened
from playwright.sync_api import Browser, expect

LONG = '{"min_steps":200000,"max_steps":200000,"width":8,"point_width":16}'


def test_a_training_is_started_watched_paused_and_cancelled(browser: Browser, dashboard: Served):
    page = opened(browser, dashboard.url + "?map=pca&p=Train&s=digits200&tm=hypernetwork&ts=all&tc=" + LONG)
    start = page.get_by_role("button", name="start", exact=True)
    width = page.get_by_label("width", exact=True).first
    expect(width).to_have_value("8")  # the form came with the address
    width.fill("0")
    width.press("Enter")
    expect(page.get_by_text("Got width 0; expected 1 to 4096.")).to_be_visible()
    expect(start).to_be_disabled()
    width.fill("8")
    width.press("Enter")
    expect(start).to_be_enabled()
    start.click()
    going = page.get_by_text(re.compile(r"training [\d,]+ of 200,000")).filter(visible=True)
    expect(going.first).to_be_visible(timeout=120_000)
    page.wait_for_function(
        "() => models().some((m) => m.tags?.includes('progress') && m.tags.includes('loss') && m.data?.x?.length > 3)"
    )
    page.get_by_role("button", name="pause", exact=True).click()
    expect(page.get_by_text(re.compile("^paused: training")).first).to_be_visible()
    page.wait_for_function("() => location.search.includes('tr=')")
    other = opened(browser, page.url)  # another person's browser shows the same run
    expect(other.get_by_role("button", name="go on", exact=True)).to_be_visible()
    other.locator("button.MuiButton-outlined", has_text="cancel").click()  # the status line may have one of its own
    expect(page.get_by_text(re.compile("^cancelled after")).first).to_be_visible()
    other.context.close()
    page.context.close()


def test_a_cell_of_the_confusion_shows_its_signals_and_a_click_goes_there(browser: Browser, dashboard: Served):
    page = opened(browser, dashboard.url + "?map=pca&p=Classify&s=digits200&cm=knn&cn=2")
    expect(page.get_by_text(re.compile("held out by seed 0: 160 to learn from, 40 asked about"))).to_be_visible()
    page.get_by_role("button", name="classify", exact=True).click()
    right = page.get_by_role("button", name=re.compile("^0, told right: [1-4]$"))
    expect(right).to_be_visible(timeout=120_000)
    expect(page.get_by_text(re.compile(r"0\.\d{3} ± 0\.\d{3}")).first).to_be_visible()
    right.click()
    expect(page.get_by_text(re.compile("“0” told right, seed 0"))).to_be_visible()
    page.get_by_alt_text(re.compile("· “0”")).first.click()
    page.wait_for_function("() => location.search.includes('i=')")
    other = opened(browser, page.url)  # the address brings result, cell and signal
    expect(other.get_by_text(re.compile("“0” told right, seed 0"))).to_be_visible(timeout=120_000)
    assert "cc=0.0" in urlsplit(other.url).query
    other.context.close()
    page.context.close()
