import type { Served } from '../served.ts'

/** One question, in the words that every client has. */
export interface Question {
  readonly content: string
  readonly maxTokens: number
  /** 0 if absent. */
  readonly temperature?: number
  readonly seed?: number
  readonly stop?: string
  /** Until maxTokens, whatever the model would end with: `ignore_eos`, which no client knows, goes where each has its extra fields. */
  readonly endless?: boolean
  /** 0 if absent: an error is seen at once. */
  readonly retries?: number
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly text: string
  /** In OpenAI's words. */
  readonly reason: string
  readonly promptTokens: number
  readonly completionTokens: number
}

/** What a client's own error says of ours. */
export interface Refusal {
  /** Undefined in the middle of a stream. */
  readonly status: number | undefined
  /** Our code; under /v1/messages the type of the error. */
  readonly code: string | null
  readonly param: string | null
}

/** A client as its users have it: the SDK's own calls behind a few names. */
export interface Client {
  readonly name: string
  /** Whose errors it reads. */
  readonly api: 'openai' | 'anthropic'
  ask(served: Served, question: Question): Promise<Answer>
  /** The text as it comes, until it is aborted. */
  stream(served: Served, question: Question): AsyncIterable<string>
  /** Of each token of an answer; absent where the client shows none. */
  logprobs?(served: Served, question: Question): Promise<readonly number[]>
  refusal(error: unknown): Refusal
}
