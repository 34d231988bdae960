"""From a key on the resolution slider to the new picture and to the new clusters, with layouts in the store."""

from typing import TYPE_CHECKING

import numpy as np

from explorer.bench import Row, row
from explorer.bench.page.driving import Served, opened, wait_for_scores

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_STEP = """
async ({key, what, patience}) => {
  const slider = deep(".slider")
  const render = deep('img[alt="render"]')
  const source = dots()
  const start = performance.now()
  const done = new Promise((resolve) => {
    const finish = () => requestAnimationFrame(() => resolve(performance.now() - start))
    setTimeout(() => resolve(null), patience)
    if (what === "picture") {
      const seen = new MutationObserver(() => { seen.disconnect(); render.decode().then(finish) })
      seen.observe(render, {attributes: true, attributeFilter: ["src"]})
    } else {
      const changed = () => { source.properties.data.change.disconnect(changed); finish() }
      source.properties.data.change.connect(changed)
    }
  })
  slider.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, composed: true}))
  return done
}
"""


def slide(page: "Page", what: str, rounds: int = 4, rest_ms: int = 800) -> list[float]:
    """Milliseconds from a key on the slider to a new ``picture`` or ``clusters``, up and down over all its stops."""
    stops = int(page.evaluate("deep('.slider').getAttribute('aria-valuemax')"))
    page.evaluate("deep('.slider').dispatchEvent(new KeyboardEvent('keydown', {key: 'Home', bubbles: true}))")
    page.wait_for_timeout(2 * rest_ms)
    taken = []
    for turn in range(rounds):
        for _ in range(stops):
            key = "ArrowLeft" if turn % 2 else "ArrowRight"
            taken.append(page.evaluate(_STEP, {"key": key, "what": what, "patience": 5000}))
            page.wait_for_timeout(rest_ms)
    missed = sum(value is None for value in taken)
    assert not missed, f"{missed} of {len(taken)} steps gave no new {what} within 5 s"
    return taken


def percentiles(name: str, milliseconds: list[float]) -> list[Row]:
    """Two rows, of the median and of the 95th percentile."""
    return [
        row(
            "page",
            f"{name}, p{share} of {len(milliseconds)}",
            round(float(np.percentile(milliseconds, share)), 1),
            "ms",
        )
        for share in (50, 95)
    ]


def rows(browser: "Browser", dashboard: Served) -> list[Row]:
    page = opened(browser, dashboard.url)
    wait_for_scores(page)
    page.wait_for_timeout(3000)
    found = [line for what in ("picture", "clusters") for line in percentiles(f"slider to {what}", slide(page, what))]
    page.context.close()
    return found
