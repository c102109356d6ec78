// A text such as "a * b + sqrt(a)" as a function of a and b. It is parsed, never run as JavaScript; what it may hold is what
// `expression.parse` allows in Python.
//
//   sum      = product (("+" | "-") product)*
//   product  = signed (("*" | "/") signed)*
//   signed   = ("+" | "-") signed | power
//   power    = atom ("**" signed)?
//   atom     = number | "a" | "b" | function "(" sum ")" | "(" sum ")"

const FUNCTIONS = { sqrt: Math.sqrt, abs: Math.abs, log: Math.log, exp: Math.exp }
const TOKEN = /\s*(?:((?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)|([\p{L}_][\p{L}\p{N}_]*)|(\*\*|[-+*\/()])|(\S))/uy

class WrongExpression extends Error {}

function expression(text) {
  const shown = text.trim(), incomplete = `'${shown}' is not a complete expression: write for example 'a * b + 1'`
  if (!shown || text.length > 200) {
    throw new WrongExpression(`the expression has ${shown ? text.length : 0} characters, expected 1 to 200, such as 'a * b + 1'`)
  }
  const refuse = what => {
    throw new WrongExpression(`'${what}' is not allowed here: use a, b, numbers, + - * / ** ( ) and sqrt, abs, log, exp`)
  }
  const source = shown.replace(/−/g, "-").replace(/×/g, "*").replace(/÷/g, "/"), tokens = []
  TOKEN.lastIndex = 0
  for (let match; TOKEN.lastIndex < source.length && (match = TOKEN.exec(source));) {
    const [, number, name, sign, other] = match
    if (other || (name && !["a", "b"].includes(name) && !Object.hasOwn(FUNCTIONS, name))) refuse(other || name)
    if (number && !(Number(number.replaceAll("_", "")) < 1e30)) refuse(number)
    tokens.push({ number, name, sign, at: match[0] })
  }
  let place = 0
  const is = (...signs) => signs.includes(tokens[place]?.sign)
  const expect = sign => {
    if (!is(sign)) throw new WrongExpression(incomplete)
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
  const atom = () => {
    const { number, name } = tokens[place] ?? {}
    if (is("(")) {
      place++
      const inside = sum()
      expect(")")
      return inside
    }
    place++
    if (number) {
      const value = Number(number.replaceAll("_", ""))
      return () => value
    }
    if (name === "a" || name === "b") return name === "a" ? a => a : (a, b) => b
    if (!name) throw new WrongExpression(incomplete)
    if (!is("(")) refuse(name)
    place++
    const inside = sum()
    expect(")")
    return (a, b) => FUNCTIONS[name](inside(a, b))
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
  if (place < tokens.length) throw new WrongExpression(incomplete)
  if (![[2, 3], [0.3, -7], [-5, 0.9], [1000, 2000]].some(([a, b]) => Number.isFinite(whole(a, b)))) {
    throw new WrongExpression(`'${shown}' divides by 0 or is too large whatever a and b are: write for example 'a * b + 1'`)
  }
  return whole
}
