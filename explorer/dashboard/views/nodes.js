// What several scripts build their elements with. See script.py.

const SVG = "http://www.w3.org/2000/svg"

const node = (tag, cls, parent, text = "") => {
  const made = document.createElement(tag)
  made.className = cls
  made.textContent = text
  parent?.append(made)
  return made
}

const vector = (tag, parent, attributes) => {
  const made = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  parent.append(made)
  return made
}

