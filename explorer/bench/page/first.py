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
WINDOW_MS, AHEAD_MS = 1500, 6000
"""How long a new window of Chromium is busy with parts of its own, and what a visit has computed ahead."""

_PLOTTED = """
async (points) => {
  const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  const laidOut = () => models().some(({properties}) => properties.inner_width?.is_unset === false)
  while (dots()?.data.row.length !== points || !laidOut()) await rest(5)
  // The map's points stand in the page in the colours of their clusters.
  const SIDE = 60, SPREAD = 40, ENOUGH = 60
  const coloured = () => {
    const map = deep("canvas")
    const {width, height} = map?.getBoundingClientRect() ?? {width: 0, height: 0}
    if (!(width > 0 && height > 0)) return false
    const small = new OffscreenCanvas(SIDE, SIDE).getContext("2d")
    small.drawImage(map, 0, 0, SIDE, SIDE)
    const {data} = small.getImageData(0, 0, SIDE, SIDE)
    let found = 0
    for (let i = 0; i < data.length; i += 4) {
      const rgb = data.slice(i, i + 3)
      if (data[i + 3] > 60 && Math.max(...rgb) - Math.min(...rgb) > SPREAD) found++
    }
    return found > ENOUGH
  }
  while (!coloured()) await rest(20)
  return performance.now() / 1000
}
"""


def plotted_s(browser: "Browser", url: str, visits: int, points: int = 1797) -> list[float]:
    """Seconds from the request to a map in colours, of visits one after the other with one browser cache.

    After each, what is computed ahead for it has time to end.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(HELPERS)
    seconds = []
    for _ in range(visits):
        page = context.new_page()
        page.wait_for_timeout(WINDOW_MS)
        page.goto(url, wait_until="commit")
        seconds.append(float(page.evaluate(_PLOTTED, points)))
        page.wait_for_timeout(AHEAD_MS)
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
