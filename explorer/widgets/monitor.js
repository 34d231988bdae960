// A job while it runs. See monitor.py.

const STYLE = `
.explorer-monitor { font: 13px system-ui, sans-serif; font-variant-numeric: tabular-nums; max-width: 640px; color: var(--jp-ui-font-color1, inherit); }
.explorer-monitor .line { display: flex; gap: 8px 16px; align-items: center; flex-wrap: wrap; margin: 4px 0; }
.explorer-monitor progress { width: 100%; height: 4px; accent-color: #1668b8; }
.explorer-monitor button { font: inherit; border: 1px solid var(--jp-border-color1, #bbb); border-radius: 4px; background: none; color: inherit; padding: 2px 8px; cursor: pointer; }
.explorer-monitor .plots { display: flex; gap: 16px; }
.explorer-monitor figure { margin: 0; flex: 1; }
.explorer-monitor figcaption { opacity: .75; }
.explorer-monitor svg { width: 100%; height: 120px; border: 1px solid var(--jp-border-color2, #dfe2e6); border-radius: 4px; }
`
const SVG = "http://www.w3.org/2000/svg"
const NAMES = {loss: "loss, logarithmic", psnr_db: "PSNR [dB]"}

const time = (s) => (s < 100 ? `${s.toFixed(0)} s` : `${(s / 60).toFixed(0)} min`)

function plot(name, points) {
  const figure = document.createElement("figure")
  const caption = document.createElement("figcaption")
  const svg = document.createElementNS(SVG, "svg")
  svg.setAttribute("viewBox", "0 0 300 120")
  svg.setAttribute("preserveAspectRatio", "none")
  const ys = points.map(([, y]) => (name === "loss" ? Math.log10(Math.max(y, 1e-12)) : y))
  const [low, high] = [Math.min(...ys), Math.max(...ys)]
  const [from, to] = [points[0][0], points.at(-1)[0]]
  const line = document.createElementNS(SVG, "polyline")
  const where = points.map(([x], i) => `${(300 * (x - from)) / (to - from || 1)},${115 - (110 * (ys[i] - low)) / (high - low || 1)}`)
  line.setAttribute("points", where.join(" "))
  line.setAttribute("fill", "none")
  line.setAttribute("stroke", "#1668b8")
  line.setAttribute("stroke-width", 1.5)
  line.setAttribute("vector-effect", "non-scaling-stroke")
  svg.append(line)
  const first = points[0][1].toPrecision(3)
  const last = points.at(-1)[1].toPrecision(3)
  caption.textContent = `${NAMES[name] ?? name}: ${first} → ${last}, steps ${from} to ${to}`
  svg.setAttribute("role", "img")
  svg.setAttribute("aria-label", caption.textContent)
  figure.append(caption, svg)
  return figure
}

function render({model, el}) {
  const style = document.createElement("style")
  style.textContent = STYLE
  const box = document.createElement("div")
  box.className = "explorer-monitor"
  const line = document.createElement("div")
  line.className = "line"
  const words = document.createElement("span")
  const bar = document.createElement("progress")
  bar.setAttribute("aria-label", "progress")
  const plots = document.createElement("div")
  plots.className = "plots"
  const button = (text, message) => {
    const element = document.createElement("button")
    element.textContent = text
    element.addEventListener("click", () => model.send(message ?? (model.get("state") === "paused" ? "resume" : "pause")))
    return element
  }
  const pause = button("pause")
  const cancel = button("cancel", "cancel")
  line.append(words, pause, cancel)
  box.append(line, bar, plots)
  el.append(style, box)

  const draw = () => {
    const [state, at, total, left] = ["state", "at", "total", "eta_s"].map((name) => model.get(name))
    const live = ["queued", "running", "paused"].includes(state)
    const parts = [state, model.get("text")]
    if (total && live) parts.push(`${at.toLocaleString()} of ${total.toLocaleString()}`)
    if (left != null && state === "running") parts.push(`${time(left)} left`)
    parts.push(`${time(model.get("seconds"))} of work`)
    words.textContent = parts.filter(Boolean).join(" · ")
    pause.hidden = cancel.hidden = !live
    pause.textContent = state === "paused" ? "go on" : "pause"
    bar.hidden = !live
    bar.max = total || 1
    bar.value = at
    plots.replaceChildren(...Object.entries(model.get("curves")).map(([name, points]) => plot(name, points)))
  }
  for (const name of ["state", "text", "at", "total", "eta_s", "seconds", "curves"]) model.on(`change:${name}`, draw)
  draw()
}

export default {render}
