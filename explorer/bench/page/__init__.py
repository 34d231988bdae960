"""How long the dashboard takes, measured inside a real browser: from the hand's event to the picture that it causes.

A file for each section, whose ``rows(browser, dashboard)`` measures it; sections share one dashboard, on which all
resolutions of the digits have been computed ahead, unless they serve one of their own. ``explorer bench page.slider``
measures a section alone.
"""

import sys
import tempfile
from importlib import import_module
from pathlib import Path

from explorer.bench import Row
from explorer.bench.page.driving import CHROMIUM, launched, opened, served, wait_for_scores
from explorer.errors import InvalidInput, MissingExtra

SECTIONS = ("first", "slider", "drawn", "hands", "lasso", "company", "visits", "upload")
"""In the order in which they are measured."""


def run(*sections: str) -> list[Row]:
    """The rows of some sections, else of all; each section's are also written to standard error as they come."""
    if unknown := set(sections) - set(SECTIONS):
        raise InvalidInput(f"Got page.{', page.'.join(sorted(unknown))}; expected some of {', '.join(SECTIONS)}.")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise MissingExtra(
            "The page is measured in a browser. Run pip install 'explorer-signals[test]', and install Chromium."
        ) from None
    if not CHROMIUM.exists():
        raise MissingExtra(f"Got no browser at {CHROMIUM}; expected Chromium. Install it with the system's packages.")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as home, served(Path(home)) as dashboard, sync_playwright() as playwright:
        browser = launched(playwright)
        page = opened(browser, dashboard.url)
        wait_for_scores(page)
        page.context.close()
        for section in sections or SECTIONS:
            found = import_module(f"{__name__}.{section}").rows(browser, dashboard)
            for line in found:
                print(*line.values(), sep="  ", file=sys.stderr, flush=True)
            rows += found
        browser.close()
    return rows
