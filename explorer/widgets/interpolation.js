// A slider between codes and the render under it. See interpolation.py.

const STYLE = `
.explorer-slider { font: 13px system-ui, sans-serif; font-variant-numeric: tabular-nums; display: inline-block; max-width: 100%; color: var(--jp-ui-font-color1, inherit); }
.explorer-slider .line { display: flex; align-items: center; gap: 8px; margin: 4px 0; }
.explorer-slider input { flex: 1; min-width: 0; accent-color: #1668b8; }
.explorer-slider .end { opacity: .75; white-space: nowrap; }
.explorer-slider img { display: block; image-rendering: pixelated; border-radius: 4px; }
.explorer-slider svg { display: block; border: 1px solid var(--jp-border-color2, #dfe2e6); border-radius: 4px; }
.explorer-slider .fault { color: #c0392b; }
`
const SVG = "http://www.w3.org/2000/svg"
const TONES = ["#1f77b4", "#b4561f", "#2f8f4e", "#8a4fbf", "#a8324a", "#5f6b73"]

function render({model, el}) {
  const style = document.createElement("style")
  style.textContent = STYLE
  const box = document.createElement("div")
  box.className = "explorer-slider"
  const make = (tag, name) => {
    const element = document.createElement(tag)
    if (name) element.className = name
    return element
  }
  const [line, word, first, last, place, fault] = [make("div", "line"), make("span"), make("span", "end"), make("span", "end"), make("output"), make("div", "fault")]
  const input = make("input")
  input.type = "range"
  input.min = 0
  input.dataset.lmSuppressShortcuts = "true" // else JupyterLab takes the arrow keys for itself
  const image = make("img")
  const plot = document.createElementNS(SVG, "svg")
  line.append(word, first, input, last, place)
  box.append(line, image, plot, fault)
  el.append(style, box)

  // One value is on its way to Python at a time; when its picture is there the latest one follows.
  let waiting = null
  let busy = false
  const send = (value) => {
    if (busy) { waiting = value; return }
    busy = true
    waiting = null
    model.set("value", value)
    model.save_changes()
  }
  const answered = () => {
    busy = false
    if (waiting !== null && waiting !== model.get("value")) send(waiting)
    waiting = null
  }
  input.addEventListener("input", () => { place.textContent = Number(input.value).toFixed(2); send(Number(input.value)) })

  const moved = () => {
    if (waiting !== null || busy) return // the hand is ahead
    input.value = model.get("value")
    place.textContent = model.get("value").toFixed(2)
  }
  const rule = () => {
    const labels = model.get("labels")
    input.max = model.get("max")
    input.step = model.get("step")
    word.textContent = model.get("description")
    first.textContent = labels[0] ?? ""
    last.textContent = labels.at(-1) ?? ""
    input.setAttribute("aria-label", model.get("description") || `from ${labels[0]} to ${labels.at(-1)}`)
    box.style.width = image.style.width = `${model.get("width")}px`
    moved()
    draw()
  }
  const draw = () => {
    const bytes = model.get("image")
    const curves = model.get("curves")
    const has = bytes && bytes.byteLength > 0
    image.hidden = !has
    plot.style.display = curves.length ? "block" : "none"
    const what = `the function at ${model.get("shown").toFixed(2)}`
    if (has) {
      const url = URL.createObjectURL(new Blob([bytes], {type: "image/png"}))
      const old = image.src
      image.onload = () => old && URL.revokeObjectURL(old)
      image.src = url
      image.alt = what
    }
    if (curves.length) {
      const width = model.get("width")
      const height = Math.round(width / 2)
      plot.setAttribute("viewBox", `0 0 ${width} ${height}`)
      plot.setAttribute("width", width)
      plot.setAttribute("role", "img")
      plot.setAttribute("aria-label", what)
      plot.replaceChildren(...curves.map((heights, i) => {
        const curve = document.createElementNS(SVG, "polyline")
        curve.setAttribute("fill", "none")
        curve.setAttribute("stroke", TONES[i % TONES.length])
        curve.setAttribute("stroke-width", 1.5)
        curve.setAttribute("points", heights.map((y, x) => `${(x / (heights.length - 1)) * width},${(1 - y) * height}`).join(" "))
        return curve
      }))
    }
  }
  const failed = () => { fault.textContent = model.get("error") }

  model.on("change:value", moved)
  for (const name of ["max", "step", "description", "labels", "width"]) model.on(`change:${name}`, rule)
  for (const name of ["image", "curves"]) model.on(`change:${name}`, draw)
  model.on("change:shown", () => { draw(); answered(); moved() })
  model.on("change:error", () => { failed(); if (model.get("error")) answered() })
  rule()
  failed()
  return () => { if (image.src) URL.revokeObjectURL(image.src) }
}

export default {render}
