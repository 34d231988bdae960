"""From the end of a lasso over 100,000 points to their highlight, to the selection and to its thumbnails."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.bench import Row, row
from explorer.bench.page.driving import Served, opened, served, wait_for_map
from explorer.bench.page.slider import percentiles
from explorer.local import LocalEngine
from explorer.signals import Axis, SignalSet

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

POINTS, CLASSES, LASSOS = 100_000, 10, 6
TINY: dict[str, Any] = {"min_steps": 1, "max_steps": 60, "width": 8, "point_width": 32}

_WATCH = """
() => {
  window.lassoed = new Promise((resolve) => {
    const seen = {}
    const lines = deep("thead").parentElement
    const chosen = models().filter((model) => model.tags?.includes("chosen"))
    const pictures = () => [...lines.querySelectorAll("td.chosen img")].map((img) => img.src).join()
    const before = {data: chosen.map((source) => source.data), pictures: pictures()}
    let lifted = null
    addEventListener("pointerup", () => { lifted ??= performance.now() }, {capture: true, once: true})
    const look = () => {
      if (lifted !== null) {
        const now = performance.now() - lifted
        if (Number(deep("canvas.highlight")?.dataset.rows) > 0) seen.highlight ??= now
        if (chosen.some((source, i) => source.data !== before.data[i])) seen.selection ??= now
        if (pictures() !== before.pictures) seen.thumbnails ??= now
        if (now > 10_000 || Object.keys(seen).length === 3) return resolve(seen)
      }
      requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
  })
}
"""


def many(home: Path) -> str:
    """A home with noisy waves of several frequencies and a small checkpoint for them; the set's id."""
    rng, t = np.random.default_rng(0), np.linspace(0, 1, 24, dtype=np.float32)
    labels = rng.integers(0, CLASSES, POINTS)
    phase = rng.normal(0, 0.4, (POINTS, 1)).astype(np.float32)
    waves = np.sin(2 * np.pi * (0.5 + 0.25 * labels[:, None]) * t + phase)
    waves += rng.normal(0, 0.1, waves.shape)
    signals = SignalSet.from_grids(
        waves.astype(np.float32), axes=[Axis("t", "s", 0, 1)], name="100,000 waves", labels=labels
    )
    with LocalEngine(home) as engine:
        id = engine.put(signals.artifact, signals.name)
        model = engine.train("hypernetwork", signals[:2000], split="all", **TINY)
        codes = engine.encode(model, signals)
        engine.project(codes, "pca")
        engine.cluster(codes)
    return id


def lassoed(page: "Page", turn: int) -> dict[str, float]:
    """Milliseconds from the end of one lasso, around some half of the map, to what follows from it."""
    box = page.evaluate(
        "(({x, y, width, height}) => [x, y, width, height])(deep('.bk-Figure').getBoundingClientRect())"
    )
    x, y, width, height = box
    middle, reach = (x + (0.35 + 0.05 * turn) * width, y + 0.5 * height), 0.42 * min(width, height)
    page.evaluate(_WATCH)
    corners = [(middle[0] + reach * np.cos(a), middle[1] + reach * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 24)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner)
    page.mouse.up()
    return page.evaluate("lassoed")


def rows(browser: "Browser", dashboard: Served) -> list[Row]:
    with tempfile.TemporaryDirectory() as home:
        id = many(Path(home))
        with served(Path(home)) as large:
            page = opened(browser, f"{large.url}?s={id}&map=pca")
            wait_for_map(page, POINTS, timeout_s=300)
            shown = float(page.evaluate("performance.now() / 1000"))
            page.wait_for_timeout(20_000)  # scores of all resolutions are computed ahead
            page.mouse.move(600, 300)  # the hand is over the map before it draws
            page.wait_for_timeout(1000)
            taken = []
            for turn in range(LASSOS):
                taken.append(lassoed(page, turn))
                assert len(taken[-1]) == 3, f"of a lasso only {taken[-1]} came within 10 s"
                page.wait_for_timeout(1500)
            page.context.close()
    of = f"of {POINTS:,} points"
    found = [row("page", f"first plot {of}, codes in the store", round(shown, 2), "s")]
    for what in ("highlight", "selection", "thumbnails"):
        found += percentiles(f"lasso {of} to {what}", [seen[what] for seen in taken])
    return found
