// A guess before the answer: the answer is put on the page only when the reader has committed to a number.

// The reader's browser may refuse to remember; then a guess lasts as long as the page.
function remembering(key) {
  let here = null
  return {
    read() { try { return JSON.parse(localStorage.getItem(key)) ?? here } catch { return here } },
    write(value) {
      here = value
      try { value === null ? localStorage.removeItem(key) : localStorage.setItem(key, JSON.stringify(value)) } catch { /* refused */ }
    },
  }
}

// A number as the text writes it, 100,000 or −0.5, and such a number read again.
const written = (value, digits) => value.toLocaleString("en", { maximumSignificantDigits: digits }).replace("-", "−").replace(/^−0$/, "0")
const read = text => Number(text.trim().replace(/,/g, "").replace("−", "-") || NaN)

function howFar(guess, answer, step, log, unit) {
  const factor = Math.max(guess / answer, answer / guess)
  if (log ? factor < 1.25 : Math.abs(guess - answer) < step / 2) return "Right."
  if (log) return `Your guess was ${written(factor, 2)} times too ${guess > answer ? "high" : "low"}.`
  return `Your guess was ${written(Math.abs(guess - answer), 3)}${unit} too ${guess > answer ? "high" : "low"}.`
}

async function render({ model, el }) {
  const { question, answer, low, high, step, log, unit, because } = await dataOf(model)
  const memory = remembering(`guess: ${question}`), id = `explorer${++made.count}-guess`
  const number = value => `${written(value, 4)}${unit}`
  const asSlid = value => log ? Math.log10(value) : value
  const slid = { type: "range", min: asSlid(low), max: asSlid(high), step, value: (asSlid(low) + asSlid(high)) / 2 }
  const slider = html("input", { ...slid, title: "Drag to your guess" })
  const field = textField({ inputMode: "decimal", id, title: "Or write your guess here" })
  slider.setAttribute("aria-label", `${question}, your guess`)
  const commit = html("button", { type: "button", title: "Show the answer beside your guess" }, "Commit")
  const again = html("button", { type: "button", title: "Forget this guess and make another" }, "Guess again")
  const line = lineOf()
  const label = html("label", { id: `${id}-label` }, "your guess")
  label.htmlFor = id
  field.setAttribute("aria-labelledby", `${id}-question ${id}-label`)

  const wide = 400, place = value => 10 + (wide - 20) * Math.min(1, Math.max(0, (asSlid(value) - asSlid(low)) / (asSlid(high) - asSlid(low))))
  const scale = svg("svg", { viewBox: `0 0 ${wide} 56`, role: "img", "aria-label": "your guess and the answer on one scale" })
  scale.style.maxWidth = `${1.2 * wide}px`
  const mark = (value, words, color, up) => {
    svg("circle", { cx: place(value), cy: 28, r: 6, style: `fill: var(--${color})` }, scale)
    const anchor = place(value) < 80 ? "start" : place(value) > wide - 80 ? "end" : "middle"
    svg("text", { x: place(value), y: up ? 16 : 50, "font-size": 13.5, "text-anchor": anchor }, scale).textContent = `${words} ${number(value)}`
  }
  const show = guess => {
    const open = guess === null
    slider.disabled = field.disabled = commit.disabled = !open
    again.hidden = open
    scale.replaceChildren()
    scale.style.display = open ? "none" : "block"
    line.textContent = ""
    if (open) return
    field.value = written(guess, 6)
    slider.value = asSlid(guess)
    svg("path", { d: `M10 28H${wide - 10}`, stroke: "currentColor" }, scale)
    mark(guess, "your guess", "M_hat", true)
    mark(answer, "the answer", "a", false)
    line.append(`You said ${number(guess)}; it is `, bold(number(answer)), `. ${howFar(guess, answer, step, log, unit)} ${because}`)
  }
  const guessed = () => {
    const guess = read(field.value)
    if (!Number.isFinite(guess)) throw new Sentence(`your guess is '${field.value.slice(0, 40)}', expected a number such as ${written(low, 4)}`)
    if (guess < low || guess > high) throw new Sentence(`your guess is ${written(guess, 6)}, expected one from ${number(low)} to ${number(high)}`)
    return guess
  }
  slider.oninput = () => {
    field.value = written(log ? 10 ** slider.value : Number(slider.value), log ? 2 : 6)
    slider.setAttribute("aria-valuetext", field.value)
  }
  field.oninput = () => { if (Number.isFinite(read(field.value))) slider.value = asSlid(read(field.value)) }
  field.onkeydown = event => {
    if (event.key !== "Enter") return
    event.preventDefault() // or it would press the button that takes the focus
    commit.click()
  }
  commit.onclick = () => {
    try {
      const guess = guessed()
      memory.write(guess)
      show(guess)
      again.focus()
    } catch (error) {
      if (!(error instanceof Sentence)) throw error
      line.textContent = error.message
    }
  }
  again.onclick = () => {
    memory.write(null)
    show(null)
    slider.focus()
  }
  const ends = html("output", {}, unit.trim())
  el.append(wholeOf("guess", html("div", { className: "question", id: `${id}-question` }, bold(question)),
    html("div", { className: "handle" }, html("span", {}, `${number(low)} to ${number(high)}`), slider),
    html("div", { className: "handle" }, label, field, ends), html("div", { className: "buttons" }, commit, again), scale, line.parentElement))
  slider.oninput()
  field.value = ""
  const before = memory.read()
  show(typeof before === "number" && before >= low && before <= high ? before : null)
}

export default { render }
