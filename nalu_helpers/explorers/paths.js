// One pair of numbers through a NALU: a = x W, m = exp(log(|x| + ε) W), y = g a + (1 − g) m.
const EPSILON = 1e-7

function twoPaths(x, w, gate) {
  const a = x[0] * w[0] + x[1] * w[1]
  const m = Math.exp(Math.log(Math.abs(x[0]) + EPSILON) * w[0] + Math.log(Math.abs(x[1]) + EPSILON) * w[1])
  return { a, m, y: gate * a + (1 - gate) * m }
}

export default explorer(({ axes: [ax] }) => {
  const bars = ["a", "m", "g"].map(color => ax.area(color))
  return ({ x1, x2, w1, w2, gate }) => {
    const { a, m, y } = twoPaths([x1, x2], [w1, w2], gate)
    for (const [row, value] of [a, m, y].entries()) bars[row](0, value, row + 0.3, row - 0.3)
    const words = [`a = ${general(a, 3)}, \u2002 m = ${general(m, 3)}, \u2002 y = `, bold(general(y, 3))]
    if (Math.min(x1, x2) < 0) words.push(" \u2002 ", bold("a sign was lost: the log path saw |x|"))
    if (x1 === 0 || x2 === 0) words.push(" \u2002 ", bold("log(0 + ε) is −16, steep and far from any other"))
    return words
  }
})
