// A file that comes in pieces over the socket, and is then saved as a download. See save.py.

export function render({model, el}) {
  el.style.display = "none"
  let pieces = []
  model.on("msg:custom", (event) => {
    const {piece, first, name} = event.data ?? event
    if (first) pieces = []
    pieces.push(piece)
    if (!name) return
    const link = document.createElement("a")
    link.href = URL.createObjectURL(new Blob(pieces, {type: "application/octet-stream"}))
    link.download = name
    link.click()
    pieces = []
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
  })
}
