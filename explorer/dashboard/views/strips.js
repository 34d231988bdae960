// Strips of pictures, a slider, and curves of distance that share its axis. See strips.py.

const STYLE = `
  :host { display: block; width: 100%; }
  .walks { display: grid; grid-template-columns: 104px minmax(0, 1fr); column-gap: 8px; align-items: center;
            font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; color: var(--panel-on-background-color); }
  .quiet, .end { color: color-mix(in srgb, var(--panel-on-background-color) 65%, var(--panel-background-color)); }
  .name { grid-column: 1 / -1; margin-top: 8px; font-weight: 600; }
  .label { display: flex; align-items: center; gap: 6px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .dot { width: 8px; height: 8px; border-radius: 4px; flex: none; }
  .pictures { position: relative; margin: 2px 0; }
  .pictures img { position: absolute; top: 50%; transform: translate(-50%, -50%); image-rendering: pixelated; border-radius: 2px; }
  .pictures img.here { outline: 2px solid var(--panel-primary-color); outline-offset: 1px; }
  .note { display: flex; align-items: center; gap: 8px; height: 100%; }
  .note button { font: inherit; color: var(--panel-primary-color); background: none; border: 1px solid var(--divider-color);
                 border-radius: 4px; padding: 3px 8px; cursor: pointer; }
  .axis { display: flex; align-items: center; gap: 4px; }
  .play { width: 28px; height: 28px; border: 1px solid var(--divider-color); border-radius: 4px; background: none;
          color: inherit; cursor: pointer; display: grid; place-content: center; }
  button:focus-visible { outline: 2px solid var(--panel-primary-color); outline-offset: 1px; }
  .slider { position: relative; height: 44px; outline: none; cursor: pointer; touch-action: none; user-select: none; }
  .rail { position: absolute; left: 0; right: 0; top: 13px; height: 2px; border-radius: 1px; background: color-mix(in srgb, var(--panel-on-background-color) 25%, var(--panel-background-color)); }
  .tick { position: absolute; top: 14px; width: 10px; height: 10px; margin: -5px 0 0 -5px; border-radius: 5px;
          background: color-mix(in srgb, var(--panel-on-background-color) 55%, var(--panel-background-color)); }
  .end { position: absolute; top: 27px; transform: translateX(-50%); white-space: nowrap; }
  .end.first { transform: translateX(-12px); } .end.last { transform: translateX(calc(-100% + 12px)); }
  .thumb { position: absolute; top: 14px; width: 20px; height: 20px; margin: -10px 0 0 -10px; border-radius: 10px;
           background: var(--panel-primary-color); box-shadow: 0 0 0 3px var(--panel-background-color); }
  .slider:focus-visible .thumb { outline: 2px solid var(--panel-primary-color); outline-offset: 3px; }
  svg { display: block; width: 100%; height: 100px; overflow: visible; }
  .rule { stroke: color-mix(in srgb, var(--panel-on-background-color) 15%, var(--panel-background-color)); }
  svg text { font: 12px system-ui, sans-serif; fill: color-mix(in srgb, var(--panel-on-background-color) 65%, var(--panel-background-color)); }
`
const PAD = 28 // half a picture stands beyond the slider's ends
const PERIOD_MS = 40 // while it plays, t is told so often
const HEIGHT = 100, TOP = 14, BOTTOM = 88

export function render({model, el}) {
  node("style", "", el, STYLE)
  const grid = node("div", "walks", el) // Panel gives the name of the component to the element around it

  const share = (t) => `calc(${PAD}px + (100% - ${2 * PAD}px) * ${t})`

  let thumb, slider, play, here, shownT = model.t
  let strips = []

  const place = () => {
    shownT = model.t
    if (!slider) return
    thumb.style.left = `${100 * model.t}%`
    slider.setAttribute("aria-valuenow", model.t.toFixed(2))
    const at = model.t * Math.max(model.ends.length - 1, 1)
    slider.setAttribute("aria-valuetext", `t = ${at.toFixed(2)}`)
    here?.setAttribute("x1", `${100 * model.t}%`)
    here?.setAttribute("x2", `${100 * model.t}%`)
    for (const pictures of strips) {
      const nearest = Math.round(model.t * (pictures.length - 1))
      pictures.forEach((img, i) => img.classList.toggle("here", i === nearest))
    }
  }
  const go = (t) => {
    const value = Math.round(Math.min(Math.max(t, 0), 1) * 1000) / 1000
    if (value !== model.t) model.t = value
  }

  const drawSlider = () => {
    const left = node("div", "axis", grid)
    play = node("button", "play", left, model.playing ? "❚❚" : "▶")
    play.type = "button"
    play.title = "play (space)"
    play.setAttribute("aria-label", model.playing ? "stop" : "play")
    play.addEventListener("click", () => { model.playing = !model.playing })
    node("span", "quiet", left, "t")
    const cell = node("div", "", grid)
    cell.style.padding = `0 ${PAD}px`
    slider = node("div", "slider", cell)
    slider.tabIndex = 0
    for (const [name, value] of Object.entries({role: "slider", "aria-label": "t", "aria-valuemin": 0, "aria-valuemax": 1}))
      slider.setAttribute(name, value)
    node("div", "rail", slider)
    const last = model.ends.length - 1
    model.ends.forEach((name, i) => {
      node("div", "tick", slider).style.left = `${(100 * i) / Math.max(last, 1)}%`
      const end = node("div", `end ${i === 0 ? "first" : i === last ? "last" : ""}`, slider, name)
      end.style.left = `${(100 * i) / Math.max(last, 1)}%`
    })
    thumb = node("div", "thumb", slider)
    const under = (event) => {
      const {left, width} = slider.getBoundingClientRect()
      return (event.clientX - left) / width
    }
    slider.addEventListener("pointerdown", (event) => {
      slider.setPointerCapture(event.pointerId)
      slider.focus()
      model.playing = false
      go(under(event))
    })
    slider.addEventListener("pointermove", (event) => slider.hasPointerCapture(event.pointerId) && go(under(event)))
    slider.addEventListener("keydown", (event) => {
      const by = {ArrowRight: 0.02, ArrowUp: 0.02, ArrowLeft: -0.02, ArrowDown: -0.02, PageUp: 0.1, PageDown: -0.1}[event.key]
      if (by != null) go(model.t + by)
      else if (event.key === "Home") go(0)
      else if (event.key === "End") go(1)
      else return
      event.preventDefault()
      event.stopPropagation() // the page has other uses for these keys
    })
  }

  const fit = (img) => {
    const row = img.parentElement
    if (row == null || !img.naturalWidth) return
    const room = Math.min(model.box, (row.clientWidth - 2 * PAD) / (row.children.length - 1) - 3)
    const scale = Math.min(room / img.naturalWidth, model.box / img.naturalHeight)
    img.width = img.naturalWidth * (scale > 1 ? Math.floor(scale) : scale)
  }
  const sized = new ResizeObserver(() => strips.flat().forEach(fit))
  sized.observe(grid)

  const drawStrip = (strip, i, before) => {
    if (strip.name !== before) node("div", "name", grid, strip.name)
    const label = node("div", "label", grid)
    node("span", "dot", label).style.background = strip.color
    node("span", "", label, strip.label)
    label.title = `${strip.name}, ${strip.label}`
    const row = node("div", "pictures", grid)
    row.style.height = `${strip.pictures.length ? model.box : 30}px`
    strips[i] = strip.pictures.map((uri, j) => {
      const img = document.createElement("img")
      img.src = uri
      img.alt = `${strip.name}, ${strip.label}, stop ${j + 1} of ${strip.pictures.length}`
      img.style.left = share(j / (strip.pictures.length - 1))
      img.addEventListener("load", () => fit(img))
      img.addEventListener("click", () => go(j / (strip.pictures.length - 1)))
      row.append(img)
      return img
    })
    if (strip.note) {
      const note = node("div", "note quiet", row, "")
      node("span", "", note, strip.note)
      if (strip.action) node("button", "", note, strip.action).addEventListener("click", () => model.send_msg(i))
    }
  }

  const drawCurves = () => {
    const known = model.strips.filter((strip) => strip.distances.length > 1)
    here = null
    if (!known.length) return
    const title = node("div", "quiet", grid, "distance to the nearest signal")
    const cell = node("div", "", grid)
    cell.style.padding = `0 ${PAD}px`
    // Spaces of different checkpoints have different units, so each is measured by its own neighbours.
    const relative = known.map((strip) => strip.distances.map((d) => d / (strip.reference || 1)))
    const most = Math.max(1.3, ...relative.flat()) * 1.05
    const y = (value) => BOTTOM - (value / most) * (BOTTOM - TOP)
    const svg = vector("svg", cell, {role: "img"})
    const said = known.map((strip, i) => `${strip.name} ${strip.label}: at most ${Math.max(...relative[i]).toFixed(2)}`)
    svg.setAttribute("aria-label", `distance to the nearest signal along the walk, in typical distances; ${said.join("; ")}`)
    const step = most > 8 ? 4 : most > 4 ? 2 : most > 2 ? 1 : 0.5
    for (let value = 0; value <= most; value += step) {
      vector("line", svg, {x1: "0%", x2: "100%", y1: y(value), y2: y(value), class: "rule"})
      vector("text", svg, {x: -6, y: y(value) + 4, "text-anchor": "end"}).textContent = `${value}×`
    }
    vector("line", svg, {x1: "0%", x2: "100%", y1: y(1), y2: y(1), stroke: "currentColor", "stroke-dasharray": "4 4"})
    vector("text", svg, {x: "100%", y: y(1) - 4, "text-anchor": "end"}).textContent = "typical neighbour"
    const lines = vector("svg", svg, {x: 0, y: 0, width: "100%", height: HEIGHT, viewBox: `0 0 1000 ${HEIGHT}`, preserveAspectRatio: "none"})
    known.forEach((strip, i) => {
      const points = relative[i].map((d, j) => `${(1000 * j) / (relative[i].length - 1)},${y(d)}`).join(" ")
      vector("polyline", lines, {points, fill: "none", stroke: strip.color, "stroke-width": 2, "vector-effect": "non-scaling-stroke"})
    })
    here = vector("line", svg, {y1: TOP - 6, y2: BOTTOM, stroke: "var(--panel-primary-color)"})
    title.title = model.unit
  }

  const draw = () => {
    const focused = slider?.matches(":focus")
    grid.replaceChildren()
    strips = []
    drawSlider()
    let before = null
    const drawStrips = (wanted) => model.strips.forEach((strip, i) => {
      if (Boolean(strip.note) !== wanted) return
      drawStrip(strip, i, before)
      before = strip.name
    })
    drawStrips(false)
    drawCurves()
    drawStrips(true) // what there is nothing to see of comes last
    place()
    if (focused) slider.focus()
  }

  let frame = 0, direction = 1, last = 0, told = 0
  const step = (now) => {
    if (!model.playing) return
    const t = shownT + (direction * (now - last)) / (1000 * model.period_s)
    last = now
    if (t >= 1 || t <= 0) direction = t >= 1 ? -1 : 1
    const kept = Math.min(Math.max(t, 0), 1)
    if (now - told > PERIOD_MS) {
      told = now
      go(kept)
    }
    shownT = kept // t is rounded on its way
    frame = requestAnimationFrame(step)
  }
  const onPlay = () => {
    if (play) {
      play.textContent = model.playing ? "❚❚" : "▶"
      play.setAttribute("aria-label", model.playing ? "stop" : "play")
    }
    cancelAnimationFrame(frame)
    if (model.playing) {
      last = performance.now()
      frame = requestAnimationFrame(step)
    }
  }

  for (const name of ["strips", "ends", "box", "unit"]) model.on(name, draw)
  model.on("t", place)
  model.on("playing", onPlay)
  model.on("remove", () => {
    cancelAnimationFrame(frame)
    sized.disconnect()
  })
  draw()
}
