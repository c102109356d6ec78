// Every run of the fair comparison for one unit, operation, setting and range: its error inside, and outside against the threshold,
// in tenths of a power of ten; null is an error that is infinite or no number. `ways` end at the edge of the picture.
const power = tenths => tenths === null ? Infinity : tenths / 10
const said = end => end === Infinity ? "infinite" : end <= -9.9 ? "0" : general(10 ** end, 1)

export default explorer(({ axes: [ax, over], data: { runs, settings, seeds, steps, x, y } }) => {
  const drawn = [false, true].map(chosen => ["m", "a"].map((color, solved) => ({ // the runs that are not chosen are empty and thin
    mark: ax.dots(chosen ? color : "none", { size: 10, shape: solved ? "dot" : "diamond", edge: chosen ? "none" : color }),
    way: over?.line(color, { width: chosen ? 2 : 0.6 }),
  })))
  const all = seeds.map((_, run) => run)
  return ({ operation, unit, range, setting, run: seed }) => {
    const found = runs[operation][unit]
    if (!found) throw new Sentence(`${unit} does not enter ${operation}. These do: ${Object.keys(runs[operation]).join(", ")}.`)
    const { solved, ways, weights, inside, outside } = found[setting][range], asked = seeds.indexOf(seed) // -1 is all of them
    const across = run => within(power(inside[run]), x), up = run => within(power(outside[run]), y)
    for (const [chosen, kinds] of drawn.entries()) {
      for (const [kind, { mark, way }] of kinds.entries()) {
        const some = all.filter(run => solved[run] === kind && (asked === -1 || run === asked) === Boolean(chosen))
        mark(some.map(run => 10 ** across(run)), some.map(run => 10 ** up(run)))
        way?.(some.flatMap(() => [...steps, NaN]), some.flatMap(run => [...ways[run].map(tenths => 10 ** power(tenths)), NaN]))
      }
    }
    const words = [`${unit}, ${operation}, trained on ${range}, ${setting}: ${all.filter(run => solved[run]).length} of `
      + `${all.length} runs solved (${settings[operation][unit][setting]}).`]
    if (asked !== -1) {
      const errors = `error inside about ${said(power(inside[asked]))}, outside ${said(power(outside[asked]))} times the threshold`
      words.push(bold(` Seed ${seed}: ${solved[asked] ? "solved" : "not solved"}; ${errors}${weights[asked] && `; it ends with ${weights[asked]}`}.`))
    }
    const off = all.filter(run => across(run) !== power(inside[run]) || up(run) !== power(outside[run])).length
    return [...words, beyond(off)]
  }
})
