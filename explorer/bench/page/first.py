"""From the request of the page to a map with points, just after the server answers and in a running one."""

import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.bench import Row, row
from explorer.bench.page.driving import HELPERS, Served, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

COLD, WARM = 3, 5

_PLOTTED = """
async (points) => {
  const laidOut = ({properties}) => properties.inner_width?.is_unset === false
  const there = () => dots()?.data.row.length === points && models().some(laidOut)
  while (!there()) await new Promise((resolve) => setTimeout(resolve, 5))
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
  return performance.now() / 1000
}
"""


def plotted_s(browser: "Browser", url: str, visits: int, points: int = 1797) -> list[float]:
    """Seconds from the request to a drawn map, of visits one after the other with one browser cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(HELPERS)
    seconds = []
    for _ in range(visits):
        page = context.new_page()
        page.goto(url, wait_until="commit")
        seconds.append(float(page.evaluate(_PLOTTED, points)))
        page.wait_for_timeout(1000)
        page.close()
    context.close()
    return seconds


def rows(browser: "Browser", dashboard: Served) -> list[Row]:
    cold = []
    for _ in range(COLD):
        with tempfile.TemporaryDirectory() as home, served(Path(home)) as fresh:
            cold += plotted_s(browser, fresh.url, 1)
    _, *warm = plotted_s(browser, dashboard.url, 1 + WARM)
    return [
        row(
            "page",
            f"first plot, {name}, median of {len(s)} visits, at most {max(s):.2f}",
            _middle(s),
            "s",
            spread=_half(s),
        )
        for name, s in (("cold", cold), ("warm", warm))
    ]


def _middle(seconds: list[float]) -> float:
    return round(statistics.median(seconds), 2)


def _half(seconds: list[float]) -> float:
    return round((max(seconds) - min(seconds)) / 2, 2)
