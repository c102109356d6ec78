// An agent of the grid world that was told T: the cells of its episode, played before for every T, and when each of them ended.

// Whole numbers in as few letters as a cell has room for: 3, 0–4, or the first and the last of many.
function timesOf(steps) {
  if (steps.length === 1) return String(steps[0])
  if (steps.at(-1) - steps[0] === steps.length - 1) return `${steps[0]}–${steps.at(-1)}`
  return steps.length < 4 ? steps.join(", ") : `${steps[0]}, … ${steps.at(-1)}`
}

export default explorer(({ axes: [grid, ax], data: { played, first, goal, size } }) => {
  const path = grid.line("a", { width: 3 }), marked = ax.area("inside", { under: true })
  const cells = Array.from({ length: size * size }, () => grid.words({ size: 12, down: 4 }))
  const arrives = ax.dots("a", { size: 7 }), fails = ax.dots("m", { size: 7, shape: "diamond" })
  return ({ T, agent }) => {
    const all = played[agent], way = all[T - first], when = cells.map(() => [])
    way.forEach((cell, step) => when[cell].push(step))
    cells.forEach((write, cell) => write(cell % size, Math.floor(cell / size), when[cell].length ? timesOf(when[cell]) : ""))
    path(way.map(cell => cell % size), way.map(cell => Math.floor(cell / size)))
    const there = all.map(cells => cells.at(-1) === goal), places = [...all.keys()], ends = all.map(cells => cells.length - 1)
    const draw = (marks, which) => marks(which.map(i => first + i), which.map(i => ends[i]))
    draw(arrives, places.filter(i => there[i]))
    draw(fails, places.filter(i => !there[i]))
    marked(T - 0.5, T + 0.5)
    const step = ends[T - first], onTime = places.filter(i => there[i] && ends[i] === first + i).length
    const words = !there[T - first] ? "it is not there in time" : step === T ? "it is there on time" : `it is there at step ${step}, ${T - step} too early`
    return [`T = ${T}: `, bold(words), `. Of all T from ${first} to ${first + all.length - 1}, ${onTime} of ${all.length} on time.`]
  }
})
