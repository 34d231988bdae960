// A canvas for the hand. See sketch.py.

const STYLE = `
  :host { display: block; }
  canvas { display: block; border-radius: 4px; cursor: crosshair; touch-action: none; image-rendering: pixelated;
           border: 1px solid color-mix(in srgb, var(--panel-on-background-color) 25%, var(--panel-background-color)); }
`
const INK = 32, PLACES = 128, WIDTH = 192, TELL_MS = 200

export function render({model, el}) {
  const style = document.createElement("style")
  style.textContent = STYLE
  const canvas = document.createElement("canvas")
  canvas.setAttribute("role", "img")
  el.append(style, canvas)
  const pen = canvas.getContext("2d", {willReadFrequently: true})
  let curve = new Float32Array(PLACES).fill(0.5), gone = new Set(), last = null, waiting = 0, base = new Image()

  const paint = () => {
    const {width, height} = canvas
    canvas.setAttribute("aria-label", model.erasing ? "canvas: rub out samples of the signal" : `canvas: draw a ${model.kind}`)
    if (model.erasing) {
      const [rows, columns] = model.cells
      pen.imageSmoothingEnabled = false
      pen.fillStyle = "#000"
      pen.fillRect(0, 0, width, height)
      if (base.complete && base.naturalWidth) pen.drawImage(base, 0, 0, width, height)
      pen.fillStyle = "#d6456a"
      for (const i of gone) {
        const y = Math.floor(i / columns), x = i % columns
        pen.fillRect((x * width) / columns, (y * height) / rows, Math.max(width / columns - 1, 1), Math.max(height / rows - 1, 1))
      }
    } else if (model.kind === "curve") {
      pen.fillStyle = "#000"
      pen.fillRect(0, 0, width, height)
      pen.strokeStyle = "#fff"
      pen.lineWidth = 2
      pen.beginPath()
      curve.forEach((value, i) => pen.lineTo(((i + 0.5) * width) / PLACES, (1 - value) * height))
      pen.stroke()
    }
  }
  const clear = () => {
    gone = new Set()
    curve.fill(0.5)
    canvas.width = WIDTH
    canvas.height = model.kind === "curve" ? WIDTH / 2 : Math.round((WIDTH * model.cells[0]) / model.cells[1])
    pen.fillStyle = "#000"
    pen.fillRect(0, 0, canvas.width, canvas.height)
    paint()
  }
  const tell = () => {
    clearTimeout(waiting)
    if (model.erasing) return model.send_msg({gone: [...gone]})
    if (model.kind === "curve") return model.send_msg({ink: [...curve].map((value) => Math.round(value * 255))})
    const small = document.createElement("canvas")
    small.width = small.height = INK
    const context = small.getContext("2d")
    context.imageSmoothingQuality = "high"
    context.drawImage(canvas, 0, 0, INK, INK)
    const {data} = context.getImageData(0, 0, INK, INK)
    model.send_msg({ink: Array.from({length: INK * INK}, (_, i) => data[4 * i])})
  }
  const stroke = (from, to) => {
    const {width, height} = canvas
    if (model.erasing) {
      const [rows, columns] = model.cells, radius = Math.max(10, width / columns / 2)
      const steps = Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / 4) + 1
      for (let s = 0; s < steps; s++) {
        const x = from[0] + ((to[0] - from[0]) * s) / steps, y = from[1] + ((to[1] - from[1]) * s) / steps
        for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) {
          const away = rows === 1 ? Math.abs(((j + 0.5) * width) / columns - x)
            : Math.hypot(((j + 0.5) * width) / columns - x, ((i + 0.5) * height) / rows - y)
          if (away < radius) gone.add(i * columns + j)
        }
      }
      return paint()
    }
    if (model.kind === "curve") {
      const place = ([x]) => Math.min(Math.max(Math.floor((x / width) * PLACES), 0), PLACES - 1)
      const level = ([, y]) => Math.min(Math.max(1 - y / height, 0), 1)
      const a = place(from), b = place(to), step = a <= b ? 1 : -1
      for (let i = a; ; i += step) {
        const share = a === b ? 1 : (i - a) / (b - a)
        curve[i] = level(from) + share * (level(to) - level(from))
        if (i === b) break
      }
      return paint()
    }
    pen.strokeStyle = "#fff"
    pen.lineWidth = width / 9
    pen.lineCap = pen.lineJoin = "round"
    pen.beginPath()
    pen.moveTo(...from)
    pen.lineTo(...to)
    pen.stroke()
  }
  const at = (event) => {
    const box = canvas.getBoundingClientRect()
    return [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height]
  }
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId)
    last = at(event)
    stroke(last, last)
  })
  canvas.addEventListener("pointermove", (event) => {
    if (last == null) return
    const now = at(event)
    stroke(last, now)
    last = now
    if (!waiting) waiting = setTimeout(() => { waiting = 0; tell() }, TELL_MS)
  })
  canvas.addEventListener("pointerup", () => {
    last = null
    clearTimeout(waiting)
    waiting = 0
    tell()
  })
  const reload = () => {
    base = new Image()
    base.onload = paint
    base.src = model.base
    clear()
  }
  model.on("base", reload)
  for (const name of ["kind", "erasing", "cells"]) model.on(name, clear)
  model.on("msg:custom", clear)
  reload()
}
