// Every run of the fair comparison for one unit, operation, setting and range: its error inside, and outside against the threshold,
// as powers of ten; null is an error that is infinite or no number.
const within = (value, [low, high]) => Math.min(high, Math.max(low, value ?? Infinity))

export default explorer(({ axes: [ax], data: { runs, settings, x, y } }) => {
  const marks = [ax.dots("a", { size: 10, opacity: 0.75 }), ax.dots("m", { size: 10, shape: "diamond", opacity: 0.75 })]
  return ({ operation, unit, range, setting }) => {
    const found = runs[operation][unit]
    if (!found) throw new Sentence(`${unit} does not enter ${operation}. These do: ${Object.keys(runs[operation]).join(", ")}.`)
    const [solved, others] = found[setting][range], all = [...solved, ...others]
    for (const [i, some] of [solved, others].entries()) {
      marks[i](some.map(([inside]) => 10 ** within(inside, x)), some.map(([, outside]) => 10 ** within(outside, y)))
    }
    const off = all.filter(([inside, outside]) => within(inside, x) !== inside || within(outside, y) !== outside).length
    const words = `${unit}, ${operation}, trained on ${range}, ${setting}: ${solved.length} of ${all.length} runs solved (${settings[operation][unit][setting]})`
    return off ? `${words}. ${off} ${off === 1 ? "lies" : "lie"} beyond the picture, on its edge.` : `${words}.`
  }
})
