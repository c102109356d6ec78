// A program, read token by token by a network whose registers an LSTM sets: what paper/programs.py computes, in the page.

const TOKENS = ["number", "+", "-", "<", ">", "if", "then", "else"], DIGITS = 7
const isNumber = token => /^[0-9]+$/.test(token)

function tokensOf(text) {
  const tokens = text.replace(/−/g, "-").split(/\s+/).filter(Boolean)
  if (!tokens.length) throw new Sentence("the program is empty, it has no token: write for example '7 + 2'")
  for (const [i, token] of tokens.entries()) {
    if (isNumber(token) && token.length > DIGITS) {
      throw new Sentence(`token ${i + 1} is a number of ${token.length} digits, expected at most ${DIGITS}: make it smaller`)
    }
    if (!isNumber(token) && !TOKENS.slice(1).includes(token)) {
      const known = TOKENS.slice(1).join(" "), shown = token.length > 40 ? `${token.slice(0, 40)}…` : token
      throw new Sentence(`token ${i + 1} is '${shown}', known are whole numbers and ${known}: put a space between two tokens`)
    }
  }
  return tokens
}

// The value of a program, "7 + 2" or "if 3 < 5 then 7 + 2 else 4 - 1".
function valueOf(tokens) {
  let place = 0
  const next = () => tokens[place] ?? "its end", comes = (...expected) => expected.includes(isNumber(next()) ? "number" : next())
  const take = (...expected) => {
    if (!comes(...expected)) {
      const met = `expected ${expected.join(" or ")} at token ${place + 1}, met ${next()}`
      throw new Sentence(`'${tokens.join(" ")}' is not a program: ${met}; try '7 + 2'`)
    }
    return tokens[place++] ?? "its end"
  }
  const number = () => Number(take("number"))
  const sum = () => {
    let total = number()
    while (comes("+", "-")) total += (take("+", "-") === "+" ? 1 : -1) * number()
    return total
  }
  let value
  if (comes("if")) {
    take("if")
    const left = number(), sign = take("<", ">"), right = number()
    take("then")
    const ifTrue = sum()
    take("else")
    const ifFalse = sum()
    value = (sign === "<" ? left < right : left > right) ? ifTrue : ifFalse
  } else value = sum()
  take("+", "-", "its end")
  return value
}

// After each token: the registers, and the W [registers + number, registers] that the LSTM set for it.
function run(tokens, { kernel, recurrent, bias, set, start, registers: count, unit, seesNumbers }) {
  const cells = recurrent.length, size = count * (count + 1)
  let h = Array(cells).fill(0), c = h, r = Array(count).fill(0)
  return tokens.map(token => {
    const number = isNumber(token) ? Number(token) / 100 : 0, kind = TOKENS.map(name => Number(name === (isNumber(token) ? "number" : token)))
    const x = [...kind, ...r.map(value => Math.tanh(10 * value)), ...seesNumbers ? [number] : []]
    const fromBefore = times(h, recurrent, bias), z = times(x, kernel, fromBefore)
    const [i, f, g, o] = [0, 1, 2, 3].map(gate => z.slice(gate * cells, (gate + 1) * cells))
    c = c.map((value, j) => sigmoid(f[j]) * value + sigmoid(i[j]) * Math.tanh(g[j]))
    h = c.map((value, j) => sigmoid(o[j]) * Math.tanh(value))
    const s = times(h, set, start), given = [...r, number]
    const W = given.map((_, row) => r.map((_, to) => Math.tanh(s[row * count + to]) * sigmoid(s[size + row * count + to])))
    const summed = times(given, W, Array(count).fill(0))
    r = unit === "NAC" ? summed : summed.map((a, to) => {
      const open = sigmoid(s[2 * size + to])
      return open * a + (1 - open) * Math.exp(given.reduce((sum, value, row) => sum + Math.log(Math.abs(value) + 1e-7) * W[row][to], 0))
    })
    return { registers: r.map(value => 100 * value), W }
  })
}

export default explorer(({ axes: [ax, table], data: { model, room, low }, limit }) => {
  const count = model.registers, looks = ["a", "m", "g", "W"]
  const lines = Array.from({ length: count }, (_, i) => ax.line(looks[i % 4], { width: 2, dash: i ? "6 3" : "" }))
  const dots = Array.from({ length: count }, (_, i) => ax.dots(looks[i % 4], { size: 8, shape: ["dot", "diamond", "square"][i % 3] }))
  const here = ax.area("inside", { under: true }), spoken = Array.from({ length: room }, () => ax.words({ size: 11, down: 16 }))
  const fields = Array.from({ length: (count + 1) * count }, () => table.words({ size: 14, down: 5 }))
  let read, after // a program is read once, however many of its tokens are looked at
  return ({ program, token }) => {
    const tokens = tokensOf(program), value = valueOf(tokens)
    if (tokens.length > room) throw new Sentence(`the program has ${tokens.length} tokens, the picture has room for ${room}: make it shorter`)
    limit("token", tokens.length)
    const at = Math.min(token, tokens.length), wide = room / tokens.length, places = tokens.map((_, i) => 0.5 + (i + 0.5) * wide)
    if (program !== read) {
      after = run(tokens, model)
      for (let i = 0; i < count; i++) {
        const values = after.map(({ registers }) => registers[i])
        lines[i](places, values)
        dots[i](places, values)
      }
      spoken.forEach((write, i) => write(places[i] ?? 1, low, tokens[i] ?? ""))
      read = program
    }
    here(places[at - 1] - wide / 2, places[at - 1] + wide / 2)
    const { registers, W } = after[at - 1]
    W.forEach((row, from) => row.forEach((weight, to) => fields[from * count + to](to, from, fixed(weight, 2).replace("-0.00", "0.00"))))
    return [
      `After token ${at} of ${tokens.length}, `, bold(tokens[at - 1]), `: registers ${registers.map(value => fixed(value, 1)).join(" and ")}. `,
      `At its end it says ${fixed(after.at(-1).registers[0], 1)}; the program's value is `, bold(fixed(value)), ".",
    ]
  }
})
