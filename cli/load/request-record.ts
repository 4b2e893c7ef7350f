import type { LoadRequest } from './load-plan.ts'

/** How a request ended. Codes are the server's own where it sent one; none is retried, none is left out. SPEC LT4. */
export type RequestOutcome =
  | { readonly kind: 'ok'; readonly finishReason: string | null }
  /** `status` is null where no answer came. */
  | { readonly kind: 'error'; readonly code: string; readonly status: number | null }
  /** All connections were taken when it was due. */
  | { readonly kind: 'not-sent' }
  /** The run was ended while it was under way. */
  | { readonly kind: 'interrupted' }

/** What the client saw of an answer. Times are of the run's clock. */
export interface Answer {
  readonly outcome: RequestOutcome
  readonly sentMs: number
  readonly endMs: number
  /** When each piece of output came: text, reasoning or token ids that are not empty. */
  readonly pieceMs: readonly number[]
  readonly usage: Usage | null
  /** Only where outputs are kept. */
  readonly output: Output | null
}

export interface Usage {
  readonly promptTokens: number
  readonly completionTokens: number
  /** Null where the server does not say. */
  readonly cachedTokens: number | null
}

export interface Output {
  readonly text: string
  /** Null where the server did not send ids. */
  readonly tokenIds: readonly number[] | null
}

/** A request's timeline, in ms from the beginning of the measured time. */
export interface RequestRecord {
  readonly request: Omit<LoadRequest, 'prompt' | 'completion'>
  readonly outcome: RequestOutcome
  /** Null where it was not sent. */
  readonly sentMs: number | null
  readonly endMs: number | null
  readonly pieceMs: readonly number[]
  readonly usage: Usage | null
  readonly output: Output | null
}

/** Output tokens: what usage says, else the number of pieces, which is fewer where a piece has several. */
export function outputTokens({ usage, pieceMs }: RequestRecord): number {
  return usage?.completionTokens ?? pieceMs.length
}
