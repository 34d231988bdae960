"""From the last stroke of a signal drawn by hand to its place on the map; the others must not move."""

from typing import TYPE_CHECKING

from explorer.bench import Row, row
from explorer.bench.page.driving import Served, opened, wait_for_scores
from explorer.bench.page.slider import percentiles

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

STROKES = 8

_PLACED = """
() => {
  const ringed = models().filter((model) => model.tags?.includes("marks"))[0]
  window.placed = new Promise((resolve) => {
    let lifted = null
    addEventListener("pointerup", () => { lifted ??= performance.now() }, {capture: true, once: true})
    const changed = () => {
      if (lifted === null || ringed.data.x.length === 0) return
      ringed.properties.data.change.disconnect(changed)
      requestAnimationFrame(() => resolve(performance.now() - lifted))
    }
    ringed.properties.data.change.connect(changed)
  })
}
"""


def stroke(page: "Page", i: int) -> float:
    """Milliseconds from the end of one stroke to a ringed place."""
    box = page.locator('canvas[aria-label^="canvas: draw"]').bounding_box()
    assert box is not None
    x, y, width, height = (box[side] for side in ("x", "y", "width", "height"))
    page.evaluate(_PLACED)
    page.mouse.move(x + (0.2 + 0.05 * i) * width, y + 0.2 * height)
    page.mouse.down()
    page.mouse.move(x + (0.7 - 0.05 * i) * width, y + 0.8 * height, steps=12)
    page.mouse.up()
    return float(page.evaluate("placed"))


def rows(browser: "Browser", dashboard: Served) -> list[Row]:
    page = opened(browser, dashboard.url)
    wait_for_scores(page)
    page.get_by_role("button", name="draw").first.click()
    page.wait_for_timeout(1000)
    before = page.evaluate("[[...dots().data.x], [...dots().data.y]]")
    taken = []
    for i in range(STROKES):
        taken.append(stroke(page, i))
        page.wait_for_timeout(500)
    moved = sum(before != now for now in [page.evaluate("[[...dots().data.x], [...dots().data.y]]")])
    page.context.close()
    return [
        *percentiles("a new signal to its place on the map", taken),
        row("page", "maps that moved with it", moved, ""),
    ]
