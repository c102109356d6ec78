// Every run of the fair comparison for one unit, operation, setting and range: its error inside, and outside against the threshold,
// in tenths of a power of ten; null is an error that is infinite or no number.
const power = tenths => tenths === null ? Infinity : tenths / 10

export default explorer(({ axes: [ax], data: { runs, settings, x, y } }) => {
  const marks = [ax.dots("a", { size: 10, opacity: 0.75 }), ax.dots("m", { size: 10, shape: "diamond", opacity: 0.75 })]
  return ({ operation, unit, range, setting }) => {
    const found = runs[operation][unit]
    if (!found) throw new Sentence(`${unit} does not enter ${operation}. These do: ${Object.keys(runs[operation]).join(", ")}.`)
    const each = found[setting][range].map(ends => ends.map(tenths => tenths.map(power)))
    const [solved, others] = each.map(([inside]) => inside.length)
    let off = 0
    for (const [i, [inside, outside]] of each.entries()) {
      const across = inside.map(end => within(end, x)), up = outside.map(end => within(end, y))
      marks[i](across.map(end => 10 ** end), up.map(end => 10 ** end))
      off += inside.filter((end, run) => across[run] !== end || up[run] !== outside[run]).length
    }
    const words = `${unit}, ${operation}, trained on ${range}, ${setting}: ${solved} of ${solved + others} runs solved`
    return `${words} (${settings[operation][unit][setting]}).${beyond(off)}`
  }
})
