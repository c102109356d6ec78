// W = tanh(Ŵ) · σ(M̂): the two curves, their product, and how steep it is.
const weightAndSlope = (W_hat, M_hat) => {
  const tanh = Math.tanh(W_hat), sigma = sigmoid(M_hat)
  return { tanh, sigma, W: tanh * sigma, by_W_hat: (1 - tanh ** 2) * sigma, by_M_hat: tanh * sigma * (1 - sigma) }
}

export default explorer(({ axes: [curves, surface] }) => {
  const onTanh = curves.dots("W_hat", { size: 11, edge: "ink" }), onSigma = curves.dots("M_hat", { size: 10, edge: "ink", shape: "square" })
  const slope = surface.line(ON_A_SURFACE, { width: 2.5 }), point = surface.dots("m", { size: 11, edge: "white" })
  return ({ W_hat, M_hat }) => {
    const { tanh, sigma, W, by_W_hat, by_M_hat } = weightAndSlope(W_hat, M_hat)
    onTanh([W_hat], [tanh])
    onSigma([M_hat], [sigma])
    point([W_hat], [M_hat])
    slope([W_hat, W_hat + 4 * by_W_hat], [M_hat, M_hat + 4 * by_M_hat])
    const steep = `slope (the line): ∂W/∂Ŵ = ${fixed(by_W_hat, 3)}, ∂W/∂M̂ = ${fixed(by_M_hat, 3)}`
    return [`W = ${fixed(tanh, 2)} · ${fixed(sigma, 2)} = `, bold(fixed(W, 3)), ` \u2003${steep}`]
  }
})
