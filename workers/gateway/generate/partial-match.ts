/** Where the longest end of the text begins that is the beginning of one of the strings; the text's length if there is none. */
export function partialMatchStart(text: string, strings: readonly string[]): number {
  const charsMax = Math.max(0, ...strings.map((string) => string.length))
  for (let start = Math.max(0, text.length - charsMax + 1); start < text.length; start++) {
    const tail = text.slice(start)
    if (strings.some((string) => string.startsWith(tail))) return start
  }
  return text.length
}
