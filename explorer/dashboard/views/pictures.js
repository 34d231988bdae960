// Pictures of pixels, kept in place while their content changes. See pixels.py.

const STYLE = `
  :host { display: block; width: 100%; }
  .pictures { display: flex; flex-wrap: wrap; gap: 8px; font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
  figure { margin: 0; padding: 0; border: 0; background: none; text-align: left; font: inherit; color: var(--panel-on-background-color); }
  button { cursor: pointer; }
  .box { display: flex; align-items: center; justify-content: center; border-radius: 4px;
         background: color-mix(in srgb, var(--panel-on-background-color) 6%, transparent); }
  img { image-rendering: pixelated; display: block; }
  img.stale { opacity: 0.5; }
  .title { margin-bottom: 4px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
  .caption { margin-top: 4px; opacity: 0.65; }
  button.figure { border: 0; padding: 0; background: none; border-radius: 4px; }
  button.figure:hover .box, button.figure:focus-visible .box { outline: 2px solid var(--panel-primary-color); }
`

export function render({model, el}) {
  const style = document.createElement("style")
  style.textContent = STYLE
  const row = document.createElement("div")
  row.className = "pictures"
  el.append(style, row)

  const make = (clickable) => {
    const figure = document.createElement(clickable ? "button" : "figure")
    figure.className = "figure"
    const [title, box, img, caption] = ["div", "div", "img", "div"].map((tag) => document.createElement(tag))
    title.className = "title"
    box.className = "box"
    caption.className = "caption"
    box.append(img)
    figure.append(title, box, caption)
    figure.addEventListener("click", () => clickable && model.send_msg(Number(figure.dataset.row)))
    return figure
  }

  const draw = () => {
    model.pictures.forEach((picture, i) => {
      const clickable = picture.row != null
      let figure = row.children[i]
      if (!figure || (figure.tagName === "BUTTON") !== clickable) {
        const fresh = make(clickable)
        figure ? figure.replaceWith(fresh) : row.append(fresh)
        figure = fresh
      }
      const [title, box, caption] = figure.children
      const img = box.firstChild
      figure.dataset.row = picture.row ?? ""
      figure.title = model.captions ? "" : `${picture.title} ${picture.caption}`.trim()
      title.textContent = picture.title
      caption.textContent = picture.caption
      title.hidden = caption.hidden = !model.captions
      title.title = model.captions ? picture.title : ""
      title.style.maxWidth = caption.style.maxWidth = `${model.box}px`
      box.style.width = box.style.height = `${model.box}px`
      img.alt = picture.title
      img.classList.toggle("stale", picture.stale)
      img.width = picture.width
      img.height = picture.height
      if (img.src !== picture.uri) img.src = picture.uri
    })
    while (row.children.length > model.pictures.length) row.lastChild.remove()
  }

  for (const name of ["pictures", "box", "captions"]) model.on(name, draw)
  draw()
}
