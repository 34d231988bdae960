// The resolution slider: stops on a line, evenly spaced. See resolution.py.

const STYLE = `
  :host { display: block; width: 100%; }
  .slider { position: relative; height: 56px; margin: 0 12px; outline: none; cursor: pointer; touch-action: none;
            font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; user-select: none; }
  .rail { position: absolute; left: 0; right: 0; top: 19px; height: 2px; border-radius: 1px; background: color-mix(in srgb, var(--panel-on-background-color) 18%, var(--panel-background-color)); }
  .stop { position: absolute; top: 20px; width: 10px; height: 10px; margin: -5px 0 0 -5px; border-radius: 50%;
          box-sizing: border-box; background: var(--panel-background-color); border: 2px solid color-mix(in srgb, var(--panel-on-background-color) 55%, var(--panel-background-color)); }
  .stop.full { background: color-mix(in srgb, var(--panel-on-background-color) 55%, var(--panel-background-color)); }
  .stop.missing { border-color: color-mix(in srgb, var(--panel-on-background-color) 25%, var(--panel-background-color)); }
  .stop.missing.full { background: color-mix(in srgb, var(--panel-on-background-color) 25%, var(--panel-background-color)); }
  .native { position: absolute; top: 0; width: 2px; height: 8px; margin-left: -1px; background: color-mix(in srgb, var(--panel-on-background-color) 55%, var(--panel-background-color)); }
  .thumb { position: absolute; top: 20px; width: 22px; height: 22px; margin: -11px 0 0 -11px; border-radius: 50%;
           background: var(--panel-primary-color); box-shadow: 0 0 0 3px var(--panel-background-color); }
  .thumb.hollow::after { content: ""; position: absolute; inset: 5px; border-radius: 50%; background: var(--panel-background-color); }
  .slider:focus-visible .thumb { outline: 2px solid var(--panel-primary-color); outline-offset: 3px; }
  .size { position: absolute; top: 37px; transform: translateX(-50%); color: color-mix(in srgb, var(--panel-on-background-color) 80%, var(--panel-background-color)); }
  .size.missing { color: color-mix(in srgb, var(--panel-on-background-color) 62%, var(--panel-background-color)); }
  .size.chosen { color: var(--panel-on-background-color); font-weight: 600; }
`

const USUAL_WIDTH = 200
const LETTER = 7.5

// The stops whose sizes can be written without touching: the chosen one and the signals' own before all others.
function labelled(marks, chosen, width) {
  const reach = (i) => (LETTER * String(marks[i].size).length) / 2 + 3
  const apart = (i, j) => (Math.abs(i - j) * width) / (marks.length - 1) >= reach(i) + reach(j)
  const native = marks.findIndex((mark) => mark.native)
  const kept = []
  for (const i of [chosen, native, 0, marks.length - 1, ...marks.keys()]) {
    if (marks[i] && kept.every((j) => i !== j && apart(i, j))) kept.push(i)
  }
  return kept
}

export function render({model, el}) {
  const style = document.createElement("style")
  style.textContent = STYLE
  const slider = document.createElement("div")
  slider.className = "slider"
  slider.tabIndex = 0
  slider.setAttribute("role", "slider")
  slider.setAttribute("aria-label", "resolution")
  el.append(style, slider)

  const place = (i) => `${model.marks.length > 1 ? (100 * i) / (model.marks.length - 1) : 50}%`
  const add = (name, i) => {
    const part = document.createElement("div")
    part.className = name
    part.style.left = place(i)
    slider.append(part)
    return part
  }

  const draw = () => {
    slider.replaceChildren()
    const rail = document.createElement("div")
    rail.className = "rail"
    slider.append(rail)
    model.marks.forEach((mark, i) => {
      if (mark.native) add("native", i).title = "the signals' own resolution"
      const missing = mark.ready ? "" : "missing"
      const stop = add(`stop ${mark.full ? "full" : ""} ${missing}`, i)
      stop.title = `${mark.label}, ${mark.seen}`
    })
    for (const i of labelled(model.marks, model.value, slider.clientWidth || USUAL_WIDTH)) {
      add(`size ${i === model.value ? "chosen" : model.marks[i].ready ? "" : "missing"}`, i).textContent = model.marks[i].size
    }
    const mark = model.marks[model.value]
    if (!mark) return
    add(`thumb ${mark.full ? "" : "hollow"}`, model.value)
    slider.setAttribute("aria-valuemin", 0)
    slider.setAttribute("aria-valuemax", model.marks.length - 1)
    slider.setAttribute("aria-valuenow", model.value)
    slider.setAttribute("aria-valuetext", mark.label)
  }

  const go = (i) => {
    const value = Math.min(Math.max(i, 0), model.marks.length - 1)
    if (value !== model.value) model.value = value
  }
  const under = (event) => {
    const {left, width} = slider.getBoundingClientRect()
    return Math.round(((event.clientX - left) / width) * (model.marks.length - 1))
  }
  slider.addEventListener("pointerdown", (event) => {
    slider.setPointerCapture(event.pointerId)
    slider.focus()
    go(under(event))
  })
  slider.addEventListener("pointermove", (event) => {
    if (slider.hasPointerCapture(event.pointerId)) go(under(event))
  })
  const STEPS = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 2, PageDown: -2}
  slider.addEventListener("keydown", (event) => {
    if (event.key in STEPS) go(model.value + STEPS[event.key])
    else if (event.key === "Home") go(0)
    else if (event.key === "End") go(model.marks.length - 1)
    else return
    event.preventDefault()
    event.stopPropagation() // the page has other uses for these keys
  })

  model.on("marks", draw)
  model.on("value", draw)
  draw()
}
