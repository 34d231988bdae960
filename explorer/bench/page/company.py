"""One visitor trains; another's slider should not notice."""

from typing import TYPE_CHECKING

from explorer.bench import Row, row
from explorer.bench.page.driving import Served, opened, wait_for_scores
from explorer.bench.page.slider import percentiles, slide

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def rows(browser: "Browser", dashboard: Served) -> list[Row]:
    page, other = opened(browser, dashboard.url), opened(browser, f"{dashboard.url}?p=Train&tr=hypernetwork&tn=7")
    wait_for_scores(page)
    other.get_by_role("button", name="start", exact=True).click()
    other.get_by_role("button", name="pause", exact=True).wait_for()
    other.wait_for_timeout(5000)
    found = []
    for what in ("picture", "clusters"):
        found += percentiles(f"slider to {what} while another trains", slide(page, what))
    still = other.get_by_role("button", name="pause", exact=True).is_visible()
    other.get_by_role("button", name="cancel", exact=True).first.click()
    for visit in (page, other):
        visit.context.close()
    return [*found, row("page", "still training at the end", int(still), "")]
