import type { ChoiceTimings } from '../generate/generation.ts'
import { usageOf } from './usage.ts'
import type { ChoiceUsage } from './usage.ts'

/** What one choice used and took. */
export interface TimedChoice extends ChoiceUsage {
  readonly timings: ChoiceTimings
}

/** How long the parts of an answer took at the engine. Of several choices, which run at once, the longest. SPEC MT5. */
export interface Timings {
  readonly queue_ms: number
  readonly prefill_ms: number
  readonly decode_ms: number
  readonly prompt_tokens: number
  readonly cached_tokens: number
  readonly completion_tokens: number
  /** Hosts that tokens of the answer were sent to; null where a choice ended at a stop string. */
  readonly hosts: number | null
  /** Of the tokens after each choice's first, over the decode; null where there is none, or no time passed. */
  readonly tokens_per_second: number | null
}

export function timingsOf(prompts: readonly { readonly ids: readonly number[] }[], choices: readonly TimedChoice[]): Timings {
  const longest = (of: (timings: ChoiceTimings) => number) => Math.max(...choices.map(({ timings }) => of(timings)))
  const usage = usageOf(prompts, choices)
  const decodeMs = longest((timings) => timings.decodeMs)
  const decoded = choices.reduce((sum, { completionTokens }) => sum + Math.max(0, completionTokens - 1), 0)
  const hosts = choices.map(({ timings }) => timings.hosts)
  return {
    queue_ms: longest(({ queueMs }) => queueMs),
    prefill_ms: longest(({ prefillMs }) => prefillMs),
    decode_ms: decodeMs,
    prompt_tokens: usage.prompt_tokens,
    cached_tokens: usage.prompt_tokens_details.cached_tokens,
    completion_tokens: usage.completion_tokens,
    hosts: hosts.every((own) => own !== null) ? new Set(hosts.flat()).size : null,
    tokens_per_second: decodeMs > 0 && decoded > 0 ? (decoded * 1000) / decodeMs : null,
  }
}
