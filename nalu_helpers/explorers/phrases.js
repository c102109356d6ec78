// A number in words, and what trained readers say after each of its words. Parsed as
// `paper.phrases.parse` does, but for the words it suggests: these are the nearest by letters changed, added or left out.

const TOO_LARGE = ["thousand", "million", "billion", "trillion"]

function readPhrase(text, spoken, vocabulary) {
  const shown = text.trim().replace(/\s+/g, " ")
  const words = text.toLowerCase().replace(/[,-]/g, " ").split(/\s+/).filter(Boolean)
  if (!words.length) throw new Sentence("the phrase is empty: write a number in words, such as 'three hundred and thirty four'")
  if (text.length > 100) {
    throw new Sentence(`the phrase has ${fixed(text.length)} characters, expected at most 100: write one number from zero to 999 in words`)
  }
  const digits = text.replace(/,/g, "").trim(), value = Number(digits || NaN)
  if (words[0] === "minus" || value < 0) throw new Sentence(`'${shown}' is below 0, where the phrases begin: write a number from zero to 999 in words`)
  if (value > 999) throw new Sentence(`'${shown}' is beyond 999, where the phrases end: write a smaller number, in words`)
  if (!Number.isNaN(value)) {
    throw new Sentence(`'${shown}' is written in digits: write words, such as '${spoken[value] ?? "three hundred and thirty four"}'`)
  }
  for (const word of words) {
    if (TOO_LARGE.includes(word)) throw new Sentence(`'${words.join(" ")}' is beyond 999, where the phrases end: write a smaller number`)
    if (!vocabulary.has(word)) {
      const near = nearest(word, [...vocabulary])
      const mend = near.off <= word.length / 2 ? `did you mean '${near.word}'?` : "write for example 'three hundred and thirty four'"
      throw new Sentence(`'${word}' is none of the 30 words that the numbers from 0 to 999 are made of: ${mend}`)
    }
  }
  const number = spoken.indexOf(words.join(" "))
  if (number < 0) {
    const near = nearest(words.join(" "), spoken)
    throw new Sentence(`'${words.join(" ")}' has known words but is no number from 0 to 999: did you mean '${near.word}'?`)
  }
  return { number, words }
}

// The one of `all` that the fewest letters have to be changed, added or left out for.
function nearest(text, all) {
  const off = word => {
    let row = Array.from({ length: word.length + 1 }, (_, i) => i)
    for (let i = 1; i <= text.length; i++) {
      const next = [i]
      for (let j = 1; j <= word.length; j++) next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (text[i - 1] !== word[j - 1]))
      row = next
    }
    return row[word.length]
  }
  return all.map(word => ({ word, off: off(word) })).reduce((best, one) => one.off < best.off ? one : best)
}

export default explorer(({ axes: [ax], data: { parts, models, said } }) => {
  const spoken = parts.slice(0, 1000) // the numbers; then what is none, such as "three hundred and"
  const vocabulary = new Set(spoken.join(" ").split(" ")), longest = Math.max(...spoken.map(words => words.split(" ").length))
  const meant = ax.line("ink", { width: 1.5 }), words = Array.from({ length: longest }, () => ax.words({ size: 13, down: 20 }))
  const looks = ["a", "m", "g", "W", "M_hat"], shapes = ["dot", "diamond", "square"]
  const drawn = models.map((_, i) => ({
    line: ax.line(looks[i % 5], { width: 1.2 }),
    dots: ax.dots(looks[i % 5], { size: 5.5, shape: shapes[i % 3] }),
  }))
  return ({ phrase }) => {
    const { number, words: heard } = readPhrase(phrase, spoken, vocabulary)
    const soFar = heard.map((_, i) => parts.indexOf(heard.slice(0, i + 1).join(" ")))
    words.forEach((write, i) => write(i, -40, heard[i] ?? ""))
    meant(soFar.flatMap((_, i) => [i - 0.42, i + 0.42, NaN]), soFar.flatMap(part => part > 999 ? [NaN, NaN, NaN] : [part, part, NaN]))
    let beyond = 0
    const answers = models.map((name, i) => {
      const after = soFar.map(part => said[part][i]), at = heard.map((_, j) => j + 0.5 * ((i + 0.5) / models.length - 0.5))
      const clipped = after.map(seeds => seeds.map(value => Math.max(-20, Math.min(1030, value))))
      beyond += clipped.flat().filter((value, j) => value !== after.flat()[j]).length
      drawn[i].line(at, clipped.map(median))
      drawn[i].dots(clipped.flatMap((seeds, j) => seeds.map(() => at[j])), clipped.flat())
      return `${name} ${fixed(median(after.at(-1)), 1)}`
    })
    const several = said[soFar.at(-1)][0].length > 1 ? " \u2002 (medians)" : ""
    const off = beyond ? `. ${beyond} ${beyond === 1 ? "dot lies" : "dots lie"} beyond the picture, on its edge.` : ""
    return [bold(String(number)), ` is read as \u2002 ${answers.join(", \u2002 ")}${several}${off}`]
  }
})
