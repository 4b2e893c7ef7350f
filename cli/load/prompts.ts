import { drawUniform } from './draws.ts'
import type { Domain } from './mix.ts'

/** English of the demo's tokenizer has about four characters a token; other texts and tokenizers differ, so what usage says is reported beside. */
export const CHARS_PER_TOKEN = 4

/** Fragments that one prompt is made of, where no length asks for more. */
const FRAGMENTS_MAX = 3

/**
 * A prompt of a domain: fragments drawn one after the other, none twice in a row. Without a length one to three of them, so that few fragments give
 * many prompts and a prefix cache meets few whole ones again; with a length as many as it takes, cut at a word. Same arguments, same prompt.
 * @param tokens how long the prompt should be, by CHARS_PER_TOKEN.
 */
export function composePrompt(domain: Domain, seed: number, index: number, tokens: number | null): string {
  const { prompts } = domain
  const chars = tokens === null ? null : Math.max(1, tokens) * CHARS_PER_TOKEN
  const fragments = chars === null ? 1 + Math.floor(drawUniform(seed, 'cut', index) * Math.min(FRAGMENTS_MAX, prompts.length)) : Infinity
  let text = ''
  let last = -1
  for (let step = 0; step < fragments && text.length < (chars ?? Infinity); step++) {
    last = pickOther(prompts.length, last, drawUniform(seed, 'prompt', index, step))
    text += (step === 0 ? '' : '\n\n') + prompts[last]!
  }
  return chars === null ? text : cutAtWord(text, chars)
}

/** One of `count`, but not `last` where there is another. */
function pickOther(count: number, last: number, draw: number): number {
  if (last < 0 || count === 1) return Math.floor(draw * count)
  const i = Math.floor(draw * (count - 1))
  return i < last ? i : i + 1
}

/** At most `chars` characters, ending before a space where there is one; never half of a surrogate pair. */
function cutAtWord(text: string, chars: number): string {
  if (text.length <= chars) return text
  const cut = text.slice(0, chars)
  const space = cut.search(/\s\S*$/)
  const whole = space > 0 ? cut.slice(0, space) : cut
  return /[\uD800-\uDBFF]$/.test(whole) ? whole.slice(0, -1) || text.slice(0, 2) : whole
}
