// Lets points travel to where Python has just put them: the columns already hold the new places when this runs,
// so they are set back to what the eye last saw and eased forward. Without it, points jump; Python knows only the truth.

const DURATION_MS = 600
const MOST_POINTS = 20_000

let shown = null // the columns as last drawn; x and y are changed in place, which Python never hears of
let animation = 0

const ease = (t) => (t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2)

function travel(source, from, to, columns) {
  const start = performance.now()
  const step = (now) => {
    const share = ease(Math.min(Math.max(now - start, 0) / DURATION_MS, 1))
    for (const axis of ["x", "y"]) {
      for (let i = 0; i < to[axis].length; i++) {
        columns[axis][i] = share == 1 ? to[axis][i] : from[axis][i] + share * (to[axis][i] - from[axis][i])
      }
    }
    source.change.emit()
    if (share < 1) animation = requestAnimationFrame(step)
  }
  step(start)
}

export default ({ source }) => {
  const columns = source.data
  const before = shown
  shown = columns
  if (before == null || columns.x === before.x) return
  cancelAnimationFrame(animation)
  const samePoints = columns.row === before.row && columns.x.length === before.x.length
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches || document.hidden
  if (!samePoints || still || columns.x.length > MOST_POINTS) return
  travel(source, before, { x: columns.x.slice(), y: columns.y.slice() }, columns)
}
