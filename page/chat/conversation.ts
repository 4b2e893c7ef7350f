import { LIMITS } from '../../shared/protocol/limits.ts'
import { answerText } from './answer.ts'
import type { Answer } from './answer.ts'

/** What was asked, and what came. */
export interface Turn {
  readonly id: number
  readonly question: string
  readonly answer: Answer
}

export interface ChatSettings {
  readonly temperature: number
  readonly maxTokens: number
  /** Null: the server draws one. */
  readonly seed: number | null
}

export const SETTINGS_DEFAULT: ChatSettings = { temperature: 0.7, maxTokens: 200, seed: null }

/** Bounds of the fields; the server checks them again. */
export const SETTINGS_BOUNDS = {
  temperature: { min: 0, max: 2 },
  maxTokens: { min: 1, max: LIMITS.contextMax },
  seed: { min: 0, max: Number.MAX_SAFE_INTEGER },
} as const

const ALTERNATIVES = 5

/** The body of POST /v1/chat/completions. Turns without any answer are left out: templates want questions and answers in turn. */
export function chatRequest(model: string, turns: readonly Turn[], question: string, { temperature, maxTokens, seed }: ChatSettings) {
  const history = turns.flatMap((turn) => {
    const text = answerText(turn.answer)
    if (text === '') return []
    return [
      { role: 'user', content: turn.question },
      { role: 'assistant', content: text },
    ]
  })
  return {
    model,
    messages: [...history, { role: 'user', content: question }],
    temperature,
    max_tokens: maxTokens,
    ...(seed !== null && { seed }),
    stream: true,
    stream_options: { include_usage: true },
    logprobs: true,
    top_logprobs: ALTERNATIVES,
  }
}
