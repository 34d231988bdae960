// What the map does in the browser by itself: points travel, the pointer is told to Python, a lasso is answered at once.
//
// Called when the map has a size, and for some of its events. What must be remembered is kept with the figure's view
// and not in this module: Bokeh compiles it anew for each event that comes before it is ready.

const TRAVEL_MS = 600
const SLOW_FRAME_MS = 30 // where each frame is drawn by the processor, which has other things to do
const MOST_TRAVELLERS = 20_000
const POINTER_MS = 40
const PREVIEW_MS = 1500

// -- travel: the columns already hold the new places when this runs, so they are set back to what the eye last saw and
// eased forward. Without it, points jump; Python knows only the truth.

const ease = (t) => (t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2)

function traveller(source, frame_ms) {
  let shown = source.data // as last drawn; x and y are changed in place, which Python never hears of
  let animation = 0
  let painted = -1 // in which span of frame_ms; counted alike by all that travel, so that they share frames

  return () => {
    const before = shown
    const columns = (shown = source.data)
    if (columns.x === before.x) return
    cancelAnimationFrame(animation)
    const samePoints = columns.row === before.row && columns.x.length === before.x.length
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches || document.hidden
    if (!samePoints || still || columns.x.length > MOST_TRAVELLERS) return
    const to = { x: columns.x.slice(), y: columns.y.slice() }
    const start = performance.now()
    const step = (now) => {
      animation = requestAnimationFrame(step)
      if (painted === Math.floor(now / frame_ms)) return
      painted = Math.floor(now / frame_ms)
      const share = ease(Math.min(Math.max(now - start, 0) / TRAVEL_MS, 1))
      for (const axis of ["x", "y"]) {
        for (let i = 0; i < to[axis].length; i++) {
          columns[axis][i] = share == 1 ? to[axis][i] : before[axis][i] + share * (to[axis][i] - before[axis][i])
        }
      }
      source.change.emit()
      if (share == 1) cancelAnimationFrame(animation)
    }
    painted = -1
    step(start)
  }
}

// -- WebGL: where it is only imitated it is taken out of this figure's view, unless the page had Bokeh do without it from
// the start; where Bokeh keeps it elsewhere one day, it stays in.

function withoutGPU() {
  const gl = document.createElement("canvas").getContext("webgl")
  const without = gl == null || imitated(gl)
  gl?.getExtension("WEBGL_lose_context")?.loseContext()
  return without
}

function drawWithoutWebGL(plot) {
  if (plot.canvas_view?.webgl == null || plot.renderer_views == null) return
  plot.canvas_view.webgl = null
  for (const { glyph } of plot.renderer_views.values()) {
    if (glyph != null) glyph.glglyph = undefined
  }
  plot.request_paint()
}

// -- pointer: where it rests, at most every so many milliseconds, and that Escape was pressed while it was over the map

function teller(pointer) {
  let last = 0
  let waiting = 0
  const tell = (kind, { x, y, sx, sy }) => {
    pointer.data = { kind: [kind], x: [x], y: [y], sx: [sx], sy: [sy] }
  }
  const escape = (key) => key.key === "Escape" && tell("escape", { x: 0, y: 0, sx: 0, sy: 0 })

  return {
    mousemove(event) {
      clearTimeout(waiting)
      waiting = setTimeout(() => {
        last = performance.now()
        tell("move", event)
      }, Math.max(0, last + POINTER_MS - performance.now()))
    },
    mouseenter() {
      document.addEventListener("keydown", escape)
    },
    mouseleave(event) {
      document.removeEventListener("keydown", escape)
      clearTimeout(waiting)
      tell("leave", event)
    },
  }
}

// -- highlight: what a lasso hits is painted over the map at once, until Python's answer, which counts, has been drawn

// Which of the points lie in a shape on the screen: it is filled on a canvas, where points look their pixel up.
function inside({ x, y }, shape, plot) {
  const [width, height] = size(plot)
  const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })
  pen.beginPath()
  if (shape.type === "rect") pen.rect(shape.sx0, shape.sy0, shape.sx1 - shape.sx0, shape.sy1 - shape.sy0)
  else for (let i = 0; i < shape.sx.length; i++) pen.lineTo(shape.sx[i], shape.sy[i])
  pen.fill("evenodd")
  const pixels = new Uint32Array(pen.getImageData(0, 0, width, height).data.buffer)
  const [left, right, bottom, top] = [...ends(plot.frame.x_scale), ...ends(plot.frame.y_scale)]
  const rows = []
  for (let i = 0; i < x.length; i++) {
    const column = (left + x[i] * right) | 0
    const line = (bottom + y[i] * top) | 0
    if (column >= 0 && column < width && line >= 0 && line < height && pixels[line * width + column] !== 0) {
      rows.push(i, line * width + column)
    }
  }
  return rows // index and pixel of each, in turn
}

// A linear scale as where 0 lies, and how far 1 is from there.
const ends = (scale) => [scale.compute(0), scale.compute(1) - scale.compute(0)]

const size = ({ canvas_view: { bbox } }) => [Math.round(bbox.width), Math.round(bbox.height)]

const bytes = (color) => [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16))

function highlighter(plot, { dots, unseen, chosen, veil, mapper }) {
  const canvas = document.createElement("canvas")
  canvas.className = "highlight"
  canvas.style.cssText = "position: absolute; inset: 0; pointer-events: none"
  let waiting = 0

  const clear = () => {
    clearTimeout(waiting)
    Object.assign(canvas, { width: 0, height: 0 }).dataset.rows = 0
  }
  const paint = (points, hits, veiled) => {
    if (!canvas.isConnected) plot.canvas_view.events_el.before(canvas) // Bokeh may have drawn its parts anew
    const [width, height] = size(plot)
    Object.assign(canvas, { width, height })
    const image = new ImageData(width, height)
    const pixels = new Uint32Array(image.data.buffer)
    if (veiled) {
      const [red, green, blue] = bytes(veil.glyph.fill_color.value)
      pixels.fill((191 << 24) | (blue << 16) | (green << 8) | red)
    }
    const values = new Float32Array(hits.length / 2)
    for (let i = 0; i < values.length; i++) values[i] = points.value[hits[2 * i]]
    const colors = new Uint32Array(mapper.rgba_mapper.v_compute(values).buffer)
    const stamp = disc(chosen.glyph.size.value / 2, width)
    for (let i = 0; i < values.length; i++) {
      for (const step of stamp) pixels[hits[2 * i + 1] + step] = colors[i]
    }
    canvas.getContext("2d").putImageData(image, 0, 0)
    canvas.dataset.rows = values.length
  }
  clear()

  return {
    // Twice, for what Python sent is drawn in the next frame.
    settle: () => requestAnimationFrame(() => requestAnimationFrame(clear)),
    show(shape, { shiftKey, altKey }) {
      if (altKey) return // what is taken away fades with Python's answer
      const points = unseen.data.x.length > 0 ? unseen.data : dots.data
      const hits = inside(points, shape, plot)
      if (hits.length === 0) return
      paint(points, hits, !(shiftKey && veil.visible))
      clearTimeout(waiting)
      waiting = setTimeout(clear, PREVIEW_MS)
    },
  }
}

// The pixels of a disc, as steps from the one in its middle.
function disc(radius, width) {
  const steps = []
  const reach = Math.floor(radius)
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      if (x * x + y * y <= radius * radius) steps.push(y * width + x)
    }
  }
  return steps
}

// -- all of it, for one view of the figure

function enliven(plot, parts) {
  const slow = withoutGPU()
  for (const source of [parts.dots, parts.chosen.data_source, parts.names]) {
    plot.connect(source.properties.data.change, traveller(source, slow ? SLOW_FRAME_MS : 1))
  }
  if (slow) {
    drawWithoutWebGL(plot)
  } else {
    parts.pointer.data = { kind: ["gpu"], x: [0], y: [0], sx: [0], sy: [0] }
  }
  const map = teller(parts.pointer)
  const events = plot.canvas_view?.events_el
  if (events == null) return map
  events.style.setProperty("outline", "none") // a click is no reason for a focus ring
  const highlight = highlighter(plot, parts)
  let held = {}
  plot.el.addEventListener("pointerdown", ({ shiftKey, altKey }) => (held = { shiftKey, altKey }), true)
  for (const source of [parts.chosen.data_source, parts.shaded]) {
    plot.connect(source.properties.data.change, highlight.settle)
  }
  map.selectiongeometry = ({ final, geometry }) => final && highlight.show(geometry, held)
  return map
}

export default (parts, cause, _data, { index }) => {
  const maps = (window.explorerMaps ??= new WeakMap())
  const plot = index.find_one(parts.figure)
  if (plot == null) return
  if (!maps.has(plot)) maps.set(plot, enliven(plot, parts))
  maps.get(plot)[cause.event_name]?.(cause)
}
