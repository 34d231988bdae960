// Three linked slices a line. See slices.py.

const STYLE = `
  :host { display: block; width: 100%; }
  .slices { font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; color: var(--panel-on-background-color); }
  .title { font-weight: 600; margin: 12px 0 4px; } .title.part { font-weight: 400; margin-top: 4px; }
  .quiet { font-weight: 400; color: color-mix(in srgb, var(--panel-on-background-color) 65%, var(--panel-background-color)); margin-left: 8px; }
  .line { display: flex; flex-wrap: wrap; gap: 8px; }
  .plane { position: relative; cursor: crosshair; touch-action: none; border-radius: 4px; overflow: hidden; outline-offset: 2px;
           background: color-mix(in srgb, var(--panel-on-background-color) 6%, transparent); }
  .plane:focus-visible { outline: 2px solid var(--panel-primary-color); }
  img { width: 100%; height: 100%; image-rendering: pixelated; display: block; pointer-events: none; user-select: none; }
  .across, .along { position: absolute; background: #f08c00; opacity: 0.7; pointer-events: none; }
  .across { left: 0; right: 0; height: 1px; } .along { top: 0; bottom: 0; width: 1px; }
`

export function render({model, el}) {
  node("style", "", el, STYLE)
  const root = node("div", "slices", el)
  let planes = []

  const others = (axis) => [0, 1, 2].filter((each) => each !== axis) // down, then to the right
  const go = (axis, value) => {
    const kept = Math.round(Math.min(Math.max(value, 0), 0.9999) * 1e4) / 1e4
    if (kept !== model.place[axis]) model.place = model.place.map((old, i) => (i === axis ? kept : old))
  }
  const point = (axis, values) => {
    model.place = model.place.map((old, i) => {
      const k = others(axis).indexOf(i)
      return k < 0 ? old : Math.round(Math.min(Math.max(values[k], 0), 0.9999) * 1e4) / 1e4
    })
  }

  const listen = (frame, axis) => {
    const under = (event) => {
      const box = frame.getBoundingClientRect()
      point(axis, [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width])
    }
    frame.addEventListener("pointerdown", (event) => {
      frame.setPointerCapture(event.pointerId)
      under(event)
    })
    frame.addEventListener("pointermove", (event) => frame.hasPointerCapture(event.pointerId) && under(event))
    frame.addEventListener("wheel", (event) => {
      event.preventDefault()
      go(axis, model.place[axis] + Math.sign(event.deltaY) / model.shape[axis])
    }, {passive: false})
    frame.addEventListener("keydown", (event) => {
      const [down, right] = others(axis)
      const by = {ArrowUp: [down, -1], ArrowDown: [down, 1], ArrowLeft: [right, -1], ArrowRight: [right, 1], PageUp: [axis, -1], PageDown: [axis, 1]}[event.key]
      if (!by) return
      go(by[0], model.place[by[0]] + by[1] / model.shape[by[0]])
      event.preventDefault()
      event.stopPropagation() // the page has other uses for these keys
    })
  }

  const mark = () => {
    for (const {axis, frame, across, along} of planes) {
      const [down, right] = others(axis)
      across.style.top = `${100 * model.place[down]}%`
      along.style.left = `${100 * model.place[right]}%`
      const at = Math.floor(model.place[axis] * model.shape[axis]) + 1
      frame.title = `${model.axes[axis]} ${at} of ${model.shape[axis]}; arrow keys move the cross, page keys the slice`
    }
  }

  const build = () => {
    const focused = planes.findIndex(({frame}) => frame.matches(":focus"))
    root.replaceChildren()
    planes = []
    const scale = model.box / Math.max(...model.shape)
    for (const line of model.lines) {
      const title = node("div", `title ${line.part ? "part" : ""}`, root, line.title)
      node("span", "quiet", title, line.caption)
      const row = node("div", "line", root)
      line.planes.forEach((uri, axis) => {
        const [down, right] = others(axis)
        const frame = node("div", "plane", row)
        frame.tabIndex = line === model.lines[0] ? 0 : -1 // one line is enough for keys: all are linked
        frame.setAttribute("role", "group")
        frame.setAttribute("aria-label", `${line.title}, slice across ${model.axes[axis]}`)
        frame.style.height = `${Math.max(model.shape[down] * scale, 8)}px`
        frame.style.width = `${Math.max(model.shape[right] * scale, 8)}px`
        const img = node("img", "", frame)
        img.alt = `${line.title} across ${model.axes[axis]}`
        img.src = uri
        planes.push({axis, frame, img, across: node("div", "across", frame), along: node("div", "along", frame)})
        listen(frame, axis)
      })
    }
    mark()
    if (focused >= 0) planes[focused]?.frame.focus()
  }
  // While a hand moves the cross only pictures change.
  let shown = ""
  const draw = () => {
    const now = JSON.stringify([model.axes, model.shape, model.box, model.lines.map(({title, part}) => [title, part])])
    if (now !== shown) {
      shown = now
      return build()
    }
    const uris = model.lines.flatMap((line) => line.planes)
    planes.forEach(({img}, i) => { if (img.src !== uris[i]) img.src = uris[i] })
    const captions = root.querySelectorAll(".title > .quiet")
    model.lines.forEach((line, i) => { captions[i].textContent = line.caption })
  }
  model.on("lines", draw)
  for (const name of ["axes", "shape", "box"]) model.on(name, draw)
  model.on("place", mark)
  draw()
}
