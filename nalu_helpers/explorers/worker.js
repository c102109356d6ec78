// The playground's worker: it trains what it is told, and posts each check. Stop ends it.
onmessage = ({ data }) => {
  trainHere(data, check => postMessage({ check }))
  postMessage({ done: true })
}
