// A NAC's training, step by step: what it answers, the cost and W, at the step and for the learning rate that are chosen.
export default explorer(({ axes: [answers, cost, weights], data: { x, y, example, every, floor, runs } }) => {
  const said = answers.line("a"), curve = cost.line("soft"), now = cost.dots("m", { size: 9 })
  const entries = [weights.line("a"), weights.line("m", { dash: "7 3" })], both = weights.dots("m", { size: 9 })
  return ({ step, rate }) => {
    const run = runs.find(other => other.rate === rate), at = step / every, [w1, w2] = run.W.map(path => path[at])
    const steps = run.cost.map((_, look) => look * every), above = run.cost.map(value => Math.max(value, floor))
    said(y, x.map(([x1, x2]) => x1 * w1 + x2 * w2))
    curve(steps, above)
    now([step], [above[at]])
    entries.forEach((line, i) => line(steps, run.W[i]))
    both([step, step], [w1, w2])
    const [x1, x2] = example
    const made = `${general(x1)} and ${general(x2)} make ${fixed(x1 * w1 + x2 * w2)}`
    return `step ${fixed(step)}: W = [${fixed(w1, 3)}, ${fixed(w2, 3)}], ${made}`
  }
})
