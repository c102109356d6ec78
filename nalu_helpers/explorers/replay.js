// A NAC's training, epoch by epoch: what it answers, the cost and W, at the epoch and for the learning rate that are chosen.
export default explorer(({ axes: [answers, cost, weights], data: { x, y, example, every, floor, runs } }) => {
  const said = answers.line("a"), curve = cost.line("soft"), now = cost.dots("m", { size: 9 })
  const entries = [weights.line("a"), weights.line("m", { dash: "7 3" })], both = weights.dots("m", { size: 9 })
  return ({ epoch, rate }) => {
    const run = runs.find(other => other.rate === rate), at = epoch / every, [w1, w2] = run.W.map(path => path[at])
    const epochs = run.cost.map((_, look) => look * every), above = run.cost.map(value => Math.max(value, floor))
    said(y, x.map(([x1, x2]) => x1 * w1 + x2 * w2))
    curve(epochs, above)
    now([epoch], [above[at]])
    entries.forEach((line, i) => line(epochs, run.W[i]))
    both([epoch, epoch], [w1, w2])
    const [x1, x2] = example
    const made = `${general(x1)} and ${general(x2)} make ${fixed(x1 * w1 + x2 * w2)}`
    return `epoch ${fixed(epoch)}: W = [${fixed(w1, 3)}, ${fixed(w2, 3)}], ${made}`
  }
})
