// Digits drawn by the reader, seen by a convnet that was trained before, and counted.

const PEN = 3, SIDE = 32 // half the width of a stroke, and the height of an image, in quarters of a pixel

// A drawing, strokes of points [x, y], as the images of the data set are: it fills the height or the width, and a pixel is the share of
// its 4 × 4 points that the pen covers, in sixteenths.
function inPixels(strokes) {
  const xs = strokes.flat().map(([x]) => x), ys = strokes.flat().map(([, y]) => y)
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)]
  const stretch = (SIDE - 2 * PEN) / Math.max(right - left, bottom - top, 1)
  const placed = strokes.map(stroke => stroke.map(([x, y]) => [
    SIDE / 2 + stretch * (x - (left + right) / 2), SIDE / 2 + stretch * (y - (top + bottom) / 2),
  ]))
  const parts = placed.flatMap(stroke => stroke.map((point, i) => [stroke[Math.max(0, i - 1)], point]))
  const pixels = Array(64).fill(0)
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      if (parts.some(([from, to]) => distance([column + 0.5, row + 0.5], from, to) < PEN)) pixels[8 * (row >> 2) + (column >> 2)]++
    }
  }
  return pixels
}

// From a point to the straight line between two others.
function distance([x, y], [x0, y0], [x1, y1]) {
  const dx = x1 - x0, dy = y1 - y0, length = dx * dx + dy * dy
  const along = length ? Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / length)) : 0
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy)
}

// What the network says of one image, 64 sixteenths: ten counts. A convolution of 3 × 3 in steps of 2, two dense layers, the total's unit.
function countsOf(pixels, { conv, hidden, features, W }) {
  const at = (row, column) => row < 8 && column < 8 ? pixels[8 * row + column] / 16 : 0
  const relu = values => values.map(value => Math.max(0, value)), three = [0, 1, 2], four = [0, 2, 4, 6]
  const seen = four.flatMap(row => four.flatMap(column =>
    relu(times(three.flatMap(i => three.map(j => at(row + i, column + j))), conv.kernel, conv.bias))))
  const softplus = value => Math.max(value, 0) + Math.log1p(Math.exp(-Math.abs(value)))
  const said = times(relu(times(seen, hidden.kernel, hidden.bias)), features.kernel, features.bias).map(softplus)
  return times(said, W, Array(10).fill(0))
}

async function render({ model, el }) {
  const { weights, images, own, most: highest } = await dataOf(model)
  const [picture, [pad, pixels, one, total]] = pictured(model.get("still"), `Explorer: ${model.get("title")}`)
  const pen = pad.line("ink", { width: 16 })
  pad.above.lastChild.setAttribute("stroke-linecap", "round")
  const dots = Array.from({ length: 64 }, (_, i) => {
    const box = pixels.area("ink")
    box(i % 8, i % 8 + 1, i >> 3, (i >> 3) + 1)
    return pixels.above.lastChild
  })
  const bars = [one, total].map(ax => Array.from({ length: 10 }, () => ({ bar: ax.area("a"), words: ax.words({ size: 11 }) })))
  const line = lineOf()
  let strokes = [], added = []
  const [handle] = model.get("handles")
  const shown = handled(handle, value => choose(value))
  const button = (words, tip) => html("button", { type: "button", title: tip }, words)
  const add = button("Add to the count", "Let the network count this image, and go on to the next")
  const undo = button("Undo", "Take the last image out of the count"), clear = button("Clear the pad", "Begin the drawing anew")
  const reset = button("Reset", "Clear everything")
  let image = model.get("image")

  const seen = () => image !== own ? images[handle.options.indexOf(image) - 1] : strokes.length ? inPixels(strokes) : null
  const sums = () => added.reduce((sum, counts) => sum.map((value, i) => value + counts[i]), Array(10).fill(0))
  const draw = (which, counts, top) => counts.forEach((count, digit) => { // a bar is cut off at the top, what it says is not
    const high = Math.min(count, top)
    bars[which][digit].bar(digit - 0.35, digit + 0.35, Math.min(0, high), Math.max(0, high))
    bars[which][digit].words(digit, Math.max(0, high) + 0.03 * top, Math.abs(count) < 0.15 ? "" : fixed(count, 1))
  })
  const show = () => {
    const now = seen(), counts = now && countsOf(now, weights)
    dots.forEach((dot, i) => { dot.style.opacity = now ? now[i] / 16 : 0 })
    pen(strokes.flatMap(stroke => [...stroke.map(([x]) => x), stroke.at(-1)[0] + 0.01, NaN]),
      strokes.flatMap(stroke => [...stroke.map(([, y]) => y), stroke.at(-1)[1], NaN]))
    draw(0, counts ?? Array(10).fill(0), 1.15)
    draw(1, sums(), 1.15 * highest)
    undo.disabled = !added.length
    line.classList.remove("wrong")
    const sum = values => fixed(values.reduce((all, value) => all + value, 0), 2)
    const said = added.length ? ` So far ${added.length} counted, and their counts come to ${sum(sums())}.` : ""
    if (!counts) return line.replaceChildren(`Draw a digit, or take a test image.${said}`)
    const most = Math.max(...counts)
    line.replaceChildren("This image looks most like a ", bold(String(counts.indexOf(most))), ` (${fixed(most, 2)}); its ten counts come to ${sum(counts)}.${said}`)
  }
  const choose = value => {
    image = value
    shown.show(value)
    keep(model, handle.name, value)
    if (value !== own) strokes = []
    show()
  }
  add.onclick = () => {
    const now = seen()
    if (!now) {
      line.textContent = "Nothing is drawn yet: draw a digit on the pad, or take a test image."
      line.classList.add("wrong")
      return
    }
    added.push(countsOf(now, weights))
    strokes = []
    show()
  }
  undo.onclick = () => { added.pop(); show() }
  clear.onclick = () => { strokes = []; choose(own) }
  reset.onclick = () => { added = []; strokes = []; choose(handle.first) }

  // The pen: a point of the screen, in pixels of the pad.
  const paper = svg("rect", { x: pad.box.left, y: pad.box.top, width: pad.box.width, height: pad.box.height, fill: "transparent" }, pad.free)
  paper.style.cursor = "crosshair"
  paper.addEventListener("touchstart", event => event.preventDefault()) // or the page scrolls: Chromium knows no touch-action within an svg
  const where = event => {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(paper.getScreenCTM().inverse())
    return [8 * (x - pad.box.left) / pad.box.width, 8 * (y - pad.box.top) / pad.box.height].map(value => Math.max(0, Math.min(8, value)))
  }
  paper.onpointerdown = event => {
    event.preventDefault()
    paper.setPointerCapture(event.pointerId)
    strokes.push([where(event)])
    choose(own)
  }
  paper.onpointermove = event => {
    if (!paper.hasPointerCapture(event.pointerId)) return
    strokes.at(-1).push(where(event))
    show()
  }
  const moved = () => { if (model.get(handle.name) !== image) choose(model.get(handle.name)) } // Python moved it
  model.on(`change:${handle.name}`, moved)
  el.append(wholeOf("", shown.row, html("div", { className: "buttons" }, add, undo, clear, reset), picture, line.parentElement))
  shown.show(image)
  show()
  return () => model.off(`change:${handle.name}`, moved)
}

export default { render }
