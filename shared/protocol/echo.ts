/** Longest part of a caller's own words in an answer that refuses them. SPEC SE1. */
export const ECHO_CHARS_MAX = 64

/** A caller's words, cut where they are long. Never between the halves of a character. */
export function echo(words: string): string {
  return words.length > ECHO_CHARS_MAX ? `${words.slice(0, ECHO_CHARS_MAX).toWellFormed()}…` : words
}
