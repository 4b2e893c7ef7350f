import type { LoadPlan } from '../../cli/load/run-load.ts'
import { BUILT_IN_MIXES } from '../../cli/load/built-in-mixes.ts'
import { resolveMix } from '../../cli/load/mix.ts'
import type { Slo } from '../../cli/load/slo.ts'
import type { Policy } from '../../shared/placement/policy.ts'

/** Weights a second of an emulated host: an expert of the demo (196,608 weights) takes 2 ms a token. */
export const HOST_RATE = 1e8
export const BASE_HOSTS = 4
export const STANDBY_HOSTS = 4
/** Gateway, autoscaler and engine | hosts: what hosts copy does not take the engine's thread. */
export const PROCESSES = 2
/** What a request may take at most to be good: docs/design/benches.md says how it was chosen. */
export const SLO: Slo = { ttftMs: 1500, tpotMs: 250 }

/** Window and smoothing suit a run of seconds; a copy must make its layer a seventh faster. */
export const POLICY: Partial<Policy> = { enabled: false, windowMs: 500, smoothingWindows: 4, gainMin: 0.1, movesMax: 10, stayMs: 4000 }

/** When things happen in a trial, in ms of the measured time. */
export interface TrialTimes {
  readonly warmupMs: number
  readonly shiftMs: number
  readonly commandMs: number
  readonly durationMs: number
}

export const TIMES: TrialTimes = { warmupMs: 2000, shiftMs: 4000, commandMs: 9000, durationMs: 18_000 }
export const QUICK_TIMES: TrialTimes = { warmupMs: 500, shiftMs: 1000, commandMs: 2500, durationMs: 4000 }

/** Stories until the shift, German after it, on one schedule for all trials: outputs are compared request by request. */
export function trialLoad({ warmupMs, shiftMs, durationMs }: TrialTimes): LoadPlan {
  const { phases } = BUILT_IN_MIXES.get('shift')!
  const mix = {
    name: 'story, then German',
    phases: [
      { fromS: 0, weights: phaseWeights(phases[0]!) },
      { fromS: shiftMs / 1000, weights: phaseWeights(phases[1]!) },
    ],
  }
  return {
    arrivals: { kind: 'constant', perS: ARRIVALS_PER_S },
    mix: resolveMix(mix, durationMs, new Map()),
    lengths: { maxTokens: MAX_TOKENS, maxPromptTokens: 1024, promptTokens: PROMPT_TOKENS },
    warmupMs,
    durationMs,
    seed: 1,
    connectionsMax: 1024,
  }
}

export const ARRIVALS_PER_S = 2.3
export const MAX_TOKENS = 32
/** Of every prompt, and of a step while others decode: no step is long because several requests came at once. */
export const PROMPT_TOKENS = 16

function phaseWeights({ weights }: { readonly weights: Readonly<Record<string, number>> }): Record<string, number> {
  return { ...weights }
}

/** The same planner with a finer price: what a deployment is given that is planned at leisure. */
export const PROVISION_POLICY: Partial<Policy> = { ...POLICY, gainMin: 0.05, movesMax: 32, standby: false }

/** Stories alone, as the trials begin. */
export function storyLoad(durationMs: number): LoadPlan {
  return {
    ...trialLoad({ warmupMs: 0, shiftMs: durationMs / 2, commandMs: 0, durationMs }),
    mix: resolveMix(BUILT_IN_MIXES.get('story')!, durationMs, new Map()),
  }
}
