// The states of a cloud as a list with branches. See history_tree.py.

const STYLE = `
  :host { display: block; width: 100%; }
  .states { max-height: 240px; overflow-y: auto; font: 13px/1.4 system-ui, sans-serif; font-variant-numeric: tabular-nums;
            color: var(--panel-on-background-color);
            --quiet: color-mix(in srgb, var(--panel-on-background-color) 68%, var(--panel-background-color)); }
  .state { display: flex; align-items: center; gap: 8px; width: 100%; min-height: 26px; padding: 2px 8px; box-sizing: border-box;
           font: inherit; color: inherit; background: none; border: 0; border-radius: 4px; text-align: left; cursor: pointer; }
  .state:hover { background: color-mix(in srgb, var(--panel-on-background-color) 6%, transparent); }
  .state:focus-visible { outline: 2px solid var(--panel-primary-color); outline-offset: -2px; }
  .dot { flex: none; width: 8px; height: 8px; border-radius: 5px; border: 1px solid var(--panel-primary-color); box-sizing: border-box; }
  .was .dot, .is .dot { background: var(--panel-primary-color); }
  .is { font-weight: 600; background: color-mix(in srgb, var(--panel-primary-color) 10%, transparent); }
  .undone { color: var(--quiet); }
`
const INDENT = 16 // pixels a branch, up to where words would have no room
const DEEPEST = 6

export function render({ model, el }) {
  const style = document.createElement("style")
  style.textContent = STYLE
  el.append(style)
  const states = node("div", "states", el)
  states.setAttribute("role", "list")
  states.setAttribute("aria-label", "history")

  const draw = () => {
    const focused = states.contains(states.getRootNode().activeElement)
    states.replaceChildren()
    for (const { state, depth, text, stands } of model.states) {
      const item = node("div", "", states)
      item.setAttribute("role", "listitem")
      const button = node("button", `state ${stands}`, item)
      button.style.paddingLeft = `${8 + INDENT * Math.min(depth, DEEPEST)}px`
      node("span", "dot", button)
      node("span", "", button, stands === "undone" ? `${text} (undone)` : text)
      if (stands === "is") button.setAttribute("aria-current", "step")
      button.addEventListener("click", () => model.send_msg(state))
    }
    const now = states.querySelector("[aria-current]")
    if (!now) return
    if (focused) now.focus()
    const [top, height] = [now.offsetTop - states.offsetTop, states.clientHeight]
    if (top < states.scrollTop || top + now.offsetHeight > states.scrollTop + height) states.scrollTop = top - height / 2
  }
  model.on("states", draw)
  draw()
}
