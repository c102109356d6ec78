// The parts of an explorer: axes to draw on, handles, a line of words, a Reset. Each script calls `explorer(draw)` once:
//   draw({ axes, data, limit }) makes the parts that move and returns move(values), which moves them and returns the words below;
//   limit(name, high) shortens the slider of that name.
// A ValueError, thrown as `new Sentence("…")`, is shown in place of the words, or under the field that was written in; the picture stays as
// it was, but pale.

class Sentence extends Error {}

const COLORS = ["ink", "page", "soft", "inside", "a", "m", "g", "W", "W_hat", "M_hat"]
const ON_A_SURFACE = "#222221" // what is drawn on a coloured surface is dark, or has a dark edge, on every page
const css = color => COLORS.includes(color) ? `var(--${color})` : color

function html(tag, attributes = {}, ...inside) {
  const element = Object.assign(document.createElement(tag), attributes)
  element.append(...inside)
  return element
}

// A field to write in. JupyterLab leaves it the browser's own menu, the one that pastes.
function textField(attributes) {
  const field = html("input", { type: "text", autocomplete: "off", spellcheck: false, ...attributes })
  field.setAttribute("data-jp-suppress-context-menu", "")
  return field
}

function svg(tag, attributes = {}, parent = null) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  if (parent) parent.append(element)
  return element
}

// The whole of an explorer. JupyterLab would take the arrow keys of a handle for its own shortcuts; the attribute asks it not to, and
// stands on each part because JupyterLab looks at the part that has the focus first.
function wholeOf(kind, ...inside) {
  const whole = html("div", { className: `explorer ${kind}` }, html("style", {}, CSS), ...inside)
  for (const part of whole.querySelectorAll("input, select, button, textarea")) part.setAttribute("data-lm-suppress-shortcuts", "true")
  return whole
}

// The line of words, in a box of its own that is as high as the most words so far: what is below it stays where it is, and is not laid out
// anew when the words change.
function lineOf(words = "") {
  const line = html("div", { className: "line" }, words), box = html("div", { className: "room" }, line)
  let wide = 0, high = 0
  line.setAttribute("aria-live", "polite")
  new ResizeObserver(([{ contentRect: { width, height } }]) => {
    high = width === wide ? Math.max(high, height) : height
    wide = width
    box.style.height = `${high}px`
  }).observe(line)
  return line
}

const bold = words => html("b", {}, words)

// Numbers as Python writes them: fixed(x, 3) is f"{x:,.3f}", general(x, 3) is f"{x:.3g}".
function fixed(value, digits = 0) {
  const size = Math.abs(value), scaled = size * 10 ** digits
  const tie = size * 2 ** (digits + 1) % 1 === 0 && scaled % 2 === 0.5 // Python rounds a tie to the even digit
  const written = tie ? Math.floor(scaled) / 10 ** digits : size
  const [whole, part] = size < 1e21 ? written.toFixed(digits).split(".") : [BigInt(size).toString(), "0".repeat(digits)]
  const sign = value < 0 || Object.is(value, -0) ? "-" : ""
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? `.${part}` : "")
}

function general(value, digits = 6) {
  if (value === 0 || !Number.isFinite(value)) return value === 0 ? "0" : { "Infinity": "inf", "-Infinity": "-inf" }[value] ?? "nan"
  const [digitsOf, power] = value.toExponential(digits - 1).split("e")
  if (power >= -4 && power < digits) return String(Number(value.toPrecision(digits)))
  return `${Number(digitsOf)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`
}

const median = values => {
  const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}
const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length
const times = (x, kernel, bias) => bias.map((b, unit) => x.reduce((sum, value, i) => sum + value * kernel[i][unit], b)) // a dense layer
const sigmoid = t => 1 / (1 + Math.exp(-t))

// How matplotlib's scales stretch a number before it is placed.
const SCALES = {
  linear: value => value,
  log: value => Math.log10(value),
  symlog: (value, threshold) => {
    const size = Math.abs(value) / threshold
    return size <= 1 ? value / 0.9 : Math.sign(value) * threshold * (1 / 0.9 + Math.log10(size))
  },
}

function placing([from, to, scale, threshold], start, length) {
  const stretch = value => SCALES[scale](value, threshold), low = stretch(from), high = stretch(to)
  return value => start + length * (stretch(value) - low) / (high - low)
}

// One pair of axes in a part of a picture: lines, dots and bars in the units of the data, cut off at its edges.
class Axes {
  constructor({ box: [left, top, width, height], x, y }, part, id) {
    this.box = { left, top, width, height }
    this.x = placing(x, left, width)
    this.y = placing(y, top + height, -height)
    const clip = svg("clipPath", { id }, part)
    svg("rect", { x: left, y: top, width, height }, clip)
    const cut = { "clip-path": `url(#${id})`, class: "moving" }
    this.below = svg("g", cut)
    this.above = svg("g", cut, part)
    this.free = svg("g", { class: "moving" }, part)
    part.prepend(this.below)
  }

  // A line through the points (xs[i], ys[i]); NaN leaves a gap. An outline makes it stand out from a surface of any colour.
  line(color, { width = 2, dash = "", outline = false } = {}) {
    const own = [color, width, dash], looks = outline ? [[ON_A_SURFACE, width + 3, ""], own] : [own]
    const paths = looks.map(([color, width, dash]) => {
      const path = svg("path", { fill: "none", "stroke-width": width, "stroke-dasharray": dash, "stroke-linejoin": "round" }, this.above)
      path.style.stroke = css(color)
      return path
    })
    return (xs, ys) => {
      let d = "", pen = "M"
      for (let i = 0; i < xs.length; i++) {
        const x = this.x(xs[i]), y = this.y(ys[i])
        if (Number.isNaN(x + y)) { pen = "M"; continue }
        d += `${pen}${x.toFixed(2)} ${Math.max(-1e4, Math.min(1e4, y)).toFixed(2)}`
        pen = "L"
      }
      for (const path of paths) path.setAttribute("d", d)
    }
  }

  // Dots, squares or diamonds of `size` at the points (xs[i], ys[i]), all one element.
  dots(color, { size = 8, shape = "dot", edge = "none" } = {}) {
    const path = svg("path", { "stroke-width": 1 }, this.free)
    path.style.fill = css(color)
    path.style.stroke = css(edge)
    const r = size / 2, mark = {
      dot: `m${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
      square: `m${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
      diamond: `m0 ${-r}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`,
    }[shape]
    return (xs, ys) => {
      let d = ""
      for (let i = 0; i < xs.length; i++) {
        const x = this.x(xs[i]), y = this.y(ys[i])
        if (!Number.isNaN(x + y)) d += `M${x.toFixed(2)} ${y.toFixed(2)}${mark}`
      }
      path.setAttribute("d", d)
    }
  }

  // A filled box between two corners; an end that is left out (null) is the axes' own edge.
  area(color, { under = false } = {}) {
    const rect = svg("rect", {}, under ? this.below : this.above)
    rect.style.fill = css(color)
    const { left, top, width, height } = this.box
    return (x0, x1, y0 = null, y1 = null) => {
      const [l, r] = [x0 === null ? left : this.x(x0), x1 === null ? left + width : this.x(x1)]
      const [t, b] = [y1 === null ? top : this.y(y1), y0 === null ? top + height : this.y(y0)]
      for (const [name, value] of Object.entries({ x: Math.min(l, r), y: Math.min(t, b), width: Math.abs(r - l), height: Math.abs(b - t) })) {
        rect.setAttribute(name, value)
      }
    }
  }

  // Words at the place (x, y), a number of points further down, with a rim in the colour of the page: they may stand on a line.
  words({ size = 12, down = 0 } = {}) {
    const text = svg("text", { "font-size": size, "text-anchor": "middle" }, this.free)
    Object.assign(text.style, { fill: "var(--ink)", stroke: "var(--page)", strokeWidth: 4, strokeLinejoin: "round", paintOrder: "stroke" })
    return (x, y, words) => {
      text.setAttribute("x", this.x(x))
      text.setAttribute("y", this.y(y) + down)
      text.textContent = words
    }
  }
}

const made = (globalThis.explorers ??= { count: 0 }) // explorers on this page so far, each of which loads this script anew: their ids must differ

// A picture is as wide as its explorer, but never smaller than it was drawn, so that what is written in it can be read. Where there is no
// room for all of its `view`, its parts stand under each other: { part, box } is a group in it, and where it was drawn. What is wider
// still scrolls.
function arranged(picture, title, view, parts) {
  const box = html("div", { className: "scrolls" }, picture), head = html("div", { className: "title" }, title)
  const widest = Math.max(...parts.map(({ box: [, , width] }) => width))
  const arrange = ([left, top, width, height], moves) => {
    parts.forEach(({ part }, i) => part.setAttribute("transform", `translate(${moves[i]})`))
    picture.setAttribute("viewBox", `${left} ${top} ${width} ${height}`)
    picture.style.setProperty("--natural", `${width / 16}rem`)
  }
  const sideBySide = () => arrange(view, parts.map(() => "0 0"))
  const underEachOther = () => {
    let end = 0
    const moves = parts.map(({ box: [left, top, width, height] }) => {
      end += height
      return `${(widest - width) / 2 - left} ${end - height - top}`
    })
    arrange([0, 0, widest, end], moves)
  }
  sideBySide()
  box.setAttribute("role", "group")
  box.setAttribute("aria-label", "picture")
  box.setAttribute("data-lm-suppress-shortcuts", "true") // the arrow keys scroll it
  new ResizeObserver(() => {
    if (head.clientWidth < view[2]) underEachOther()
    else sideBySide()
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0
    else box.removeAttribute("tabindex")
    box.setAttribute("aria-label", box.tabIndex === 0 ? "picture, wider than the page: the arrow keys scroll it sideways" : "picture")
  }).observe(head) // and not the box: its height follows from what is done here
  return html("div", { className: "picture" }, head, box)
}

// The still picture, and the axes on it.
function pictured(still, title) {
  const own = `explorer${++made.count}-`
  const whole = html("div", { innerHTML: still.svg.replace(/(id="|href="#|url\(#)/g, `$1${own}`) }).firstElementChild
  whole.setAttribute("role", "img")
  whole.setAttribute("aria-label", title)
  for (const side of ["width", "height"]) whole.removeAttribute(side) // the view is what tells its shape
  const parts = still.parts.map((box, i) => {
    const part = svg("g", { class: "part" }), drawn = whole.querySelectorAll(`.part${i}`)
    drawn[0].before(part)
    part.append(...drawn)
    return { part, box }
  })
  const axes = still.axes.map((axes, i) => new Axes(axes, parts[i].part, `${own}axes${i}`))
  return [arranged(whole, still.title, still.view, parts), axes]
}

// One handle, its label and where it stands; `tell(value)` is called whenever the hand moves it.
function handled(handle, tell) {
  const id = `explorer${made.count}-${handle.name}`, options = { id, title: handle.tip }
  const out = html("output")
  out.htmlFor = id
  let input
  if (handle.kind === "slider") {
    input = html("input", { ...options, type: "range", min: handle.low, max: handle.high, step: handle.step })
    input.oninput = () => tell(Number(input.value))
  } else if (handle.kind === "choice") {
    input = html("select", options, ...handle.options.map(option => html("option", { value: String(option) }, String(option))))
    input.onchange = () => tell(handle.options[input.selectedIndex])
  } else {
    input = textField(options)
    input.onchange = () => tell(input.value)
    input.onkeydown = event => { // JupyterLab would keep Enter for itself
      if (event.key !== "Enter" || event.isComposing) return
      event.stopPropagation()
      input.onchange()
    }
  }
  const show = value => {
    if (handle.kind === "choice") input.selectedIndex = handle.options.indexOf(value)
    else input.value = value
    if (handle.kind !== "slider") return
    out.textContent = fixed(value, handle.decimals)
    input.setAttribute("aria-valuetext", out.textContent)
  }
  const label = html("label", { title: handle.tip }, handle.label)
  label.htmlFor = id
  return { row: html("div", { className: "handle" }, label, input, out), show, input }
}

// A model that cannot reach a kernel, because there is none or it died, must not stop the hand.
function keep(model, name, value) {
  try {
    model.set(name, value)
    model.save_changes()
  } catch { /* what the reader sees is right; only Python does not hear of it */ }
}

// What Python told the script. Much of it travels deflated, in base64: see parts.py.
async function dataOf(model) {
  const known = model.get("known")
  if (known.startsWith("{")) return JSON.parse(known)
  if (typeof DecompressionStream === "undefined") throw new Error("it is too old to unpack the data")
  const bytes = Uint8Array.from(atob(known), letter => letter.charCodeAt(0))
  return JSON.parse(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text())
}

function explorer(draw) {
  async function render({ model, el }) {
    const data = await dataOf(model), handles = model.get("handles"), values = {}, shown = {}
    const [picture, axes] = pictured(model.get("still"), `Explorer: ${model.get("title")}`)
    const line = lineOf()
    const refusal = html("div", { className: "refusal", id: `explorer${made.count}-refusal` })
    refusal.setAttribute("role", "alert")
    const written = handles.find(handle => handle.kind === "text")
    const refuse = words => { // "" when nothing is refused
      picture.classList.toggle("former", words !== "")
      line.classList.toggle("wrong", words !== "")
      if (!written) return
      refusal.textContent = words
      shown[written.name].input.setAttribute("aria-invalid", words !== "")
    }
    const limit = (name, high) => { // the slider `name` ends at `high` from now on
      shown[name].input.max = high
      if (values[name] <= high) return
      put(name, high)
      keep(model, name, high)
    }
    const move = draw({ axes, data, limit })
    const redraw = () => {
      try {
        line.replaceChildren(...[move(values)].flat())
        refuse("")
      } catch (error) {
        if (!(error instanceof Sentence)) throw error
        line.textContent = written ? "" : error.message
        refuse(error.message)
      }
    }
    const put = (name, value) => {
      values[name] = value
      shown[name].show(value)
    }
    for (const handle of handles) {
      shown[handle.name] = handled(handle, value => {
        put(handle.name, value)
        redraw()
        keep(model, handle.name, value)
      })
      put(handle.name, model.get(handle.name))
    }
    const reset = html("button", { type: "button", title: "Put every handle back where it was at first" }, "Reset")
    reset.onclick = () => {
      for (const { name, first } of handles) put(name, first)
      redraw()
      for (const { name, first } of handles) keep(model, name, first)
    }
    const moved = handles.map(({ name }) => [`change:${name}`, () => { // Python moved it
      if (model.get(name) === values[name]) return
      put(name, model.get(name))
      redraw()
    }])
    for (const [event, answer] of moved) model.on(event, answer)
    const rows = handles.map(({ name }) => shown[name].row)
    el.append(wholeOf("", ...rows, html("div", { className: "buttons" }, reset), picture, line.parentElement))
    if (written) {
      shown[written.name].row.after(refusal)
      shown[written.name].input.setAttribute("aria-describedby", refusal.id)
    }
    redraw()
    return () => moved.forEach(([event, answer]) => model.off(event, answer))
  }
  return { render }
}
