// Draws the gallery's chips, heads and lines, reusing what stands there so that pictures change in place. See gallery.py.

// Makes `parent` have exactly one child for each item, created by `make` and filled by `fill`.
function match(parent, items, make, fill) {
  while (parent.children.length > items.length) parent.lastChild.remove()
  items.forEach((item, i) => fill(parent.children[i] ?? parent.appendChild(make()), item))
}

export function render({ model, el }) {
  const chips = node("div", "chips", el)
  const table = node("table", "", node("div", "scroll", el))
  const heads = node("tr", "", node("thead", "", table))
  const lines = node("tbody", "", table)
  const empty = node("div", "empty", el)

  const tell = (kind, event, number) =>
    model.send_msg({ kind, number, shift: event.shiftKey ?? false, alt: event.altKey ?? false })

  el.addEventListener("click", (event) => {
    const target = event.target.closest("[data-kind]")
    if (target != null) tell(target.dataset.kind, event, Number(target.dataset.number))
  })
  el.addEventListener("pointerover", (event) => {
    const target = event.target.closest("[data-kind=picture]")
    if (target != null) tell("hover", event, Number(target.dataset.number))
  })
  el.addEventListener("pointerout", (event) => {
    if (event.target.closest("[data-kind=picture]") != null) tell("hover", event, null)
  })

  const button = (kind) => () => {
    const el = node("button", kind)
    el.type = "button"
    el.dataset.kind = kind
    return el
  }
  const picture = () => {
    const el = button("picture")()
    node("img", "", el).draggable = false
    return el
  }
  const fillPicture = (el, [row, uri]) => {
    const img = el.firstChild
    el.dataset.number = row
    el.title = `signal ${row}`
    img.alt = el.title
    img.width = img.height = model.tile
    if (img.src !== uri) img.src = uri
  }
  const fillCell = (cell, pictures) => match(cell.firstChild, pictures, picture, fillPicture)
  const cell = (cls) => () => {
    const el = node("td", cls)
    node("div", "pictures", el)
    return el
  }

  const label = (el, { cluster, name, color, size }) => {
    el.dataset.number = cluster
    el.replaceChildren()
    node("span", "dot", el).style.background = color
    node("span", "name", el).textContent = name
    node("span", "size", el).textContent = size.toLocaleString("en")
  }

  const draw = () => {
    const chosen = model.lines.some((line) => line.chosen.length > 0)
    const nothing = model.heads.length === 0 && !chosen
    el.classList.toggle("busy", model.busy !== "")
    empty.textContent = nothing ? model.busy || model.empty : ""
    chips.hidden = model.chips.length === 0
    match(chips, [...model.chips, null], button("drop"), (el, chip) => {
      el.dataset.kind = chip == null ? "clear" : "drop"
      el.className = el.dataset.kind
      if (chip == null) el.textContent = "clear"
      else label(el, chip)
      el.title = chip == null ? "clear the selection" : `take ${chip.name} out of the selection`
      if (chip != null) node("span", "cross", el).textContent = "×"
    })
    match(heads, nothing ? [] : ["", ...(chosen ? ["selection"] : []), ...model.heads], () => node("th", ""), (el, head) => {
      el.replaceChildren()
      if (typeof head === "string") el.textContent = head
      else {
        const inner = button("cluster")()
        inner.title = `select ${head.name}`
        label(inner, head)
        el.append(inner)
      }
    })
    match(lines, model.lines, () => node("tr", ""), (el, line) => {
      el.classList.toggle("current", line.title === model.current)
      const row = [...(chosen ? [line.chosen] : []), ...line.cells]
      if (el.firstChild == null) node("th", "", el)
      el.firstChild.textContent = line.title
      while (el.children.length > row.length + 1) el.lastChild.remove()
      row.forEach((pictures, i) => {
        const td = el.children[i + 1] ?? el.appendChild(cell("")())
        td.className = chosen && i === 0 ? "chosen" : ""
        fillCell(td, pictures)
      })
    })
  }

  for (const name of ["heads", "lines", "chips", "current", "tile", "empty", "busy"]) model.on(name, draw)
  draw()
}
