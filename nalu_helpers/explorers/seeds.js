// Where a seed was on the surface of the cost, up to the step that is chosen.
export default explorer(({ axes: [ax], data: { w, gate, every } }) => {
  const path = ax.line("W_hat", { width: 2.5, outline: true }), now = ax.dots("m", { size: 11, edge: ON_A_SURFACE })
  return ({ seed, step }) => {
    const at = step / every, here = w[seed][at], open = gate[seed][at]
    path(w[seed].slice(0, at + 1), gate[seed].slice(0, at + 1))
    now([here], [open])
    const does = open < 0.1 ? "multiplies" : open > 0.9 ? "adds" : "is undecided"
    return `seed ${seed}, step ${fixed(step)}: mean weight ${fixed(here, 3)}, mean gate ${fixed(open, 3)}: it ${does}`
  }
})
