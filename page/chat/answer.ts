import type { ChatEvent } from './chat-event.ts'
import { splitPieces } from './token-pieces.ts'
import type { Piece } from './token-pieces.ts'

/** How an answer stands. A failed or stopped one keeps the text that came. */
export type AnswerEnd =
  | { readonly kind: 'streaming' }
  | { readonly kind: 'finished'; readonly reason: string }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }

/** An answer as it comes. Times on the page's own clock. */
export interface Answer {
  readonly pieces: readonly Piece[]
  readonly end: AnswerEnd
  readonly sentMs: number
  readonly firstMs: number | null
  readonly lastMs: number | null
  /** Tokens so far; what the server's usage says, once it is there. */
  readonly tokenCount: number
  /** Tokens that came with the first text: the rate is measured from there on. */
  readonly firstCount: number
  readonly promptTokens: number | null
  readonly cachedTokens: number | null
}

export function beginAnswer(sentMs: number): Answer {
  const times = { sentMs, firstMs: null, lastMs: null }
  return { pieces: [], end: { kind: 'streaming' }, ...times, tokenCount: 0, firstCount: 0, promptTokens: null, cachedTokens: null }
}

/** The answer after the events that came at `nowMs`. What has ended stays as it is, but for the usage that comes after the finish. SPEC LP2. */
export function growAnswer(answer: Answer, events: readonly ChatEvent[], nowMs: number): Answer {
  return events.reduce((grown, event) => grow(grown, event, nowMs), answer)
}

function grow(answer: Answer, event: ChatEvent, nowMs: number): Answer {
  if (answer.end.kind === 'failed' || answer.end.kind === 'stopped') return answer
  switch (event.type) {
    case 'text': {
      const tokenCount = answer.tokenCount + Math.max(1, event.tokens.length)
      const firstCount = answer.firstMs === null ? tokenCount : answer.firstCount
      const pieces = [...answer.pieces, ...splitPieces(event.text, event.tokens)]
      return { ...answer, pieces, tokenCount, firstCount, firstMs: answer.firstMs ?? nowMs, lastMs: nowMs }
    }
    case 'finish':
      return { ...answer, end: { kind: 'finished', reason: event.reason } }
    case 'usage':
      return { ...answer, tokenCount: event.completionTokens, promptTokens: event.promptTokens, cachedTokens: event.cachedTokens }
    case 'error':
      return { ...answer, end: { kind: 'failed', code: event.code, message: event.message } }
    case 'done':
      return answer
  }
}

/** The reader pressed stop. */
export function stopAnswer(answer: Answer): Answer {
  return answer.end.kind === 'streaming' ? { ...answer, end: { kind: 'stopped' } } : answer
}

/** The stream is over; one that never said why it ended was cut. */
export function closeAnswer(answer: Answer): Answer {
  if (answer.end.kind !== 'streaming') return answer
  return { ...answer, end: { kind: 'failed', code: 'stream_cut', message: 'The stream ended before the answer did.' } }
}

export function answerText(answer: Answer): string {
  return answer.pieces.map(({ text }) => text).join('')
}

/** Time to the first text, in ms, and tokens a second after it; null while not known. */
export function answerPace({ sentMs, firstMs, lastMs, tokenCount, firstCount }: Answer): {
  readonly ttftMs: number | null
  readonly tokensPerS: number | null
} {
  if (firstMs === null || lastMs === null) return { ttftMs: null, tokensPerS: null }
  const measured = lastMs > firstMs && tokenCount > firstCount
  return { ttftMs: firstMs - sentMs, tokensPerS: measured ? ((tokenCount - firstCount) * 1000) / (lastMs - firstMs) : null }
}
