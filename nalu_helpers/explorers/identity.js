// f(x) = x learned on −r to r by 50 random hidden units and the best last layer that there is, by least squares.
const ACTIVATIONS = {
  tanh: Math.tanh,
  sigmoid,
  relu6: t => Math.min(6, Math.max(0, t)),
  softsign: t => t / (1 + Math.abs(t)),
  relu: t => Math.max(0, t),
  elu: t => t > 0 ? t : Math.expm1(t),
  linear: t => t,
}
const RIDGE = 1e-6 // keeps the weights finite where two hidden units say the same

// The solution of A w = b for a symmetric positive A, by Cholesky's method.
function solved(A, b) {
  const n = b.length, L = A.map(row => Float64Array.from(row)), w = Float64Array.from(b)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = L[i][j]
      for (let k = 0; k < j; k++) sum -= L[i][k] * L[j][k]
      L[i][j] = i === j ? Math.sqrt(sum) : sum / L[j][j]
    }
    for (let k = 0; k < i; k++) w[i] -= L[i][k] * w[k]
    w[i] /= L[i][i]
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) w[i] -= L[k][i] * w[k]
    w[i] /= L[i][i]
  }
  return w
}

function fittedIdentity(x, half, activation, { slope, offset }) {
  const hidden = x.map(value => [...slope.map((s, i) => ACTIVATIONS[activation](value * s + offset[i])), 1])
  const n = slope.length + 1, A = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => i === j ? RIDGE : 0)), b = Array(n).fill(0)
  x.forEach((value, row) => {
    if (Math.abs(value) > half) return
    const h = hidden[row]
    for (let i = 0; i < n; i++) {
      b[i] += h[i] * value
      for (let j = 0; j <= i; j++) A[i][j] += h[i] * h[j]
    }
  })
  const w = solved(A, b)
  return hidden.map(h => h.reduce((sum, value, i) => sum + value * w[i], 0))
}

export default explorer(({ axes: [ax], data }) => {
  const x = Array.from({ length: 401 }, (_, i) => (i - 200) / 10)
  const shade = ax.area("inside", { under: true }), said = ax.line("a")
  return ({ half, activation }) => {
    const prediction = fittedIdentity(x, half, activation, data), off = prediction.map((value, i) => Math.abs(value - x[i]))
    shade(-half, half)
    said(x, prediction)
    const inside = mean(off.filter((_, i) => Math.abs(x[i]) <= half)), outside = mean(off.filter((_, i) => Math.abs(x[i]) > half))
    return `mean error inside ${fixed(inside, 3)}, outside ${fixed(outside, 2)}`
  }
})
