import { drawSeed, drawUniform } from './draws.ts'
import { domainOf, phaseAt } from './mix.ts'
import type { Domain, ResolvedMix } from './mix.ts'
import { composePrompt } from './prompts.ts'
import type { Arrival } from './arrivals.ts'

/** One request as it is planned: a pure function of the options and its index, in an open loop also its time. */
export interface LoadRequest {
  readonly index: number
  /** From the beginning of the measured time; negative in the warm-up. */
  readonly atMs: number
  readonly phase: number
  readonly domain: string
  readonly prompt: string
  /** What the completions API needs around it. */
  readonly completion: NonNullable<Domain['completion']> | null
  readonly maxTokens: number
  readonly seed: number
}

export interface LengthLimits {
  /** New tokens of a request: this many, or fewer where the trace says so. */
  readonly maxTokens: number
  /** The longest prompt that a trace may ask for, in tokens. */
  readonly maxPromptTokens: number
  /** Length of every prompt; null: the trace's, else as the domain's prompts are. */
  readonly promptTokens: number | null
}

/** Plans request `index` that is due at the arrival's time. SPEC LT3. */
export function planRequest(mix: ResolvedMix, lengths: LengthLimits, seed: number, index: number, arrival: Arrival): LoadRequest {
  const phase = phaseAt(mix, arrival.atMs)
  const name = domainOf(mix.phases[phase]!, drawUniform(seed, 'domain', index))
  const domain = mix.domains.get(name)!
  const tokens = lengths.promptTokens ?? (arrival.promptTokens === null ? null : Math.min(arrival.promptTokens, lengths.maxPromptTokens))
  return {
    index,
    atMs: arrival.atMs,
    phase,
    domain: name,
    prompt: composePrompt(domain, seed, index, tokens),
    completion: domain.completion ?? null,
    maxTokens: Math.max(1, Math.min(arrival.outputTokens ?? lengths.maxTokens, lengths.maxTokens)),
    seed: drawSeed(seed, index),
  }
}
