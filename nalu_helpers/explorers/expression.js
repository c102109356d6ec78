// A text such as "a * b + sqrt(a)" as a function of a and b. It is parsed, never run as JavaScript; what it may hold is what
// `expression.parse` allows in Python.
//
//   sum      = product (("+" | "-") product)*
//   product  = signed (("*" | "/") signed)*
//   signed   = ("+" | "-") signed | power
//   power    = atom ("**" signed)?
//   atom     = (number | name | "(" sum ")") ("(" sum? ")")?
//
// What is no expression at all is said first, as in Python; then the first name, number or call that is none of those allowed.

const FUNCTIONS = { sqrt: Math.sqrt, abs: Math.abs, log: Math.log, exp: Math.exp }
const DIGITS = String.raw`\d+(?:_\d+)*`, NUMBER = String.raw`(?:${DIGITS}\.?(?:${DIGITS})?|\.${DIGITS})(?:[eE][+-]?${DIGITS})?`
const TOKEN = new RegExp(String.raw`[ \t]*(?:(${NUMBER})|([\p{L}_][\p{L}\p{N}_]*)|(\*\*|[-+*\/()])|([^]))`, "uy")
const OF_PYTHON = ["and", "or", "not", "if", "else", "is", "in", "lambda"] // it joins parts by these, which are none of ours

class WrongExpression extends Error {}

function expression(text) {
  const shown = text.trim(), length = [...shown].length
  const incomplete = new WrongExpression(`'${shown}' is not a complete expression: write for example 'a * b + 1'`)
  if (length < 1 || length > 200) throw new WrongExpression(`the expression has ${length} characters, expected 1 to 200, such as 'a * b + 1'`)
  const refusal = (what, numbers = "numbers") =>
    new WrongExpression(`'${what}' is not allowed here: use a, b, ${numbers}, + - * / ** ( ) and sqrt, abs, log, exp`)
  let refused = null // the first part that is not allowed
  const refuse = (...what) => {
    refused ??= refusal(...what)
    return () => NaN
  }
  const source = shown.replace(/−/g, "-").replace(/×/g, "*").replace(/÷/g, "/"), tokens = []
  TOKEN.lastIndex = 0
  for (let match; TOKEN.lastIndex < source.length && (match = TOKEN.exec(source));) {
    const [, number, letters, sign, other] = match, name = letters?.normalize("NFKC") // as Python reads names
    if (number && /^0[\d_]*[1-9][\d_]*$/.test(number) || other && !other.trim()) throw incomplete
    if (other || OF_PYTHON.includes(name)) throw refusal(other || name)
    tokens.push({ number, name, sign, end: TOKEN.lastIndex, start: TOKEN.lastIndex - (number || letters || sign).length })
  }
  let place = 0
  const is = (...signs) => signs.includes(tokens[place]?.sign)
  const expect = sign => {
    if (!is(sign)) throw incomplete
    place++
  }
  const joined = (part, signs) => () => {
    let left = part()
    while (is(...signs)) {
      const join = JOINS[tokens[place++].sign], before = left, right = part()
      left = (a, b) => join(before(a, b), right(a, b))
    }
    return left
  }
  const JOINS = { "+": (l, r) => l + r, "-": (l, r) => l - r, "*": (l, r) => l * r, "/": (l, r) => l / r }
  const valueOf = number => {
    const digits = number.replaceAll("_", ""), value = /^\d+$/.test(digits) ? BigInt(digits) : Number(digits), rounded = Number(value)
    return value < 1e30 ? () => rounded : refuse(value === Infinity ? "1e309" : value, "numbers below 1e30") // as Python writes them
  }
  const called = first => { // the brackets behind a name, or behind anything else, where they are not allowed
    const { name } = tokens[first], one = place === first + 1
    place++
    const inside = is(")") ? null : sum()
    expect(")")
    if (one && inside && Object.hasOwn(FUNCTIONS, name ?? "")) return (a, b) => FUNCTIONS[name](inside(a, b))
    return refuse(source.slice(tokens[first].start, tokens[place - 1].end))
  }
  const atom = () => {
    const first = place, { number, name } = tokens[place] ?? {}
    if (is("(")) {
      place++
      const inside = sum()
      expect(")")
      return is("(") ? called(first) : inside
    }
    if (!number && !name) throw incomplete
    place++
    if (is("(")) return called(first)
    if (number) return valueOf(number)
    return name === "a" ? a => a : name === "b" ? (a, b) => b : refuse(name)
  }
  const power = () => {
    const base = atom()
    if (!is("**")) return base
    place++
    const exponent = signed()
    return (a, b) => base(a, b) ** exponent(a, b)
  }
  const signed = () => {
    if (!is("+", "-")) return power()
    const minus = tokens[place++].sign === "-", inside = signed()
    return minus ? (a, b) => -inside(a, b) : inside
  }
  const product = joined(signed, ["*", "/"]), sum = joined(product, ["+", "-"])
  const whole = sum()
  if (place < tokens.length) throw incomplete
  if (refused) throw refused
  if (![[2, 3], [0.3, -7], [-5, 0.9], [1000, 2000]].some(([a, b]) => Number.isFinite(whole(a, b)))) {
    throw new WrongExpression(`'${shown}' divides by 0 or is too large whatever a and b are: write for example 'a * b + 1'`)
  }
  return whole
}
