// Every run of the fair comparison for one unit, operation, setting and range: its error inside, and outside against the threshold.
const beyond = (value, [low, high]) => !(value >= low && value <= high)

export default explorer(({ axes: [ax], data: { runs, settings, x, y } }) => {
  const marks = { true: ax.dots("a", { size: 10, opacity: 0.75 }), false: ax.dots("m", { size: 10, shape: "diamond", opacity: 0.75 }) }
  const within = (value, [low, high]) => Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : high
  return ({ operation, unit, range, setting }) => {
    const found = runs[operation][unit]
    if (!found) throw new Sentence(`${unit} does not enter ${operation}. These do: ${Object.keys(runs[operation]).join(", ")}.`)
    const points = found[setting][range], solved = points.filter(([, outside]) => outside !== null && outside < 0).length
    for (const arrived of [true, false]) {
      const some = points.filter(([, outside]) => (outside !== null && outside < 0) === arrived)
      marks[arrived](some.map(([inside]) => 10 ** within(inside ?? Infinity, x)), some.map(([, outside]) => 10 ** within(outside ?? Infinity, y)))
    }
    const off = points.filter(([inside, outside]) => beyond(inside ?? Infinity, x) || beyond(outside ?? Infinity, y)).length
    const words = `${unit}, ${operation}, trained on ${range}, ${setting}: ${solved} of ${points.length} runs solved (${settings[operation][unit][setting]})`
    return off ? `${words}. ${off} ${off === 1 ? "lies" : "lie"} beyond the picture, on its edge.` : `${words}.`
  }
})
