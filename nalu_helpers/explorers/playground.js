// The playground: settings, a training that is seen live, Stop, Undo, Reset, and the code that does the same in a cell.
//
// With a kernel Python trains and sends numbers; without one a worker of this page trains what is in units.js. Both tell the same:
// { step, seeds, inside, outside, lost, W, gate }, check by check, with the W and gate of seed 0 when it is among the seeds.

const HERE = Object.keys(UNITS) // what a page can train alone
const PATIENCE = 15_000 // milliseconds without a word from the kernel after which it is taken for dead
const ADDRESS = "#playground&"
const VIEW = [0, 0, 660, 282], PANELS = [[0, 0, 328, 282], [332, 0, 328, 282]], SIZE = 12 // of the picture, its panels and its letters

function readNumber(text, name) {
  const number = Number(text.trim().replace(/[_ ]/g, "").replace("−", "-") || NaN)
  if (Number.isNaN(number)) throw new Sentence(`${name} is '${text.trim().slice(0, 40)}', expected a number such as 10`)
  return number
}

function readWhole(text, name, most) {
  const number = readNumber(text, name), shown = Number.isInteger(number) ? fixed(number) : general(number)
  if (!Number.isInteger(number) || number < 1) throw new Sentence(`${name} is ${shown}, expected a whole number of at least 1`)
  if (number > most) throw new Sentence(`${name} is ${shown}, expected at most ${fixed(most)} on this page: use fit_many in a cell for more`)
  return number
}

function readRange(text, name) {
  const ends = text.replace(/^[(\[\] ]+|[)\[\] ]+$/g, "").split(",")
  if (ends.length !== 2) throw new Sentence(`${name} is '${text.slice(0, 40)}', expected two numbers with a comma between, such as 1, 2`)
  const [low, high] = ends.map(end => readNumber(end, name)), shown = `${name} is (${general(low)}, ${general(high)})`
  if (!(Math.max(Math.abs(low), Math.abs(high)) <= 1e6)) throw new Sentence(`${shown}, expected ends between −1,000,000 and 1,000,000`)
  const mend = low > high ? `(${general(high)}, ${general(low)})` : `for example (${general(low)}, ${general(low + 1)})`
  if (low >= high) throw new Sentence(`${shown}, expected its first end below its second: write ${mend}`)
  return [low, high]
}

// What the fields ask for; a Sentence when it cannot be trained.
function readSettings(fields, { operations, most }) {
  const own = operations[fields.operation] === null, text = own ? fields.own : operations[fields.operation]
  const seeds = readWhole(fields.seeds, "seeds", most.seeds), steps = readWhole(fields.steps, "steps", most.steps)
  if (seeds * steps > most.in_all) {
    throw new Sentence(`seeds × steps is ${fixed(seeds * steps)}, expected at most ${fixed(most.in_all)} on this page: use fit_many in a cell for more`)
  }
  const rate = readNumber(fields.rate, "learning rate")
  if (!(rate > 0 && rate <= 1000)) {
    const expected = rate > 1000 ? "at most 1000: 0.01 is a good first try" : "a finite number above 0 such as 0.01"
    throw new Sentence(`learning rate is ${general(rate)}, expected ${expected}`)
  }
  const inside = readRange(fields.inside, "range to train on"), outside = readRange(fields.outside, "range to test on")
  const settings = { unit: fields.unit, operation: text, own, inside, outside, seeds, steps, rate }
  settings.every = Math.max(1, Math.min(Math.floor(steps / 100), 2000))
  try {
    const compute = expression(text)
    for (const [name, [low, high]] of [["train", inside], ["test", outside]]) {
      if (text === "a / b" && low <= 0 && high >= 0) {
        const shown = `${name} is (${general(low)}, ${general(high)})`
        throw new Sentence(`${shown} and holds 0, by which nothing can be divided: choose a range on one side of 0`)
      }
      const { y } = examination([low, high], compute), wrong = y.filter(value => !Number.isFinite(value)).length
      if (wrong) {
        const shown = `${fixed(wrong)} of ${fixed(y.length)} pairs from ${name} [${general(low)}, ${general(high)}]`
        throw new Sentence(`the answer is not a finite number for ${shown}: choose another range or operation`)
      }
      if (name === "train") settings.largest = 100 * mean([...y].map(value => value * value)) || 1
    }
  } catch (error) {
    throw error instanceof WrongExpression ? new Sentence(error.message) : error
  }
  return settings
}

function codeOf({ unit, operation, own, inside, outside, seeds, steps, rate, every }) {
  const range = ([low, high]) => `(${general(low, 16)}, ${general(high, 16)})`
  const asked = JSON.stringify(own ? operation.trim() : PYTHON[operation])
  return `from nalu_helpers import ${unit}, fit_many

runs = fit_many(lambda: ${unit}(1), ${asked}, seeds=range(${seeds}), ranges=[(${range(inside)}, ${range(outside)})],
                learning_rate=${general(rate, 16)}, steps=${steps}, every=${every}, weights=True).table
runs[runs.step == ${steps}]`
}

// A run as it is seen: what was asked, and check by check what came.
function newSeen(fields, settings) {
  const { steps, every } = settings, at = Array.from({ length: Math.ceil(steps / every) }, (_, i) => i * every).concat(steps)
  const empty = () => at.map(() => [])
  return { fields, settings, at, inside: empty(), outside: empty(), first: at.map(() => null), lost: {}, done: 0, words: "" }
}

function takeIn(seen, { step, seeds, inside, outside, lost, W, gate }) {
  const check = step === seen.settings.steps ? seen.at.length - 1 : step / seen.settings.every, finite = value => Number.isFinite(value) ? value : Infinity
  seeds.forEach((seed, i) => {
    seen.inside[check][seed] = finite(inside[i])
    seen.outside[check][seed] = finite(outside[i])
    if (lost[i] !== null) seen.lost[seed] = lost[i]
  })
  if (W) seen.first[check] = { W, gate }
}

const known = values => values.filter(value => value !== undefined)

// The last check in a sentence: errors inside and outside, and what seed 0 has learned.
function inWords(seen, ended, kernel = false) {
  const { steps, seeds } = seen.settings, last = seen.inside.findLastIndex(values => known(values).length)
  if (last < 0) return ended ? "It had not begun." : kernel ? "Compiling …" : "Starting …"
  const [inside, outside] = [seen.inside, seen.outside].map(values => general(median(known(values[last])), 2))
  let words = `median error inside ${inside}, outside ${outside}`
  const first = seen.first.findLast(Boolean), lost = Object.values(seen.lost), three = values => values.map(value => fixed(value, 3)).join(", ")
  if (first) {
    words += `; seed 0: W = ${first.W.map(W => `[${three(W)}]`).join(" and ")}`
    if (first.gate.length) words += `, gate ${first.gate.length > 1 ? `[${three(first.gate)}]` : three(first.gate)}`
  }
  if (lost.length) words += `. ${lost.length} of ${seeds} diverged, the first at step ${fixed(Math.min(...lost))}: try a smaller learning rate`
  return ended ? `${words}. Seeds: ${seeds}, steps: ${fixed(seen.at[last])}.` : `step ${fixed(seen.at[last])} of ${fixed(steps)} \u2002 ${words}`
}

const superscript = number => String(number).replace(/./g, digit => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(digit)])

// Axes with a grid, ticks and words, drawn here because their ends follow the settings; in place of what their part of the picture held.
function framed(part, box, { title, x, xs, y, ys, xlabel, ylabel }) {
  part.replaceChildren()
  const axes = new Axes({ box, x, y }, part, `explorer${++made.count}-axes`), [left, top, width, height] = box
  const text = (words, at) => Object.assign(svg("text", { "font-size": SIZE, ...at }, part), { textContent: words })
  const rule = (d, color) => svg("path", { d, fill: "none", style: `stroke: var(--${color})` }, part)
  for (const [value, words] of xs) {
    rule(`M${axes.x(value)} ${top}v${height}`, "grid")
    text(words, { x: axes.x(value), y: top + height + 18, "text-anchor": "middle" })
  }
  for (const [value, words] of ys) {
    rule(`M${left} ${axes.y(value)}h${width}`, "grid")
    text(words, { x: left - 8, y: axes.y(value) + 4, "text-anchor": "end" })
  }
  rule(`M${left} ${top}v${height}h${width}`, "ink")
  text(title, { x: left, y: top - 10, "font-weight": "bold" })
  text(xlabel, { x: left + width / 2, y: top + height + 36, "text-anchor": "middle" })
  text(ylabel, { x: left - 50, y: top + height / 2, "text-anchor": "middle", transform: `rotate(-90 ${left - 50} ${top + height / 2})` })
  return axes
}

// A chart for `settings`, empty; the function returned draws what has been seen.
function chart([left, right], { steps, seeds, largest }) {
  const xs = [0, 1, 2].map(i => [steps * i / 2, fixed(Math.round(steps * i / 2))]), x = [0, steps, "linear", 0]
  const top = Math.floor(Math.log10(largest)), low = 10 ** (top - 16), powers = [0, 4, 8, 12, 16].map(down => [10 ** (top - down), `10${superscript(top - down)}`])
  const errors = framed(left, [62, 30, 236, 210], {
    title: "Error inside and outside the range", x, xs, y: [low, largest, "log", 0], ys: powers,
    xlabel: "step", ylabel: "mean squared error",
  })
  const learned = framed(right, [394, 30, 236, 210], {
    title: "What seed 0 has learned", x, xs, y: [-2.2, 2.2, "linear", 0],
    ys: [-2, -1, 0, 1, 2].map(value => [value, String(value).replace("-", "−")]), xlabel: "step", ylabel: "value",
  })
  const legend = (part, axes, entries) => entries.forEach(([words, color, dash], i) => {
    const { left, top, height } = axes.box, y = top + height - 14 - 18 * (entries.length - 1 - i)
    const sample = svg("path", { d: `M${left + 8} ${y}h30`, "stroke-width": 3, "stroke-dasharray": dash }, part)
    sample.style.stroke = css(color)
    svg("text", { x: left + 44, y: y + 4, "font-size": SIZE }, part).textContent = words
  })
  const whose = seeds > 1 ? `, median of ${seeds} seeds` : ""
  legend(left, errors, [[`inside${whose}`, "a", ""], [`outside${whose}`, "m", "8 4"]])
  legend(right, learned, [["W of a", "W", ""], ["W of b", "W_hat", "8 4"], ["gate", "g", "8 3 2 3"]])
  const thin = ["a", "m"].map(color => errors.line(color, { width: 0.6 }))
  const medians = [errors.line("a", { width: 3 }), errors.line("m", { width: 3, dash: "8 4" })]
  const pairs = [0, 1].map(() => [learned.line("W"), learned.line("W_hat", { dash: "8 4" })]), gates = [0, 1].map(() => learned.line("g", { dash: "8 3 2 3" }))
  const now = [errors, learned].map(axes => axes.line("ink", { width: 1, dash: "1 3" }))
  return seen => {
    const above = value => value === undefined ? NaN : Math.max(value, low / 10)
    for (const [i, values] of [seen.inside, seen.outside].entries()) {
      const some = [...Array(Math.min(seeds, 16)).keys()]
      thin[i](some.flatMap(() => [...seen.at, NaN]), some.flatMap(seed => [...values.map(check => above(check[seed])), NaN]))
      const there = values.map((check, at) => [seen.at[at], known(check)]).filter(([, check]) => check.length)
      medians[i](there.map(([step]) => step), there.map(([, check]) => above(median(check))))
    }
    const first = seen.first.map((entries, at) => ({ step: seen.at[at], ...entries })).filter(entries => entries.W), steps = first.map(({ step }) => step)
    pairs.forEach((pair, i) => pair.forEach((line, j) => line(steps, first.map(({ W }) => W[i]?.[j] ?? NaN))))
    gates.forEach((line, i) => line(steps, first.map(({ gate }) => gate[i] ?? NaN)))
    for (const [i, ends] of [[low, largest], [-2.2, 2.2]].entries()) now[i]([seen.done, seen.done], ends)
  }
}

const PYTHON = { "a + b": "+", "a - b": "-", "a * b": "*", "a / b": "/", "a ** 2": "a ** 2", "sqrt(a)": "sqrt(a)" }

async function render({ model, el }) {
  const handles = model.get("handles"), data = await dataOf(model), fields = {}, shown = {}
  const line = lineOf("Press Train."), bar = html("progress", { max: 1, value: 0, title: "How much of the training is done" })
  const code = html("textarea", { readOnly: true, rows: 6, hidden: true, title: "Copy it into a cell of your own" })
  const picture = svg("svg", { role: "img", "aria-label": `Explorer: ${model.get("title")}` })
  const parts = PANELS.map(box => ({ part: svg("g", { class: "part" }, picture), box })), panels = parts.map(({ part }) => part)
  bar.setAttribute("aria-label", "progress")
  code.setAttribute("aria-label", "code")
  let kernel = false, on = false, number = 0, seen = null, draw = null, worker = null, heard = 0, due = false
  const kept = []

  const put = (name, value) => {
    fields[name] = value
    shown[name].show(value)
  }
  for (const handle of handles) {
    ++made.count
    shown[handle.name] = handled(handle, value => {
      fields[handle.name] = value
      keep(model, handle.name, value)
    })
    put(handle.name, model.get(handle.name))
  }
  shown.own.input.oninput = () => { // who writes an expression wants it learned
    const { name, options } = handles.find(({ name }) => name === "operation"), own = options.find(option => data.operations[option] === null)
    put(name, own)
    keep(model, name, own)
  }
  const note = html("div", { className: "note" }, `This page trains ${HERE.join(", ")}; the other units need Python.`)
  const withKernel = there => { // a page alone trains some units only
    kernel = note.hidden = there
    for (const option of shown.unit.input.options) {
      option.disabled = !there && !HERE.includes(option.value)
      option.textContent = option.disabled ? `${option.value} (needs Python)` : option.value
    }
  }
  const tell = message => { try { model.send?.(message) } catch { withKernel(false) } }
  const off = (button, is) => { // a button that is really disabled loses the keyboard's focus
    button.setAttribute("aria-disabled", is)
    button.style.opacity = is ? 0.5 : ""
  }
  const say = words => { line.textContent = words }
  const answer = press => () => {
    try {
      press()
    } catch (error) {
      if (!(error instanceof Sentence)) throw error
      say(error.message)
    }
  }
  const paint = () => {
    due = false
    draw(seen)
    bar.value = seen.done / seen.settings.steps
    say(on ? inWords(seen, false, !worker) : seen.words)
  }
  const repaint = () => {
    if (!due) requestAnimationFrame(paint)
    due = true
  }
  const end = words => {
    on = false
    worker?.terminate()
    line.setAttribute("aria-live", "polite")
    seen.words = words + inWords(seen, true)
    off(buttons.Train, false)
    off(buttons.Undo, !kept.length)
    repaint()
  }
  const take = checks => {
    for (const check of checks) takeIn(seen, check)
    repaint()
  }

  const alone = URL.createObjectURL(new Blob([data.worker], { type: "text/javascript" }))
  const trainInPage = settings => {
    worker = new Worker(alone)
    worker.onmessage = ({ data: { check, done } }) => {
      if (done) return end("")
      seen.done = check.step
      take([check])
    }
    worker.onerror = ({ message }) => end(`${message} `)
    worker.postMessage(settings)
  }
  const listen = () => { // a kernel that says nothing for long was restarted, or has died
    if (!on || worker) return
    if (performance.now() - heard > PATIENCE) {
      withKernel(false)
      return end(`The kernel does not answer any more: run the cell again. Until then Train works for ${HERE.join(", ")}, in the page itself. `)
    }
    setTimeout(listen, 1000)
  }
  const remember = () => {
    try {
      history.replaceState(history.state, "", ADDRESS + new URLSearchParams(fields))
    } catch { /* a page from a file may not change its address */ }
  }

  const press = {
    Train() {
      if (on) return
      const settings = readSettings(fields, data)
      if (!kernel && !HERE.includes(settings.unit)) {
        throw new Sentence(`${settings.unit} needs Python, and this page has no kernel: choose ${HERE.join(", ")} here, or run notebook 12 in JupyterLab`)
      }
      if (seen) kept.push(seen)
      seen = newSeen({ ...fields }, settings)
      draw = chart(panels, settings)
      on = true
      number++
      worker = null
      heard = performance.now()
      line.setAttribute("aria-live", "off")
      off(buttons.Train, true)
      off(buttons.Undo, true)
      if (kernel) {
        tell({ ask: "train", number, settings })
        listen()
      } else {
        remember()
        trainInPage(settings)
      }
      paint()
    },
    Stop() {
      if (!on) throw new Sentence("Nothing is being trained: press Train first.")
      tell({ ask: "stop", number })
      end("Stopped. ")
    },
    Undo() {
      if (on) throw new Sentence("A training is going on: press Stop first.")
      if (!kept.length) throw new Sentence("There is no training before this one.")
      seen = kept.pop()
      for (const [name, value] of Object.entries(seen.fields)) put(name, value), keep(model, name, value)
      draw = chart(panels, seen.settings)
      off(buttons.Undo, !kept.length)
      if (!kernel) remember()
      paint()
    },
    Reset() {
      for (const { name, first } of handles) put(name, first), keep(model, name, first)
      if (!on) say(seen ? seen.words : "Press Train.")
    },
    "Copy as code"() {
      code.value = codeOf(readSettings(fields, data))
      code.hidden = false
      code.select()
      navigator.clipboard?.writeText(code.value).catch(() => {}) // the text stands there to be copied by hand
    },
  }
  const buttons = {}
  for (const [name, title] of data.buttons) {
    buttons[name] = html("button", { type: "button", title }, name)
    buttons[name].onclick = answer(press[name])
  }
  off(buttons.Undo, true)

  const hear = message => {
    if (!kernel) withKernel(true) // whatever it says, it lives
    if (message.number !== number || !on) return
    heard = performance.now()
    if (message.done !== undefined) seen.done = message.done
    if (message.checks) take(message.checks)
    if (message.end !== undefined) end(message.end)
  }
  model.on("msg:custom", hear)
  withKernel(false)
  tell({ ask: "hello" })

  // An address that somebody passed on holds settings: take them, and train.
  const follow = () => {
    if (!location.hash.startsWith(ADDRESS)) return
    for (const [name, value] of new URLSearchParams(location.hash.slice(ADDRESS.length))) {
      const handle = handles.find(other => other.name === name)
      if (handle && (!handle.options || handle.options.includes(value))) put(name, value.slice(0, 1000))
    }
    if (on) press.Stop()
    whole.scrollIntoView()
    buttons.Train.click()
  }
  draw = chart(panels, readSettings(Object.fromEntries(handles.map(({ name, first }) => [name, first])), data))
  const rows = handles.map(({ name }) => shown[name].row)
  const whole = wholeOf("", ...rows, note, html("div", { className: "buttons" }, ...Object.values(buttons)), bar, arranged(picture, "", VIEW, parts), line.parentElement, code)
  el.append(whole)
  const first = setTimeout(follow) // when the page has put all its explorers in place
  addEventListener("hashchange", follow)
  return () => {
    on = false
    worker?.terminate()
    URL.revokeObjectURL(alone)
    clearTimeout(first)
    removeEventListener("hashchange", follow)
    model.off("msg:custom", hear)
  }
}

export default { render }
