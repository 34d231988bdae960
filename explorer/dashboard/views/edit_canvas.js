// The canvas on which clouds are edited: a picture or curves, anchors on top, gestures out. See edit_canvas.py.

const STYLE = `
  :host { display: block; width: 100%; height: 100%; }
  .canvas { position: relative; width: 100%; height: 100%; min-height: 200px; outline-offset: -2px; }
  .canvas:focus-visible { outline: 2px solid var(--panel-primary-color); }
  canvas { position: absolute; inset: 0; width: 100%; height: 100%; touch-action: none; }
  .words { position: absolute; inset: 0; display: flex; align-items: center; justify-content: center; text-align: center;
           padding: 24px; pointer-events: none; font: 14px system-ui, sans-serif; color: var(--panel-on-background-color); }
`
const CURVES = ["#1668b8", "#c2571a", "#2b8a3e", "#8250df", "#b0304f", "#0f7b83"]
const COARSE = 3 // from this many screen pixels a sample on, samples are seen as squares
const HEAD = 0.12 // of the height, above and below curves

export function render({ model, el }) {
  const style = document.createElement("style")
  style.textContent = STYLE
  const root = document.createElement("div")
  root.className = "canvas"
  root.tabIndex = 0
  root.setAttribute("role", "application")
  const [below, above] = [0, 1].map(() => root.appendChild(document.createElement("canvas")))
  const words = root.appendChild(document.createElement("div"))
  words.className = "words"
  el.append(style, root)

  const picture = document.createElement("canvas") // the pixels themselves, one for each sample
  let still = null // the picture before the brush came down
  let drawn = 0 // the gesture's message that the pixels answer
  let frame = { x: 0, y: 0, w: 1, h: 1 } // where the domain lies on the screen
  let gesture = null // what the hand is doing
  let moved = null // anchors while a brush is down
  let region = null // what the brush will change, as a box in the domain
  let hover = null
  let waiting = false // for the next frame, to tell of the hand's place again
  let untold = false // whether the hand has moved meanwhile
  let sequence = 0

  const flat = () => model.curves.length > 0
  const ink = () => getComputedStyle(root).color

  // -- places: the domain runs over [-1, 1] on each axis, (y, x) or (t)

  const toScreen = (y, x) => [frame.x + ((x + 1) / 2) * frame.w, frame.y + ((y + 1) / 2) * frame.h]
  const toDomain = (event) => {
    const box = root.getBoundingClientRect()
    const x = ((event.clientX - box.left - frame.x) / frame.w) * 2 - 1
    const y = ((event.clientY - box.top - frame.y) / frame.h) * 2 - 1
    return [y, x]
  }
  const outgoing = ([y, x]) => (flat() ? [x] : [y, x])

  const layout = () => {
    const [w, h] = [root.clientWidth, root.clientHeight]
    const ratio = window.devicePixelRatio || 1
    for (const canvas of [below, above]) {
      canvas.width = Math.round(w * ratio)
      canvas.height = Math.round(h * ratio)
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0)
    }
    if (flat()) frame = { x: 16, y: h * HEAD, w: Math.max(w - 32, 1), h: Math.max(h * (1 - 2 * HEAD), 1) }
    else {
      const [pw, ph] = [picture.width || 1, picture.height || 1]
      const fit = Math.min(w / pw, h / ph)
      const scale = fit >= COARSE ? Math.floor(fit * ratio) / ratio : fit // pixels that one sees are of one size
      frame = { x: Math.round((w - pw * scale) / 2), y: Math.round((h - ph * scale) / 2), w: pw * scale, h: ph * scale }
    }
    drawBelow()
    drawAbove()
  }

  // -- drawing

  const drawBelow = () => {
    const context = below.getContext("2d")
    context.clearRect(0, 0, root.clientWidth, root.clientHeight)
    if (flat()) return drawCurves(context)
    if (!picture.width) return
    context.imageSmoothingEnabled = frame.w < COARSE * picture.width
    context.drawImage(picture, frame.x, frame.y, frame.w, frame.h)
  }

  const drawCurves = (context) => {
    const values = model.curves.flatMap((curve) => curve)
    const [low, high] = [Math.min(...values), Math.max(...values)]
    const span = high - low || 1
    model.curves.forEach((curve, i) => {
      context.strokeStyle = CURVES[i % CURVES.length]
      context.lineWidth = 1.5
      context.beginPath()
      curve.forEach((value, k) => {
        const x = frame.x + ((k + 0.5) / curve.length) * frame.w
        const y = frame.y + (1 - (value - low) / span) * frame.h
        k ? context.lineTo(x, y) : context.moveTo(x, y)
      })
      context.stroke()
    })
    context.fillStyle = ink()
    context.globalAlpha = 0.65
    context.font = "12px system-ui, sans-serif"
    context.fillText(high.toPrecision(3), 4, frame.y - 4)
    context.fillText(low.toPrecision(3), 4, frame.y + frame.h + 14)
    context.globalAlpha = 1
  }

  const drawAbove = () => {
    const context = above.getContext("2d")
    context.clearRect(0, 0, root.clientWidth, root.clientHeight)
    if (region) {
      const [[y0, y1], [x0, x1]] = flat() ? [[-1, 1], region[0]] : region
      const [[left, top], [right, bottom]] = [toScreen(y0, x0), toScreen(y1, x1)]
      context.fillStyle = "rgba(240, 140, 0, .18)"
      context.strokeStyle = "rgba(240, 140, 0, .9)"
      context.lineWidth = 1
      context.fillRect(left, top, right - left, bottom - top)
      context.strokeRect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1)
    }
    const places = moved ?? model.anchors
    if (model.opacity > 0) {
      context.globalAlpha = model.opacity
      context.strokeStyle = "#fff"
      context.lineWidth = 1
      const d = flat() ? 1 : 2
      const room = d === 1 ? frame.w / places.length : Math.sqrt((2 * frame.w * frame.h) / places.length)
      const dot = Math.min(Math.max(0.3 * room, 0.75), model.dot) // many leave something of the picture to be seen
      const chosen = new Set(model.chosen)
      for (let i = 0; i < places.length / d; i++) {
        const [x, y] = d === 1 ? toScreen(0.98, places[i]) : toScreen(places[2 * i], places[2 * i + 1])
        context.fillStyle = chosen.has(i) ? "#f08c00" : "#1668b8"
        context.beginPath()
        context.arc(x, y, dot, 0, 2 * Math.PI)
        context.fill()
        if (dot > 2) context.stroke()
      }
      context.globalAlpha = 1
    }
    const path = gesture?.kind === "lasso" ? gesture.path : model.lasso
    if (path.length > 1) {
      context.beginPath()
      if (flat()) {
        const [left, right] = [Math.min, Math.max].map((of) => toScreen(0, of(...path.map(([, x]) => x)))[0])
        context.rect(left, frame.y, right - left, frame.h)
      } else {
        path.forEach(([y, x], i) => context[i ? "lineTo" : "moveTo"](...toScreen(y, x)))
        context.closePath()
      }
      context.fillStyle = "rgba(22, 104, 184, .15)"
      context.strokeStyle = "#1668b8"
      context.setLineDash([4, 3])
      context.fill()
      context.stroke()
      context.setLineDash([])
    }
    const at = gesture?.kind === "push" ? gesture.to : hover
    if (at && model.tool === "push" && !model.empty) {
      const [x, y] = toScreen(flat() ? 0 : at[0], at[1])
      context.strokeStyle = ink()
      context.lineWidth = 1
      context.beginPath()
      if (flat()) context.rect(x - (model.radius / 2) * frame.w, frame.y, model.radius * frame.w, frame.h)
      else context.ellipse(x, y, (model.radius / 2) * frame.w, (model.radius / 2) * frame.h, 0, 0, 2 * Math.PI)
      context.stroke()
    }
  }

  // -- the hand

  const tell = (phase) => {
    if (gesture?.kind === "push")
      model.send_msg({ kind: "push", phase, from: outgoing(gesture.from), to: outgoing(gesture.to), sequence: ++sequence })
    root.dataset.sent = sequence
  }
  const tellSoon = () => { // at once, but not more often than the screen is drawn: then the last place of the frame
    if (waiting) return (untold = true)
    waiting = true
    untold = false
    tell("move")
    requestAnimationFrame(() => {
      waiting = false
      if (untold && gesture) tellSoon()
    })
  }

  above.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || model.empty) return
    root.focus()
    above.setPointerCapture(event.pointerId)
    const at = toDomain(event)
    const first = sequence + 1
    gesture = model.tool === "push" ? { kind: "push", from: at, to: at, first } : { kind: "lasso", path: [at], first }
    if (gesture.kind === "push") tell("move") // what will change is shown before anything has moved
    drawAbove()
  })
  above.addEventListener("pointermove", (event) => {
    hover = toDomain(event)
    if (gesture?.kind === "push") {
      gesture.to = hover
      tellSoon()
    } else if (gesture) gesture.path.push(hover)
    drawAbove()
  })
  const release = (event) => {
    if (!gesture) return
    const done = gesture
    if (done.kind === "push") tell(event.type === "pointerup" ? "end" : "cancel")
    gesture = null
    if (done.kind === "lasso") model.send_msg({ kind: "lasso", polygon: done.path.length > 2 ? done.path : [] })
    region = null
    drawAbove()
  }
  above.addEventListener("pointerup", release)
  above.addEventListener("pointercancel", release)
  above.addEventListener("pointerleave", () => {
    hover = null
    drawAbove()
  })
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && gesture) {
      event.stopPropagation()
      release({ type: "cancel" })
    }
  })

  // -- what comes in

  const load = (uri, draw) => {
    const image = new Image()
    image.onload = () => draw(image)
    image.src = uri
  }
  const show = () => {
    words.textContent = model.empty
    root.setAttribute("aria-label", model.title)
    above.style.cursor = model.empty ? "default" : "crosshair"
    moved = null
    region = null
    if (!model.picture) {
      picture.width = picture.height = 0
      return layout()
    }
    load(model.picture, (image) => {
      picture.width = image.width
      picture.height = image.height
      picture.getContext("2d").drawImage(image, 0, 0)
      still = image
      layout()
      root.dataset.shown = Number(root.dataset.shown ?? 0) + 1
    })
  }
  // While a brush is down: the pixels that changed, and where the anchors are now.
  // What comes after its gesture has ended is dropped: the whole picture is on its way.
  model.on("msg:custom", (message) => {
    if (!gesture || message.sequence < gesture.first || message.sequence <= drawn) return
    moved = message.anchors ?? moved
    region = message.region ?? region
    if (message.pixels && still) {
      const [h, w] = message.pixels.shape
      const bytes = new Uint8ClampedArray(message.pixels.buffer, message.pixels.byteOffset, message.pixels.length)
      const context = picture.getContext("2d")
      context.drawImage(still, 0, 0)
      context.putImageData(new ImageData(bytes, w, h), message.x, message.y)
      drawn = message.sequence
      root.dataset.drawn = drawn
      drawBelow()
    }
    drawAbove()
  })

  for (const name of ["picture", "empty", "title"]) model.on(name, show)
  model.on("curves", () => {
    moved = region = null
    layout()
  })
  for (const name of ["anchors", "chosen", "tool", "radius", "opacity", "dot", "lasso"])
    model.on(name, () => {
      if (name === "anchors") moved = null
      drawAbove()
    })
  const observer = new ResizeObserver(layout)
  observer.observe(root)
  model.on("remove", () => observer.disconnect())
  show()
}
