"""How long the page takes, measured inside a real browser: from the hand's event to the picture that it causes.

``python tests/browser/latency.py http://localhost:5006/explorer`` prints the figures as JSON.
"""

import json
import sys
from typing import Any

import numpy as np
from driving import HELPERS, launched, opened, wait_for_map, wait_for_scores
from playwright.sync_api import Browser, Page, sync_playwright

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


def first_plots_s(browser: Browser, url: str, visits: int = 4) -> list[float]:
    """Seconds from the request to a map with points, of visits one after the other with one browser cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(HELPERS)
    seconds = []
    for _ in range(visits):
        page = context.new_page()
        page.goto(url, wait_until="commit")
        wait_for_map(page)
        seconds.append(round(float(page.evaluate("performance.now() / 1000")), 2))
        page.close()
    context.close()
    return seconds


def slide(page: Page, what: str, rounds: int = 4, rest_ms: int = 800) -> list[float]:
    """Milliseconds from a key on the slider to a new ``picture`` or ``map``, up and down over all its stops."""
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


def figures(milliseconds: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(milliseconds, [50, 95])
    return {"p50_ms": round(p50, 1), "p95_ms": round(p95, 1), "steps": len(milliseconds)}


def measure(url: str) -> dict[str, Any]:
    """All latencies of a running dashboard, once everything has been computed ahead."""
    with sync_playwright() as playwright:
        browser = launched(playwright)
        cold, *warm = first_plots_s(browser, url)
        result: dict[str, Any] = {"first_plot_cold_s": cold, "first_plot_warm_s": float(np.median(warm))}
        page = opened(browser, url)
        wait_for_scores(page)
        page.wait_for_timeout(3000)
        result["slider_to_picture"] = figures(slide(page, "picture"))
        result["slider_to_map"] = figures(slide(page, "map"))
        page.close()
        browser.close()
    return result


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1]), indent=1))
