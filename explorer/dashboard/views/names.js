// Names for what has none. See names.py.

const unnamed = (button) => !button.textContent.trim() && !button.ariaLabel && !button.title && button.querySelector("svg")

const mend = {
  // A help mark: an icon that opens on focus but cannot take it, and beside it a span with the words.
  "svg + span[aria-label]:not([role], [aria-hidden])": (span) => {
    span.setAttribute("aria-hidden", "true")
    if (span.closest("fieldset")) return // a copy that cannot be seen and only takes up room
    const icon = span.previousElementSibling
    icon.setAttribute("role", "img")
    icon.setAttribute("aria-label", span.ariaLabel)
    icon.setAttribute("tabindex", "0")
    icon.removeAttribute("aria-hidden")
  },
  // A number field's minus and plus.
  ".MuiFormControl-root .MuiIconButton-root": (button) => {
    const field = button.closest(".MuiFormControl-root")
    const both = [...field.querySelectorAll(".MuiIconButton-root")]
    if (both.length !== 2 || !unnamed(button)) return
    const name = field.querySelector("label")?.firstChild?.textContent ?? ""
    button.setAttribute("aria-label", `${both[0] === button ? "less" : "more"} ${name}`.trim())
  },
  "[role=progressbar]:not([aria-label], [aria-labelledby], [title])": (bar) => bar.setAttribute("aria-label", "progress"),
  ".reached:not([tabindex])": (part) => part.setAttribute("tabindex", "0"),
}

export function render({model, el}) {
  el.style.display = "none"

  const look = (root) => {
    for (const [selector, set] of Object.entries(mend)) root.querySelectorAll(selector).forEach(set)
  }
  // Changes do not cross shadow roots, so each is watched: those that are there, and those that come.
  const watched = new WeakSet()
  const waiting = new Set()
  const later = (root) => {
    if (!waiting.size) setTimeout(() => {
      const roots = [...waiting]
      waiting.clear()
      for (const each of roots) enter(each)
    }, 100)
    waiting.add(root)
  }
  const observer = new MutationObserver((changes) => {
    for (const root of new Set(changes.filter(({addedNodes}) => addedNodes.length).map(({target}) => target.getRootNode()))) later(root)
  })
  const enter = (root) => {
    if (!watched.has(root)) {
      watched.add(root)
      observer.observe(root, {childList: true, subtree: true})
    }
    look(root)
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot && !watched.has(element.shadowRoot)) enter(element.shadowRoot)
    }
  }
  enter(document)
  model.on("remove", () => observer.disconnect())
}
