import type { PrefillTimes } from '../../../shared/protocol/engine-api.ts'

/** What is known of a choice so far; its generation keeps it up to date. */
export interface ChoiceNotes {
  readonly tokens: number
  readonly cachedTokens: number
  readonly times: PrefillTimes
  /** When its first event came; null: not yet. */
  readonly firstMs: number | null
  /** Null until it has ended. */
  readonly reason: string | null
}

export interface GenerationNotes {
  readonly model: string
  /** Tokens of each prompt. Choice i belongs to prompt ⌊i / n⌋. */
  readonly promptTokens: readonly number[]
  readonly choices: readonly ChoiceNotes[]
  /** The prompts as text; null unless the deployment logs them. */
  readonly prompts: readonly string[] | null
}

/** What is noted of a request while it is served. */
export interface RequestRecord {
  readonly id: string
  readonly method: string
  readonly startMs: number
  /** Name of the key that it came with. */
  key: string | null
  /** As the client saw it, in a body or in the middle of a stream. */
  code: string | null
  generation: GenerationNotes | null
  /** Its line is. */
  isWritten: boolean
}

/** How a request ended: answered to its end, broken off by us, or left by its client. */
export type RequestEnd = 'done' | 'failed' | 'aborted'

/** The one line of a request, as logs have it. Never a prompt unless the deployment asks for it, never a key or its hash. SPEC MT6, MT7. */
export interface RequestLine {
  readonly time: string
  readonly level: 'info' | 'error'
  readonly worker: 'gateway'
  readonly message: 'request'
  readonly request_id: string
  readonly key: string | null
  readonly method: string
  /** As it is declared, so that nothing of a path is told; null: there is none. */
  readonly route: string | null
  readonly status: number
  readonly code: string | null
  readonly model: string | null
  readonly stream: boolean
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly cached_tokens: number
  readonly finish_reasons: readonly (string | null)[]
  /** The longest wait of a choice at the engine. */
  readonly queue_ms: number | null
  /** Until the first event of any choice. */
  readonly ttft_ms: number | null
  readonly total_ms: number
  readonly aborted: boolean
  readonly prompts?: readonly string[]
}

export interface Ending {
  readonly route: string | null
  readonly status: number
  readonly stream: boolean
  readonly end: RequestEnd
  readonly nowMs: number
}

export function requestLine(record: RequestRecord, { route, status, stream, end, nowMs }: Ending): RequestLine {
  const { generation } = record
  const choices = generation?.choices ?? []
  const promptTokens = generation?.promptTokens ?? []
  const n = choices.length / Math.max(1, promptTokens.length)
  const begun = choices.filter(({ firstMs }) => firstMs !== null)
  const code = record.code ?? (isCutOff(choices, status, end) ? 'internal_error' : null)
  return {
    time: new Date(nowMs).toISOString(),
    level: status >= 500 || (end !== 'aborted' && code === 'internal_error') ? 'error' : 'info',
    worker: 'gateway',
    message: 'request',
    request_id: `req_${record.id}`,
    key: record.key,
    method: record.method,
    route,
    status,
    code,
    model: generation?.model ?? null,
    stream,
    prompt_tokens: sum(promptTokens),
    completion_tokens: sum(choices.map(({ tokens }) => tokens)),
    cached_tokens: sum(promptTokens.map((_, prompt) => Math.min(...choices.slice(prompt * n, (prompt + 1) * n).map(({ cachedTokens }) => cachedTokens)))),
    finish_reasons: choices.map(({ reason }) => reason),
    queue_ms: begun.length === 0 ? null : Math.max(...begun.map(({ times }) => times.queueMs)),
    ttft_ms: begun.length === 0 ? null : Math.min(...begun.map(({ firstMs }) => firstMs!)) - record.startMs,
    total_ms: nowMs - record.startMs,
    aborted: end === 'aborted',
    ...(generation?.prompts && { prompts: generation.prompts }),
  }
}

/** An answer that was begun well and is over, though a choice has no end and nobody said why: the fault is ours. */
function isCutOff(choices: readonly ChoiceNotes[], status: number, end: RequestEnd): boolean {
  return end === 'failed' || (end === 'done' && status < 400 && choices.some(({ reason }) => reason === null))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
