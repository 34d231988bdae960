// Lines with a state, a bar and buttons. See listing.py.

const STYLE = `
  :host { display: block; width: 100%; }
  .list { font: 13px/1.4 system-ui, sans-serif; font-variant-numeric: tabular-nums; color: var(--panel-on-background-color);
          --quiet: color-mix(in srgb, var(--panel-on-background-color) 68%, var(--panel-background-color)); }
  .line { display: grid; grid-template-columns: auto 1fr auto; column-gap: 8px; align-items: center; padding: 6px 8px;
          border-left: 2px solid transparent; border-bottom: 1px solid var(--divider-color); position: relative; }
  .line.chosen { border-left-color: var(--panel-primary-color); background: color-mix(in srgb, var(--panel-on-background-color) 4%, transparent); }
  .mark { display: flex; align-items: center; gap: 6px; min-width: 12px; }
  .dot { width: 10px; height: 10px; border-radius: 5px; }
  input[type=checkbox] { margin: 0; accent-color: var(--panel-primary-color); width: 16px; height: 16px; }
  .title { font: inherit; color: inherit; background: none; border: 0; padding: 0; text-align: left; cursor: pointer; overflow-wrap: anywhere; }
  .title:hover { text-decoration: underline; }
  .text { color: var(--quiet); overflow-wrap: anywhere; }
  .text.wrong { color: var(--panel-danger-color, #c0392b); }
  .note { color: var(--quiet); font-style: italic; overflow-wrap: anywhere; }
  .actions { display: flex; gap: 4px; flex-wrap: wrap; justify-content: flex-end; max-width: 220px; }
  .actions button { font: 12px system-ui, sans-serif; color: inherit; background: none; border: 1px solid var(--divider-color); border-radius: 4px; padding: 3px 8px; cursor: pointer; }
  .actions button:hover { border-color: var(--panel-on-background-color); }
  button:focus-visible, input:focus-visible { outline: 2px solid var(--panel-primary-color); outline-offset: 1px; }
  .bar { position: absolute; left: 0; bottom: -1px; height: 2px; background: var(--panel-primary-color); }
  .edit { display: grid; gap: 4px; }
  .edit input { font: inherit; color: inherit; background: none; border: 1px solid var(--divider-color); border-radius: 4px; padding: 4px 6px; width: 100%; box-sizing: border-box; }
  .empty { color: var(--quiet); padding: 8px 0; }
`

export function render({model, el}) {
  const style = document.createElement("style")
  style.textContent = STYLE
  const list = document.createElement("div")
  list.className = "list"
  el.append(style, list)
  let edited = null // the id of the line whose words are being changed

  const make = (tag, name, text) => {
    const element = document.createElement(tag)
    if (name) element.className = name
    if (text != null) element.textContent = text
    return element
  }
  const send = (action, id, values = {}) => model.send_msg({action, id, values})

  const editor = (line) => {
    const form = make("form", "edit")
    const inputs = ["title", "note"].map((name) => {
      const input = make("input")
      input.value = line[name]
      input.name = input.placeholder = name === "title" ? "name" : "note"
      input.setAttribute("aria-label", `${input.name} of ${line.title}`)
      input.maxLength = name === "title" ? 200 : 10000
      form.append(input)
      return input
    })
    const buttons = make("div", "actions")
    const save = make("button", "", "save")
    const leave = make("button", "", "leave as it is")
    leave.type = "button"
    const close = () => { edited = null; draw() }
    leave.addEventListener("click", close)
    buttons.append(save, leave)
    form.append(buttons)
    form.addEventListener("submit", (event) => {
      event.preventDefault()
      if (inputs[0].value.trim()) send("edit", line.id, {name: inputs[0].value.trim(), note: inputs[1].value.trim()})
      close()
    })
    form.addEventListener("keydown", (event) => {
      event.stopPropagation()
      if (event.key === "Escape") close()
    })
    setTimeout(() => inputs[0].focus())
    return form
  }

  const drawLine = (line) => {
    const row = make("div", `line ${line.chosen ? "chosen" : ""}`)
    row.setAttribute("role", "listitem")
    row.dataset.id = line.id
    const mark = make("div", "mark")
    if (line.checked != null) {
      const box = make("input")
      box.type = "checkbox"
      box.checked = line.checked
      box.setAttribute("aria-label", `compare ${line.title}`)
      box.addEventListener("change", () => send("check", line.id, {on: box.checked}))
      mark.append(box)
    }
    if (line.color) {
      const dot = make("span", "dot")
      dot.style.background = line.color
      mark.append(dot)
    }
    const words = make("div")
    if (edited === line.id) words.append(editor(line))
    else {
      const title = make("button", "title", line.title)
      if (line.chosen) title.setAttribute("aria-current", "true")
      title.addEventListener("click", () => send("choose", line.id))
      words.append(title)
      if (line.text) words.append(make("div", `text ${line.wrong ? "wrong" : ""}`, line.text))
      if (line.note) words.append(make("div", "note", line.note))
    }
    const actions = make("div", "actions")
    const add = (text, act) => {
      const button = make("button", "", text)
      button.setAttribute("aria-label", `${text} ${line.title}`)
      button.addEventListener("click", act)
      actions.append(button)
    }
    if (edited !== line.id) {
      for (const [action, text] of Object.entries(line.actions)) add(text, () => send(action, line.id))
      if (line.editable) add("rename", () => { edited = line.id; draw() })
    }
    row.append(mark, words, actions)
    if (line.share != null) {
      const bar = make("div", "bar")
      bar.style.width = `${100 * line.share}%`
      row.append(bar)
    }
    return row
  }

  const draw = () => {
    list.setAttribute("aria-label", model.label)
    list.setAttribute("role", model.lines.length ? "list" : "group") // a list without items is none
    const typing = edited != null && list.querySelector(`[data-id="${CSS.escape(edited)}"] form`)
    const active = list.getRootNode().activeElement
    const focused = active && list.contains(active) ? active.getAttribute("aria-label") || active.textContent : null
    const rows = model.lines.map((line) => {
      const kept = typing && line.id === edited && typing.closest(".line")
      return kept || drawLine(line)
    })
    list.replaceChildren(...rows)
    if (!rows.length) list.append(make("div", "empty", model.empty))
    if (focused) {
      const again = [...list.querySelectorAll("button, input")]
      again.find((e) => (e.getAttribute("aria-label") || e.textContent) === focused)?.focus()
    }
  }

  for (const name of ["lines", "empty", "label"]) model.on(name, draw)
  draw()
}
