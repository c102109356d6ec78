// NAC, NALU and NMU on two numbers, and Adam, for a page without a kernel. The equations, starts and penalties are those of
// nalu_helpers/layers.py, the update is that of Keras' Adam; the gradients are written by hand. A unit's weights are one row of numbers.

const EPS = 1e-7 // the epsilon of NALU's log, and of Adam
const sigma = t => 1 / (1 + Math.exp(-t))

const UNITS = {
  NAC: {
    // y = x W, W = tanh(Ŵ) σ(M̂); weights [Ŵ₁, Ŵ₂, M̂₁, M̂₂]
    start: random => Array.from({ length: 4 }, () => 4 * random() - 2),
    W: w => [Math.tanh(w[0]) * sigma(w[2]), Math.tanh(w[1]) * sigma(w[3])],
    gate: () => [],
    predict: (w, [w1, w2], x1, x2) => w1 * x1 + w2 * x2,
    slopes(w, [w1, w2], { x, y }, slope) {
      let by1 = 0, by2 = 0
      for (let i = 0, n = y.length; i < n; i++) {
        const x1 = x[2 * i], x2 = x[2 * i + 1], off = w1 * x1 + w2 * x2 - y[i]
        by1 += off * x1
        by2 += off * x2
      }
      throughW(w, 2 * by1 / y.length, 2 * by2 / y.length, slope)
    },
  },
  NALU: {
    // a = x W, m = exp(log(|x| + ε) W), g = σ(x G), y = g a + (1 − g) m; weights [Ŵ₁, Ŵ₂, M̂₁, M̂₂, G₁, G₂]
    start: random => [...UNITS.NAC.start(random), ...[0, 0].map(() => Math.SQRT2 * (2 * random() - 1))],
    W: w => UNITS.NAC.W(w),
    gate: (w, x1, x2) => [sigma(x1 * w[4] + x2 * w[5])],
    predict(w, [w1, w2], x1, x2) {
      const g = sigma(x1 * w[4] + x2 * w[5])
      return g * (w1 * x1 + w2 * x2) + (1 - g) * Math.exp(Math.log(Math.abs(x1) + EPS) * w1 + Math.log(Math.abs(x2) + EPS) * w2)
    },
    slopes(w, [w1, w2], { x, logs, y }, slope) {
      const G1 = w[4], G2 = w[5]
      let by1 = 0, by2 = 0, byG1 = 0, byG2 = 0
      for (let i = 0, n = y.length; i < n; i++) {
        const x1 = x[2 * i], x2 = x[2 * i + 1], log1 = logs[2 * i], log2 = logs[2 * i + 1]
        const a = w1 * x1 + w2 * x2, m = Math.exp(log1 * w1 + log2 * w2), g = 1 / (1 + Math.exp(-(x1 * G1 + x2 * G2)))
        const off = g * a + (1 - g) * m - y[i], throughM = off * (1 - g) * m, throughG = off * (a - m) * g * (1 - g)
        by1 += off * g * x1 + throughM * log1
        by2 += off * g * x2 + throughM * log2
        byG1 += throughG * x1
        byG2 += throughG * x2
      }
      throughW(w, 2 * by1 / y.length, 2 * by2 / y.length, slope)
      slope[4] = 2 * byG1 / y.length
      slope[5] = 2 * byG2 / y.length
    },
  },
  NMU: {
    // y = (W₁ x₁ + 1 − W₁)(W₂ x₂ + 1 − W₂); weights [W₁, W₂], clipped to [0, 1], with a penalty from step 20,000 on
    start: random => [0, 0].map(() => 0.25 + 0.5 * random()),
    W: w => [w[0], w[1]],
    gate: () => [],
    predict: (w, [w1, w2], x1, x2) => (w1 * x1 + 1 - w1) * (w2 * x2 + 1 - w2),
    slopes(w, [w1, w2], { x, y }, slope, step) {
      let by1 = 0, by2 = 0
      for (let i = 0, n = y.length; i < n; i++) {
        const x1 = x[2 * i], x2 = x[2 * i + 1], z1 = w1 * x1 + 1 - w1, z2 = w2 * x2 + 1 - w2, off = z1 * z2 - y[i]
        by1 += off * (x1 - 1) * z2
        by2 += off * (x2 - 1) * z1
      }
      const size = 10 * Math.min(1, Math.max(0, (step - 20_000) / 15_000)) / 2, pull = w => w <= 0.5 ? Math.sign(w) : -Math.sign(1 - w)
      slope[0] = 2 * by1 / y.length + size * pull(w1)
      slope[1] = 2 * by2 / y.length + size * pull(w2)
    },
    clip: w => { for (let i = 0; i < 2; i++) w[i] = Math.min(1, Math.max(0, w[i])) },
  },
}

// From ∂cost/∂W to Ŵ and M̂.
function throughW(w, by1, by2, slope) {
  for (const [i, by] of [by1, by2].entries()) {
    const tanh = Math.tanh(w[i]), s = sigma(w[2 + i])
    slope[i] = by * (1 - tanh * tanh) * s
    slope[2 + i] = by * tanh * s * (1 - s)
  }
}

// Rows to learn from or to be examined on: x [x₁, x₂, x₁, x₂, …], the logs of |x| + ε, which only NALU asks for, and the answers y.
function newRows(count) {
  return { x: new Float64Array(2 * count), logs: new Float64Array(2 * count), y: new Float64Array(count) }
}

function draw(random, [low, high], compute, { x, logs, y }) {
  for (let i = 0; i < x.length; i++) {
    x[i] = low + (high - low) * random()
    logs[i] = Math.log(Math.abs(x[i]) + EPS)
  }
  for (let i = 0; i < y.length; i++) y[i] = compute(x[2 * i], x[2 * i + 1])
}

// A run: weights, and Adam's two memories of their slopes. `update(rows, rate)` is one step.
function newRun(unit, weights) {
  const { W, slopes, clip } = UNITS[unit], w = Float64Array.from(weights), count = w.length
  const slope = new Float64Array(count), m = new Float64Array(count), v = new Float64Array(count)
  let step = 0
  return {
    w,
    update(rows, rate) {
      slopes(w, W(w), rows, slope, step)
      step++
      const alpha = rate * Math.sqrt(1 - 0.999 ** step) / (1 - 0.9 ** step)
      for (let i = 0; i < count; i++) {
        m[i] += (slope[i] - m[i]) * 0.1
        v[i] += (slope[i] * slope[i] - v[i]) * 0.001
        w[i] -= m[i] * alpha / (Math.sqrt(v[i]) + EPS)
      }
      if (clip) clip(w)
    },
  }
}

// Random numbers from 0 to 1, the same from the same seed (mulberry32).
function randomNumbers(seed) {
  let state = Math.imul(seed + 1, 0x9E3779B9)
  return () => {
    state = (state + 0x6D2B79F5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

// Fixed pairs of a range, and their answers, to measure errors on: the same every time.
function examination(range, compute) {
  const rows = newRows(1000)
  draw(randomNumbers(43953907), range, compute, rows)
  return rows
}

// Train `seeds` runs side by side, and tell at every check where they are. Each step has a fresh batch of 128, the same for all runs.
function trainHere({ unit, operation, inside, outside, seeds, steps, rate, every }, tell) {
  const compute = expression(operation), { start, W, gate, predict } = UNITS[unit], middle = (inside[0] + inside[1]) / 2
  const exams = [inside, outside].map(range => examination(range, compute)), batch = newRows(128), random = randomNumbers(-1)
  const runs = Array.from({ length: seeds }, (_, seed) => ({ lost: null, ...newRun(unit, start(randomNumbers(seed))) }))
  const error = (w, { x, y }) => {
    const own = W(w)
    let sum = 0
    for (let i = 0; i < y.length; i++) sum += (predict(w, own, x[2 * i], x[2 * i + 1]) - y[i]) ** 2
    return sum / y.length
  }
  const check = step => {
    const [within, beyond] = exams.map(exam => runs.map(run => error(run.w, exam)))
    const lost = runs.map(run => run.lost), all = runs.map((_, seed) => seed), first = runs[0].w
    tell({ step, seeds: all, inside: within, outside: beyond, lost, W: [W(first)], gate: gate(first, middle, middle) })
  }
  for (let step = 0; step < steps; step++) {
    if (step % every === 0) check(step)
    draw(random, inside, compute, batch)
    for (const run of runs) {
      if (run.lost !== null) continue
      run.update(batch, rate)
      if (!run.w.every(Number.isFinite)) run.lost = step
    }
  }
  check(steps)
}
