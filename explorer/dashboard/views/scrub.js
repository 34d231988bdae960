// A fit on one slider. See scrub.py.

const STYLE = `
  :host { display: block; width: 100%; }
  .scrub { padding: 4px; font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; color: var(--panel-on-background-color); }
  .line { display: flex; align-items: center; gap: 12px; margin: 4px 0 8px; }
  input { flex: 1; min-width: 0; accent-color: var(--panel-primary-color); }
  input:focus-visible { outline: 2px solid var(--panel-primary-color); outline-offset: 3px; border-radius: 4px; }
  output { min-width: 150px; }
  .parts { display: flex; flex-wrap: wrap; gap: 8px 16px; }
  figure { margin: 0; } figcaption { margin-bottom: 4px; }
  img { image-rendering: pixelated; width: 128px; height: 128px; object-fit: contain; display: block; border-radius: 4px;
        background: color-mix(in srgb, var(--panel-on-background-color) 6%, transparent); }
  svg { display: block; overflow: visible; }
  .curve { fill: none; stroke: var(--panel-primary-color); stroke-width: 2; }
  .rule { stroke: color-mix(in srgb, var(--panel-on-background-color) 20%, var(--panel-background-color)); }
  .here { fill: var(--panel-primary-color); stroke: var(--panel-background-color); stroke-width: 2; }
  .path { fill: none; stroke: var(--panel-on-background-color); stroke-width: 1.5; }
  .bar { fill: var(--panel-primary-color); }
  text { font: 11px system-ui, sans-serif; fill: color-mix(in srgb, var(--panel-on-background-color) 70%, var(--panel-background-color)); }
`
const SIDE = 128, WIDE = 200, PAD = 8

export function render({model, el}) {
  node("style", "", el, STYLE)
  const root = node("div", "scrub", el)
  let show = () => {}

  const figure = (parent, caption) => {
    const made = node("figure", "", parent)
    node("figcaption", "", made, caption)
    return made
  }
  const plot = (parent, width, label) => vector("svg", parent, {width, height: SIDE, role: "img", "aria-label": label})
  const span = (values) => [Math.min(...values), Math.max(...values)]
  const scale = ([low, high], from, to) => (value) => from + ((value - low) / (high - low || 1)) * (to - from)

  const draw = () => {
    root.replaceChildren()
    show = () => {}
    const fit = model.fit
    if (!fit.steps?.length) return
    const last = fit.steps.length - 1
    const line = node("div", "line", root)
    const slider = node("input", "", line)
    Object.assign(slider, {type: "range", min: 0, max: last, step: 1, value: model.at})
    slider.setAttribute("aria-label", "moment of the fit")
    const said = node("output", "", line)
    slider.addEventListener("input", () => { model.at = Number(slider.value) })
    slider.addEventListener("keydown", (event) => event.stopPropagation()) // the page has other uses for these keys
    const parts = node("div", "parts", root)

    const truth = node("img", "", figure(parts, `signal ${fit.name}`))
    truth.src = fit.truth
    truth.alt = `signal ${fit.name}`
    const picture = node("img", "", figure(parts, "its code renders"))

    const curve = plot(figure(parts, "PSNR [dB] over steps"), WIDE, `PSNR from ${fit.psnr_db[0]} to ${fit.psnr_db[last]} dB`)
    const [x, y] = [scale(span(fit.steps.map(Math.log)), PAD, WIDE - PAD), scale(span(fit.psnr_db), SIDE - 20, PAD)]
    vector("line", curve, {x1: 0, x2: WIDE, y1: SIDE - 14, y2: SIDE - 14, class: "rule"})
    const at = fit.steps.map((step, i) => [x(Math.log(step)), y(fit.psnr_db[i])])
    vector("polyline", curve, {points: at.join(" "), class: "curve"})
    vector("text", curve, {x: 0, y: SIDE - 2}).textContent = `step ${fit.steps[0]}`
    vector("text", curve, {x: WIDE, y: SIDE - 2, "text-anchor": "end"}).textContent = `${fit.steps[last]}`
    const dot = vector("circle", curve, {r: 5, class: "here"})

    const shown = fit.codes[0].length
    const kept = shown < fit.numbers ? `first ${shown} of ${fit.numbers} numbers` : `${shown} numbers`
    const code = plot(figure(parts, `code, ${kept}`), WIDE, `the code, ${kept}, as bars`)
    vector("line", code, {x1: 0, x2: WIDE, y1: SIDE / 2, y2: SIDE / 2, class: "rule"})
    const bars = fit.codes[0].map((_, k) => vector("rect", code, {x: (k * WIDE) / shown, width: Math.max(WIDE / shown - 0.5, 0.5), class: "bar"}))

    const map = plot(figure(parts, "on the map of the others"), WIDE, "the way of the code on the map")
    const all = [...fit.points, ...fit.places]
    const [px, py] = [0, 1].map((axis) => scale(span(all.map((point) => point[axis])), axis ? SIDE - PAD : PAD, axis ? PAD : WIDE - PAD))
    fit.points.forEach(([a, b], i) => vector("circle", map, {cx: px(a), cy: py(b), r: 1.5, fill: fit.colors[i]}))
    vector("polyline", map, {points: fit.places.map(([a, b]) => [px(a), py(b)]).join(" "), class: "path"})
    const ring = vector("circle", map, {r: 5, class: "here"})

    show = () => {
      const i = Math.min(model.at, last)
      slider.value = i
      said.textContent = `step ${fit.steps[i].toLocaleString()}, ${fit.psnr_db[i].toFixed(1)} dB`
      slider.setAttribute("aria-valuetext", said.textContent)
      picture.src = fit.pictures[i]
      picture.alt = `the render after step ${fit.steps[i]}`
      dot.setAttribute("cx", at[i][0])
      dot.setAttribute("cy", at[i][1])
      bars.forEach((bar, k) => {
        const height = (Math.abs(fit.codes[i][k]) * SIDE) / 2
        bar.setAttribute("height", height)
        bar.setAttribute("y", fit.codes[i][k] > 0 ? SIDE / 2 - height : SIDE / 2)
      })
      ring.setAttribute("cx", px(fit.places[i][0]))
      ring.setAttribute("cy", py(fit.places[i][1]))
    }
    show()
  }
  model.on("fit", draw)
  model.on("at", () => show())
  draw()
}
