import { formatShare } from '../format.ts'
import type { Piece, ScoredToken } from './token-pieces.ts'

/** Least probability of each shade: 0 is a token that was as good as certain, 4 one that was a surprise. */
export const SHADE_FROM = [0.9, 0.6, 0.3, 0.1, 0] as const

/** 0 to 4. */
export function shadeOf(probability: number): number {
  return SHADE_FROM.findIndex((from) => probability >= from)
}

/** Probability of all tokens of a piece, one after the other; null where there are none. */
export function probabilityOf({ tokens }: Piece): number | null {
  return tokens.length === 0 ? null : Math.exp(tokens.reduce((sum, { logprob }) => sum + logprob, 0))
}

/** One line of a token's details. */
export interface Candidate {
  readonly name: string
  readonly share: string
  /** 0 to 1. */
  readonly probability: number
  readonly chosen: boolean
}

/** The token and what could have stood in its place, most probable first. */
export function candidatesOf({ token, logprob, top }: ScoredToken): readonly Candidate[] {
  const all = top.some((each) => each.token === token) ? top : [...top, { token, logprob }]
  return all.map((each) => {
    const probability = Math.exp(each.logprob)
    return { name: nameOf(each.token), share: formatShare(probability), probability, chosen: each.token === token }
  })
}

/** A token's text with what cannot be seen made visible. */
export function nameOf(token: string): string {
  if (token === '') return '(no text)'
  return token.replaceAll('\n', '⏎').replaceAll('\t', '⇥').replaceAll(' ', '·')
}
