"""What serves the dashboard and drives a browser to it, for benchmarks and for tests."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

PACKAGE = Path(__file__).parents[2]
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


def launched(playwright: "Playwright", *flags: str) -> "Browser":
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])


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
