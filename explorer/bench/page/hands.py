"""From the hand to the pixels at 256 x 256: the slider between codes, a dragged anchor, undo and redo of pushes."""

from typing import TYPE_CHECKING

from explorer.bench import Row, row
from explorer.bench.page.driving import Served, opened
from explorer.bench.page.slider import percentiles

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZE = 256
STEPS, MOVES, UNDONE = 60, 60, 24

_SLIDE = """
async ({key, patience}) => {
  const slider = deep('[role=slider][aria-label=t]')
  const picture = deep('img[alt="linear"]')
  const start = performance.now()
  const done = new Promise((resolve) => {
    setTimeout(() => resolve(null), patience)
    const seen = new MutationObserver(() => {
      seen.disconnect()
      const shown = () => resolve([performance.now() - start, picture.naturalWidth])
      picture.decode().then(() => requestAnimationFrame(shown))
    })
    seen.observe(picture, {attributes: true, attributeFilter: ["src"]})
  })
  slider.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, composed: true}))
  return done
}
"""

# A brush that is moved about by some pixels while it is down. Each move's time is known by the message that tells of
# it; a picture answers the message that it names, and those before, which it has overtaken.
_DRAG = """
async ({moves, every, reach}) => {
  const root = deep('.canvas'), above = root.querySelectorAll('canvas')[1]
  const box = above.getBoundingClientRect()
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2]
  const fire = (type, clientX, clientY) => above.dispatchEvent(
    new PointerEvent(type, {clientX, clientY, pointerId: 1, button: 0, buttons: 1, bubbles: true, composed: true}))
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
  above.setPointerCapture = () => {}  // there is no such pointer
  const moved = new Map(), taken = []
  const watch = new MutationObserver(() => {
    const at = moved.get(Number(root.dataset.drawn))
    if (at !== undefined) frame().then(() => taken.push(performance.now() - at))
  })
  watch.observe(root, {attributes: true, attributeFilter: ["data-drawn"]})
  fire("pointerdown", x, y)
  await wait(500)
  for (let i = 1; i <= moves; i++) {
    const now = performance.now()
    fire("pointermove", x + reach * Math.sin(i / 8), y + reach * Math.cos(i / 8))
    await frame()
    moved.set(Number(root.dataset.sent), now)
    await wait(every)
  }
  await wait(1500)
  const missed = Number(root.dataset.sent) - Number(root.dataset.drawn)
  fire("pointerup", x + reach, y)
  watch.disconnect()
  return {taken, missed}
}
"""

_UNDO = """
async ({key, patience}) => {
  const root = deep('.canvas')
  const start = performance.now()
  const done = new Promise((resolve) => {
    setTimeout(() => resolve(null), patience)
    const seen = new MutationObserver(() => {
      seen.disconnect()
      requestAnimationFrame(() => resolve(performance.now() - start))
    })
    seen.observe(root, {attributes: true, attributeFilter: ["data-shown"]})
  })
  document.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, composed: true}))
  return done
}
"""


def slid(page: "Page") -> list[tuple[float, int]]:
    """Milliseconds from a key on t to another picture of the first walk, and how many samples wide that was."""
    page.wait_for_function(f"deep('img[alt=linear]')?.naturalWidth === {SIZE}", timeout=180_000)
    page.wait_for_timeout(5000)
    taken = []
    for step in range(STEPS):
        key = "ArrowLeft" if step // 20 % 2 else "ArrowRight"
        taken.append(page.evaluate(_SLIDE, {"key": key, "patience": 5000}))
        page.wait_for_timeout(150)
    missed = sum(found is None for found in taken)
    assert not missed, f"{missed} of {len(taken)} steps gave no new picture within 5 s"
    return [(float(ms), int(width)) for ms, width in taken]


def rows(browser: "Browser", dashboard: Served) -> list[Row]:
    page = opened(browser, f"{dashboard.url}?p=Interpolate&map=pca&i=3.7&sz={SIZE}")
    steps = slid(page)
    page.context.close()
    full = sum(width == SIZE for _, width in steps)
    found = [
        *percentiles(f"interpolate t {SIZE}", [ms for ms, _ in steps]),
        row("page", f"interpolate t {SIZE}, pictures that were drafts", len(steps) - full, ""),
    ]
    page = opened(browser, f"{dashboard.url}?p=Edit&map=pca&s=photographs&i=1&sz={SIZE}")
    page.wait_for_function("Number(deep('.canvas')?.dataset.shown) > 0", timeout=180_000)
    page.wait_for_timeout(5000)
    drag = page.evaluate(_DRAG, {"moves": MOVES, "every": 40, "reach": 40})
    found += percentiles(f"edit drag {SIZE}", drag["taken"])
    found.append(row("page", f"edit drag {SIZE}, last moves without pixels", drag["missed"], ""))
    for _ in range(3):
        page.wait_for_timeout(2500)
        page.evaluate(_DRAG, {"moves": 3, "every": 40, "reach": 30})
    page.wait_for_timeout(3000)
    undone = []
    for step in range(UNDONE):
        undone.append(page.evaluate(_UNDO, {"key": "U" if step // 4 % 2 else "u", "patience": 5000}))
        page.wait_for_timeout(500)
    page.context.close()
    assert None not in undone, "an undo or redo gave no picture within 5 s"
    return found + percentiles(f"edit undo {SIZE}", undone)
