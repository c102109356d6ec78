// Where the runs of one start and learning rate are on the surface of the cost, up to the step that is chosen.
const entry = value => value === null ? "no number" : fixed(value, 2).replace(/^-(?=0\.00$)/, "")
const place = value => value ?? NaN // a run that diverged is nowhere

export default explorer(({ axes: [ax], data: { runs, rates, every } }) => {
  const paths = [ax.line("W_hat", { outline: true }), ax.line("M_hat", { dash: "6 3", outline: true })]
  const begins = ax.dots("white", { size: 6, edge: ON_A_SURFACE })
  const ends = [ax.dots("W_hat", { size: 11, edge: ON_A_SURFACE }), ax.dots("M_hat", { size: 11, shape: "diamond", edge: ON_A_SURFACE })]
  return ({ start, rate, step }) => {
    const { W, solved, gate } = runs[start][rates.indexOf(rate)], at = step / every, all = [...W.keys()]
    const now = all.map(run => W[run][at])
    const which = [all.filter(run => solved[run][at]), all.filter(run => !solved[run][at])]
    for (const [kind, some] of which.entries()) {
      const points = some.flatMap(run => [...W[run].slice(0, at + 1), [NaN, NaN]])
      paths[kind](points.map(([w1]) => place(w1)), points.map(([, w2]) => place(w2)))
      ends[kind](some.map(run => place(now[run][0])), some.map(run => place(now[run][1])))
    }
    begins(W.map(path => path[0][0]), W.map(path => path[0][1]))
    const places = which[1].map(run => `[${now[run].map(entry).join(", ")}]${gate ? ` gate ${entry(gate[run][at])}` : ""}`)
    const words = `step ${fixed(step)}: ${which[0].length} of ${all.length} solved`
    return places.length ? `${words}; the others are at W = ${places.join(", ")}` : words
  }
})
