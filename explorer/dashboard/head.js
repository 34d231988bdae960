// Plots are drawn without WebGL where that is only imitated: Bokeh asks for it once, before there is any figure to tell it.
const { getContext } = HTMLCanvasElement.prototype
HTMLCanvasElement.prototype.getContext = function (kind, ...options) {
  const context = getContext.call(this, kind, ...options)
  return kind === "webgl" && context != null && imitated(context) ? null : context
}

// The code of the components, for which the page would ask only once it is there.
importShim(document.currentScript.dataset.components)
