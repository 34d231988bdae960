// Tells Python where the pointer rests, at most every 40 ms, and that Escape was pressed while it was over the map.

const PERIOD_MS = 40

// Kept with the source and not in this module: Bokeh compiles it anew for each event that comes before it is ready.
const states = (window.explorerPointers ??= new WeakMap())

export default ({ pointer }, event) => {
  if (!states.has(pointer)) states.set(pointer, { last: 0, waiting: 0, listener: null })
  const state = states.get(pointer)
  const tell = (kind) => {
    const { x, y, sx, sy } = event
    pointer.data = { kind: [kind], x: [x], y: [y], sx: [sx], sy: [sy] }
  }
  if (event.event_name === "mousemove") {
    clearTimeout(state.waiting)
    const wait = Math.max(0, state.last + PERIOD_MS - performance.now())
    state.waiting = setTimeout(() => {
      state.last = performance.now()
      tell("move")
    }, wait)
    return
  }
  document.removeEventListener("keydown", state.listener)
  if (event.event_name === "mouseenter") {
    state.listener = (key) => key.key === "Escape" && tell("escape")
    document.addEventListener("keydown", state.listener)
  } else {
    clearTimeout(state.waiting)
    tell("leave")
  }
}
