"""How long the dashboard takes, measured inside a real browser: from the hand's event to the picture that it causes.

Also what drives the browser, which the tests use too.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explorer.bench import Row, row
from explorer.errors import MissingExtra

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

PACKAGE = Path(__file__).parents[1]
CHROMIUM = Path(shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()

HELPERS = """
// The first element that a selector finds, also inside shadow roots.
window.deep = (selector, root = document) => {
  const found = root.querySelector(selector)
  if (found) return found
  for (const element of root.querySelectorAll("*")) {
    const inner = element.shadowRoot && window.deep(selector, element.shadowRoot)
    if (inner) return inner
  }
  return null
}
window.models = () => [...(window.Bokeh?.documents[0]?._all_models.values() ?? [])]
// The map's points: of all sources with places, values and rows, the largest.
window.dots = () => {
  const sources = models().filter((model) => model.data?.row && model.data?.value)
  return sources.sort((a, b) => b.data.row.length - a.data.row.length)[0]
}
"""


@dataclass
class Served:
    """A running dashboard."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def served(home: Path, *options: str) -> Iterator[Served]:
    """``panel serve explorer`` on a free port, with its model server as it starts it."""
    command = [sys.executable, "-m", "panel", "serve", str(PACKAGE), "--port", "0", *options]
    environment = {**os.environ, "EXPLORER_HOME": str(home), "EXPLORER_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
    environment.pop("EXPLORER_SERVER", None)
    log = home / "dashboard.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stderr=output, stdout=output)
    try:
        while not (match := re.search(r"running at: (http://\S+)", log.read_text())):
            if process.poll() is not None:
                raise RuntimeError(log.read_text())
            time.sleep(0.1)
        yield Served(match[1], process, log)
    finally:
        process.terminate()
        process.wait(timeout=30)


def launched(playwright: "Playwright") -> "Browser":
    return playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


def opened(browser: "Browser", url: str, width: int = 1440, height: int = 900) -> "Page":
    """A page in a context of its own, with the helpers above."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(90_000)
    page.add_init_script(HELPERS)
    page.goto(url, wait_until="commit")
    return page


def wait_for_map(page: "Page", points: int = 1797, timeout_s: float = 60) -> None:
    """Until that many points stand on the map; there are 1797 digits."""
    page.wait_for_function("(points) => dots()?.data.row.length === points", arg=points, timeout=1000 * timeout_s)


def wait_for_scores(page: "Page", timeout_s: float = 300) -> None:
    """Until all resolutions have been computed ahead, and nothing is going on."""
    page.wait_for_function(
        """() => {
          const stops = Number(deep(".slider")?.getAttribute("aria-valuemax")) + 1
          const curves = models().filter((model) => model.data?.y && model.tags?.includes("scores"))
          return curves.length === 2 && curves.every((curve) => curve.data.y.length === stops)
        }""",
        timeout=1000 * timeout_s,
    )


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
        if parent == process:
            found.append(int(status.parent.name))
    return found


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


def first_plots_s(browser: "Browser", url: str, visits: int = 4) -> list[float]:
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


def slide(page: "Page", what: str, rounds: int = 4, rest_ms: int = 800) -> list[float]:
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


def run() -> list[Row]:
    """A dashboard of its own, with a store of its own, visited once everything has been computed ahead."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise MissingExtra(
            "The page is measured in a browser. Run pip install 'explorer-signals[test]', and install Chromium."
        ) from None
    if not CHROMIUM.exists():
        raise MissingExtra(f"Got no browser at {CHROMIUM}; expected Chromium. Install it with the system's packages.")
    with tempfile.TemporaryDirectory() as home, served(Path(home)) as dashboard, sync_playwright() as playwright:
        browser = launched(playwright)
        rows = measured(browser, dashboard.url)
        browser.close()
    return rows


def measured(browser: "Browser", url: str) -> list[Row]:
    """All latencies of a running dashboard."""
    cold, *warm = first_plots_s(browser, url)
    rows = [
        row("page", "first plot, cold", cold, "s"),
        row("page", "first plot, warm", float(np.median(warm)), "s"),
    ]
    page = opened(browser, url)
    wait_for_scores(page)
    page.wait_for_timeout(3000)
    for what in ("picture", "map"):
        rows += _percentiles(f"slider to {what}", slide(page, what))
    page.close()
    return rows


def _percentiles(name: str, milliseconds: list[float]) -> list[Row]:
    steps = f"of {len(milliseconds)} steps"
    return [
        row("page", f"{name}, p{share} {steps}", round(float(np.percentile(milliseconds, share)), 1), "ms")
        for share in (50, 95)
    ]
