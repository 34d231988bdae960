// A confusion matrix whose cells are buttons. See confusion.py.

const STYLE = `
  :host { display: block; width: 100%; }
  .scroll { overflow: auto; max-width: 100%; }
  table { border-collapse: separate; border-spacing: 2px; font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums;
          color: var(--panel-on-background-color); }
  th { font-weight: 400; padding: 2px 6px; color: color-mix(in srgb, var(--panel-on-background-color) 70%, var(--panel-background-color));
       max-width: 96px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  th.row { text-align: right; }
  caption { text-align: left; white-space: nowrap; padding: 0 0 4px; color: color-mix(in srgb, var(--panel-on-background-color) 70%, var(--panel-background-color)); }
  td { padding: 0; }
  button { font: inherit; color: inherit; border: 0; border-radius: 3px; width: 100%; min-width: 32px; height: 26px; cursor: pointer; padding: 0 4px; }
  button:focus-visible { outline: 2px solid var(--panel-primary-color); outline-offset: 1px; }
  button[aria-pressed=true] { box-shadow: inset 0 0 0 2px var(--panel-on-background-color); }
`

export function render({model, el}) {
  const style = document.createElement("style")
  style.textContent = STYLE
  const scroll = document.createElement("div")
  scroll.className = "scroll"
  el.append(style, scroll)
  let at = [0, 0]

  const draw = () => {
    const {counts, names, cell} = model
    const had = scroll.contains(scroll.getRootNode().activeElement)
    const table = document.createElement("table")
    const caption = table.createCaption()
    caption.textContent = counts.length ? "rows: the truth, columns: what was said" : ""
    const head = table.insertRow()
    head.append(document.createElement("th"))
    const heading = (text, scope, row) => {
      const th = document.createElement("th")
      th.scope = scope
      th.textContent = th.title = text
      if (row) th.className = "row"
      return th
    }
    names.forEach((name) => head.append(heading(name, "col")))
    if (cell.length === 2) at = [...cell]
    counts.forEach((row, i) => {
      const line = table.insertRow()
      line.append(heading(names[i], "row", true))
      const total = row.reduce((a, b) => a + b, 0)
      row.forEach((count, j) => {
        const button = document.createElement("button")
        const share = total ? count / total : 0
        const tone = i === j ? "var(--panel-primary-color)" : "var(--panel-danger-color, #c0392b)"
        const depth = count ? 12 + 48 * Math.sqrt(share) : 0
        button.style.background = count
          ? `color-mix(in srgb, ${tone} ${depth}%, var(--panel-background-color))`
          : "color-mix(in srgb, var(--panel-on-background-color) 4%, transparent)"
        button.textContent = count || ""
        button.dataset.at = `${i}.${j}`
        button.tabIndex = i === at[0] && j === at[1] ? 0 : -1
        const said = i === j ? "told right" : `taken for ${names[j]}`
        button.setAttribute("aria-label", `${names[i]}, ${said}: ${count}`)
        button.title = `${names[i]}, ${said}: ${count} of ${total}`
        button.setAttribute("aria-pressed", cell.length === 2 && cell[0] === i && cell[1] === j)
        button.addEventListener("click", () => model.send_msg([i, j]))
        line.insertCell().append(button)
      })
    })
    scroll.replaceChildren(table)
    if (had) scroll.querySelector(`[data-at="${at[0]}.${at[1]}"]`)?.focus()
  }

  const STEPS = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}
  scroll.addEventListener("keydown", (event) => {
    const step = STEPS[event.key]
    if (!step) return
    event.preventDefault()
    event.stopPropagation() // the page has other uses for these keys
    const last = model.names.length - 1
    const next = at.map((value, k) => Math.min(Math.max(value + step[k], 0), last))
    for (const [place, index] of [[at, -1], [next, 0]]) {
      const button = scroll.querySelector(`[data-at="${place[0]}.${place[1]}"]`)
      if (button) button.tabIndex = index
      if (!index) button?.focus()
    }
    at = next
  })

  for (const name of ["counts", "names", "cell"]) model.on(name, draw)
  draw()
}
