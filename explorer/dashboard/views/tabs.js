// The names of the pages; the one that is open is underlined. See tabs.py.

const STYLE = `
  :host { display: block; }
  .tabs { display: flex; height: 48px; }
  button { width: 96px; padding: 0; font: 14px system-ui, sans-serif; color: var(--panel-on-background-color); background: none;
           border: 0; border-bottom: 2px solid transparent; border-top: 2px solid transparent; cursor: pointer; }
  button:hover { background: color-mix(in srgb, currentColor 6%, transparent); }
  button[aria-current] { font-weight: 600; color: var(--panel-primary-color); border-bottom-color: currentColor; }
  button:focus-visible { outline: 2px solid var(--panel-primary-color); outline-offset: -2px; }
`

export function render({model, el}) {
  node("style", "", el, STYLE)
  const tabs = node("div", "tabs", el)
  const buttons = model.names.map((name) => {
    const button = node("button", "", tabs, name)
    button.type = "button"
    button.onclick = () => model.send_msg(name)
    return button
  })
  const mark = () => {
    for (const button of buttons) {
      if (button.textContent === model.current) button.setAttribute("aria-current", "page")
      else button.removeAttribute("aria-current")
    }
  }
  model.on("current", mark)
  mark()
}
