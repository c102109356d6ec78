// Every run of one network on one of the paper's functions: its error inside and outside at three checks, in percent of the mean answer;
// null is an error that is infinite or no number.
const percent = (value, [, high]) => {
  if (value > high) return `more than ${fixed(high)} %`
  return `${value < 0.001 ? "less than 0.001" : value < 1000 ? general(value, 3) : fixed(value)} %`
}

export default explorer(({ axes: [ax], data: { seeds, tasks, steps, x, y } }) => {
  const rule = ax.line("g", { dash: "2 4" }), guess = ax.dots("g", { size: 10, shape: "square" })
  const drawn = [false, true].map(chosen => ({ // the runs that are not chosen are empty and thin
    way: ax.line("soft", { width: chosen ? 2 : 0.6 }),
    earlier: ax.dots(chosen ? "ink" : "soft", { size: 4 }),
    ends: ["m", "a"].map((color, arrives) =>
      ax.dots(chosen ? color : "none", { size: 11, shape: arrives ? "dot" : "diamond", edge: chosen ? "none" : color })),
  }))
  const put = (mark, points) => mark(points.map(([across]) => across), points.map(([, up]) => up))
  return ({ function: name, network, form, seed }) => {
    const task = tasks[form][name]
    if (!task) throw new Sentence(`${name} has no ${form} runs. These have: ${Object.keys(tasks[form]).join(", ")}.`)
    const found = task.networks[network]
    if (!found) throw new Sentence(`${network} is none of the ${form} networks. These are: ${Object.keys(task.networks).join(", ")}.`)
    const { setting, inside, outside, arrives, better } = found
    const errors = (run, check) => [inside[run][check] ?? Infinity, outside[run][check] ?? Infinity]
    const place = (run, check) => errors(run, check).map((error, i) => within(error, [x, y][i]))
    put(rule, x.map(end => [end, task.best]))
    put(guess, [task.guess])
    const all = seeds.map((_, run) => run), asked = seeds.indexOf(seed) // -1 is all of them
    for (const [chosen, { way, earlier, ends }] of drawn.entries()) {
      const some = all.filter(run => (asked === -1 || run === asked) === Boolean(chosen))
      put(way, some.flatMap(run => [place(run, 0), place(run, 1), place(run, 2), [NaN, NaN]]))
      put(earlier, some.flatMap(run => [place(run, 0), place(run, 1)]))
      ends.forEach((mark, kind) => put(mark, some.filter(run => arrives[run] === kind).map(run => place(run, 2))))
    }
    const words = [`${name} by ${network} (${form}; ${setting}), after ${fixed(steps[form])} steps. `]
    if (asked !== -1) {
      const [near, far] = errors(asked, 2), not = is => is ? "" : "not "
      const beats = better ? ` and is ${not(better[asked])}better than everything without a unit` : ""
      const does = arrives[asked] ? "arrives" : "does not arrive"
      words.push(bold(`Seed ${seed}: ${percent(near, x)} off inside, ${percent(far, y)} outside; it ${does}${beats}. `))
    }
    const count = flags => `${flags.filter(Boolean).length} of ${flags.length}`
    const success = better?.every(Boolean) ? ", a success" : ""
    const opponent = better ? `Better than everything without a unit: ${count(better)}${success}.` : "It is itself without a unit."
    const off = all.filter(run => errors(run, 2).some((error, i) => error !== place(run, 2)[i])).length
    return [...words, `Arrive: ${count(arrives)}. ${opponent}${beyond(off)}`]
  }
})
