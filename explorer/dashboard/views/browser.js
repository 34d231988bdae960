// Keys, the window's width, the address and the clipboard. See browser.py.

const typing = (event) =>
  event.composedPath().some((node) => ["INPUT", "TEXTAREA", "SELECT"].includes(node.tagName) || node.isContentEditable)

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

export function render({model, el}) {
  el.style.display = "none"

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event) || !model.keys.includes(event.key)) return
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
  model.on("msg:custom", (event) => copy(event.data.copy))
  model.on("remove", () => {
    document.removeEventListener("keydown", onKey)
    media.removeEventListener("change", onWidth)
  })
}
