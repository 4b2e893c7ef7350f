import type { TokenLogprob } from '../../../shared/protocol/engine-api.ts'
import { countCodePoints } from '../generate/choice-assembler.ts'
import type { ScoredToken } from '../generate/choice-assembler.ts'
import { Detokenizer } from '../generate/detokenizer.ts'
import type { TextCodec } from '../model/text-codec.ts'
import { completionTokenName } from './token-names.ts'

/** OpenAI's log-probabilities of /v1/completions: lists of one length. */
export interface CompletionLogprobs {
  readonly tokens: readonly string[]
  readonly token_logprobs: readonly (number | null)[]
  /** The alternatives, and the chosen token if it is none of them; null for the first prompt token. */
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[]
  /** Code points from the beginning of the choice's text. */
  readonly text_offset: readonly number[]
}

/** @param scored with offsets in the choice's whole text, an echoed prompt included. */
export function completionLogprobs(codec: TextCodec | null, scored: readonly ScoredToken[]): CompletionLogprobs {
  return {
    tokens: scored.map(({ token }) => completionTokenName(codec, token.id)),
    token_logprobs: scored.map(({ token }) => token.logprob),
    top_logprobs: scored.map(({ token }) => alternatives(codec, token)),
    text_offset: scored.map(({ offset }) => offset),
  }
}

/** Where each prompt token's text begins. Special tokens have a length only where they stand in the text: BOS is added, not written. */
export function scorePrompt(codec: TextCodec | null, tokens: readonly TokenLogprob[], text: string): ScoredToken[] {
  const detokenizer = codec && new Detokenizer(codec)
  let offset = 0
  let chars = 0
  return tokens.map((token) => {
    const scored = { token, offset }
    const decoded = codec?.hasText(token.id) === true ? detokenizer?.push(token.id) : undefined
    const piece = decoded ?? writtenSpecial(codec, token.id, text.slice(chars))
    offset += countCodePoints(piece)
    chars += piece.length
    return scored
  })
}

/** The same tokens behind this many code points of an echoed prompt. */
export function behindPrompt(scored: readonly ScoredToken[], points: number): ScoredToken[] {
  return scored.map(({ token, offset }) => ({ token, offset: points + offset }))
}

function writtenSpecial(codec: TextCodec | null, id: number, rest: string): string {
  const name = codec === null ? '' : completionTokenName(codec, id)
  return rest.startsWith(name) ? name : ''
}

function alternatives(codec: TextCodec | null, token: TokenLogprob): Record<string, number> | null {
  if (token.logprob === null) return null
  const named = new Map<string, number>()
  for (const [id, logprob] of token.top) {
    const name = completionTokenName(codec, id)
    if (!named.has(name)) named.set(name, logprob) // best first: of two tokens with one name the better one counts
  }
  named.set(completionTokenName(codec, token.id), token.logprob)
  return Object.fromEntries(named)
}
