// Keys, the window's width, the address, the clipboard and the connection. See browser.py.

// Inputs that take no text; switches and sliders are such beneath.
const PRESSED = ["button", "checkbox", "color", "file", "image", "radio", "range", "reset", "submit"]

const typing = (event) =>
  event.composedPath().some((node) =>
    node.tagName === "INPUT" ? !PRESSED.includes(node.type) : ["TEXTAREA", "SELECT"].includes(node.tagName) || node.isContentEditable)

// Space is also how a focused control is pressed, and arrows are how a slider moves.
const acting = (event) =>
  event.composedPath().some((node) =>
    event.key === " "
      ? node.tagName === "INPUT" || node.matches?.("button, a, label, [role=slider], [role=combobox], [role=option]")
      : event.key.startsWith("Arrow") && node.tagName === "INPUT" && ["radio", "range"].includes(node.type))

// The first element that a selector finds, also inside shadow roots.
function deep(selector, root = document) {
  const found = root.querySelector(selector)
  if (found) return found
  for (const element of root.querySelectorAll("*")) {
    const inner = element.shadowRoot && deep(selector, element.shadowRoot)
    if (inner) return inner
  }
  return null
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    // Without a secure context browsers only copy what is selected.
    const area = document.createElement("textarea")
    area.value = text
    document.body.append(area)
    area.select()
    document.execCommand("copy")
    area.remove()
  }
}

const LOST = "connection-lost"

// A line over the page while the server is away; once it answers the page loads again, and its address brings the view back.
// Bokeh could connect again by itself, but then fails to take in what changed meanwhile.
async function lose() {
  if (document.getElementById(LOST) !== null) return
  const line = document.createElement("div")
  line.id = LOST
  line.role = "alert"
  line.textContent = "the connection is lost, trying again …"
  line.style.cssText = `position: fixed; top: 8px; left: 50%; transform: translateX(-50%); z-index: 3000; padding: 6px 14px;
    font: 13px/1.5 system-ui, sans-serif; border-radius: 6px; color: #fff; background: #b3261e; box-shadow: 0 2px 8px #0006;`
  document.body.append(line)
  for (;;) {
    await new Promise((done) => setTimeout(done, 1000))
    try {
      await fetch(window.location.href, {method: "HEAD", cache: "no-store"}) // whatever it answers, it is there
      return window.location.reload()
    } catch { /* still away */ }
  }
}

export function render({model, view, el}) {
  el.style.display = "none"
  view?.model?.document?.on_event("connection_lost", lose)
  requestAnimationFrame(() => requestAnimationFrame(() => model.send_msg("drawn")))

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event) || acting(event) || !model.keys.includes(event.key)) return
    event.preventDefault()
    model.send_msg(event.key)
  }
  document.addEventListener("keydown", onKey)

  const media = window.matchMedia(`(max-width: ${model.narrow_below - 1}px)`)
  const onWidth = () => { model.narrow = media.matches }
  media.addEventListener("change", onWidth)
  onWidth()

  model.on("query", () => {
    const url = new URL(window.location)
    url.search = model.query
    window.history.replaceState(window.history.state, "", url)
  })
  model.on("msg:custom", (event) => {
    const asked = event.data ?? event
    if (asked.copy !== undefined) copy(asked.copy)
    if (asked.focus !== undefined) deep(`input[placeholder="${asked.focus}"]`)?.focus()
  })
  model.on("remove", () => {
    document.removeEventListener("keydown", onKey)
    media.removeEventListener("change", onWidth)
  })
}
