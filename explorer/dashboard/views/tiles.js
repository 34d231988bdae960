// Tiles over one view. See tiles.py.

const STYLE = `
  :host { display: block; width: 100%; }
  .rows { font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; color: var(--panel-on-background-color); outline: none; }
  .name { font-weight: 600; margin: 8px 0 4px; }
  .row { display: flex; flex-wrap: wrap; gap: 8px; }
  figure { margin: 0; }
  .title { margin-bottom: 4px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
  .caption { margin-top: 2px; min-height: 16px; color: color-mix(in srgb, var(--panel-on-background-color) 65%, var(--panel-background-color)); }
  .frame { position: relative; overflow: hidden; border-radius: 4px; cursor: grab; touch-action: none;
           background: color-mix(in srgb, var(--panel-on-background-color) 6%, transparent); }
  .frame.held { cursor: grabbing; } .frame.loupe { cursor: crosshair; }
  .frame img { position: absolute; image-rendering: pixelated; pointer-events: none; user-select: none; }
  .lens { width: 72px; height: 72px; border-radius: 50%; border: 2px solid var(--panel-primary-color); display: none; }
  .rows:focus-visible { outline: 2px solid var(--panel-primary-color); outline-offset: 4px; border-radius: 4px; }
`
const LENS = 76
const CLOSEST = 1 / 64

export function render({model, el}) {
  node("style", "", el, STYLE)
  const root = node("div", "rows", el)
  root.tabIndex = 0
  root.setAttribute("aria-label", "pictures side by side: + and - zoom, arrow keys move, 0 shows all")
  let frames = []

  const size = () => [model.box * model.shape[0], model.box * model.shape[1]]

  // Puts an image that shows `part` of the domain where it belongs while `view` is in sight.
  const place = (img, part) => {
    const [height, width] = size(), [y0, y1, x0, x1] = model.view
    img.style.top = `${((part[0] - y0) / (y1 - y0)) * height}px`
    img.style.left = `${((part[2] - x0) / (x1 - x0)) * width}px`
    img.style.height = `${((part[1] - part[0]) / (y1 - y0)) * height}px`
    img.style.width = `${((part[3] - part[2]) / (x1 - x0)) * width}px`
  }
  const arrange = () => {
    for (const {whole, near, key} of frames) {
      place(whole, [-1, 1, -1, 1])
      const fine = model.fine[key]
      near.style.display = fine ? "block" : "none"
      if (fine) {
        if (near.src !== fine.uri) near.src = fine.uri
        place(near, fine.view)
      }
    }
  }
  const show = (view) => {
    const kept = [0, 2].flatMap((i) => {
      const width = Math.min(view[i + 1] - view[i], 2)
      const low = Math.min(Math.max(view[i], -1), 1 - width)
      return [low, low + width]
    })
    model.view = kept.map((value) => Math.round(value * 1e4) / 1e4)
  }
  const zoom = (factor, y = (model.view[0] + model.view[1]) / 2, x = (model.view[2] + model.view[3]) / 2) => {
    const [y0, y1, x0, x1] = model.view
    const f = Math.max(factor, (2 * CLOSEST) / (x1 - x0))
    show([y - (y - y0) * f, y + (y1 - y) * f, x - (x - x0) * f, x + (x1 - x) * f])
  }
  const move = (dy, dx) => {
    const [y0, y1, x0, x1] = model.view
    show([y0 + dy * (y1 - y0), y1 + dy * (y1 - y0), x0 + dx * (x1 - x0), x1 + dx * (x1 - x0)])
  }
  const under = (event, frame) => {
    const box = frame.getBoundingClientRect(), [y0, y1, x0, x1] = model.view
    return [y0 + ((event.clientY - box.top) / box.height) * (y1 - y0), x0 + ((event.clientX - box.left) / box.width) * (x1 - x0)]
  }

  const listen = (frame, row) => {
    frame.addEventListener("wheel", (event) => {
      event.preventDefault()
      zoom(Math.exp(event.deltaY / 400), ...under(event, frame))
    }, {passive: false})
    frame.addEventListener("dblclick", () => show([-1, 1, -1, 1]))
    frame.addEventListener("pointerdown", (event) => {
      frame.setPointerCapture(event.pointerId)
      frame.classList.add("held")
    })
    frame.addEventListener("pointerup", () => frame.classList.remove("held"))
    frame.addEventListener("pointermove", (event) => {
      const box = frame.getBoundingClientRect()
      if (frame.hasPointerCapture(event.pointerId)) move(-event.movementY / box.height, -event.movementX / box.width)
      else if (model.loupe) model.pointed = [row, ...under(event, frame).map((value) => Math.round(value * 1e3) / 1e3)]
    })
    frame.addEventListener("pointerleave", () => { if (model.pointed.length) model.pointed = [] })
  }

  const look = () => {
    const [row, y, x] = model.pointed
    const [height, width] = size(), [y0, y1, x0, x1] = model.view
    for (const {lens, r, c} of frames) {
      const uri = model.loupe && r === row ? model.lenses[c] : ""
      lens.style.display = uri ? "block" : "none"
      if (!uri) continue
      if (lens.src !== uri) lens.src = uri
      lens.style.top = `${((y - y0) / (y1 - y0)) * height - LENS / 2}px`
      lens.style.left = `${((x - x0) / (x1 - x0)) * width - LENS / 2}px`
    }
    for (const {frame} of frames) frame.classList.toggle("loupe", model.loupe)
  }

  const draw = () => {
    root.replaceChildren()
    frames = []
    const [height, width] = size()
    model.rows.forEach(({name, tiles}, r) => {
      node("div", "name", root, name)
      const row = node("div", "row", root)
      tiles.forEach((tile, c) => {
        const figure = node("figure", "", row)
        figure.style.width = `${model.box}px`
        node("div", "title", figure, tile.title).title = tile.title
        const frame = node("div", "frame", figure)
        frame.style.width = `${width}px`
        frame.style.height = `${height}px`
        const whole = node("img", "", frame), near = node("img", "", frame), lens = node("img", "lens", frame)
        whole.alt = `${tile.title} of ${name}`
        near.alt = lens.alt = ""
        whole.src = tile.uri
        whole.draggable = near.draggable = false
        node("div", "caption", figure, tile.caption)
        listen(frame, r)
        frames.push({frame, whole, near, lens, key: `${r},${c}`, r, c})
      })
    })
    arrange()
    look()
  }
  root.addEventListener("keydown", (event) => {
    const act = {
      "+": () => zoom(0.8), "-": () => zoom(1.25), "0": () => show([-1, 1, -1, 1]),
      ArrowLeft: () => move(0, -0.1), ArrowRight: () => move(0, 0.1), ArrowUp: () => move(-0.1, 0), ArrowDown: () => move(0.1, 0),
    }[event.key]
    if (!act) return
    act()
    event.preventDefault()
    event.stopPropagation() // the page has other uses for these keys
  })
  for (const name of ["rows", "box", "shape"]) model.on(name, draw)
  for (const name of ["view", "fine"]) model.on(name, arrange)
  for (const name of ["pointed", "lenses", "loupe"]) model.on(name, look)
  draw()
}
