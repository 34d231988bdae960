// Tells Python where the pointer rests, at most every 40 ms, and that Escape was pressed while it was over the map.

const PERIOD_MS = 40

let last = 0
let waiting = 0
let listener = null

export default ({ pointer }, event) => {
  const tell = (kind) => {
    const { x, y, sx, sy } = event
    pointer.data = { kind: [kind], x: [x], y: [y], sx: [sx], sy: [sy] }
  }
  clearTimeout(waiting)
  if (event.event_name === "mousemove") {
    const wait = Math.max(0, last + PERIOD_MS - performance.now())
    waiting = setTimeout(() => {
      last = performance.now()
      tell("move")
    }, wait)
    return
  }
  document.removeEventListener("keydown", listener)
  if (event.event_name === "mouseenter") {
    listener = (key) => key.key === "Escape" && tell("escape")
    document.addEventListener("keydown", listener)
  } else {
    tell("leave")
  }
}
