// What lies beyond a picture is drawn on its edge, and counted in the words below.
const within = (value, [low, high]) => Math.min(high, Math.max(low, value))
const beyond = count => count ? ` ${count} ${count === 1 ? "lies" : "lie"} beyond the picture, on its edge.` : ""
