import type { LoadPlan } from '../../cli/load/run-load.ts'
import { resolveMix } from '../../cli/load/mix.ts'
import type { Mix } from '../../cli/load/mix.ts'
import type { Slo } from '../../cli/load/slo.ts'
import type { Policy } from '../../shared/placement/policy.ts'

/** Weights a second of an emulated host: an expert of the demo (196,608 weights) takes 2 ms a token. */
export const HOST_RATE = 1e8
export const BASE_HOSTS = 4
export const STANDBY_HOSTS = 4
/** Gateway, autoscaler and engine | hosts: what hosts copy does not take the engine's thread. */
export const PROCESSES = 2
/** What a request may take at most to be good: well above what stories take on the base hosts, well below what German comes to there. */
export const SLO: Slo = { ttftMs: 1000, tpotMs: 180 }

/** Window and smoothing suit a run of seconds; a copy must make its layer a tenth faster; copies come from R2. */
export const POLICY: Partial<Policy> = { enabled: false, windowMs: 500, smoothingWindows: 4, gainMin: 0.1, movesMax: 8, stayMs: 4000, source: 'storage' }

/** When things happen in a trial, in ms of the measured time, and how long answers are. */
export interface TrialTimes {
  readonly warmupMs: number
  readonly shiftMs: number
  readonly commandMs: number
  readonly durationMs: number
  readonly maxTokens: number
}

export const TIMES: TrialTimes = { warmupMs: 2000, shiftMs: 4000, commandMs: 9000, durationMs: 18_000, maxTokens: 32 }
export const QUICK_TIMES: TrialTimes = { warmupMs: 500, shiftMs: 500, commandMs: 2000, durationMs: 3000, maxTokens: 8 }

/** Requests a second: more than the base hosts can do of German, two thirds of what they can do of stories. */
const ARRIVALS_PER_S = 2.3
/** Of every prompt, and of a step while others decode: no step is long because several requests came at once. */
export const PROMPT_TOKENS = 16

/** Stories until the shift, German after it, on one schedule for all trials: outputs are compared request by request. */
export function trialLoad({ warmupMs, shiftMs, durationMs, maxTokens }: TrialTimes): LoadPlan {
  const phases = [
    { fromS: 0, weights: { story: 1 } },
    { fromS: shiftMs / 1000, weights: { story: 1, german: 9 } },
  ]
  return loadOf({ name: 'story, then German', phases }, warmupMs, durationMs, maxTokens)
}

/** Stories alone, as the trials begin. */
export function storyLoad(durationMs: number, maxTokens: number): LoadPlan {
  return loadOf({ name: 'story', phases: [{ fromS: 0, weights: { story: 1 } }] }, 0, durationMs, maxTokens)
}

function loadOf(mix: Mix, warmupMs: number, durationMs: number, maxTokens: number): LoadPlan {
  return {
    arrivals: { kind: 'constant', perS: ARRIVALS_PER_S },
    mix: resolveMix(mix, durationMs, new Map()),
    lengths: { maxTokens, maxPromptTokens: 1024, promptTokens: PROMPT_TOKENS },
    warmupMs,
    durationMs,
    seed: 1,
    connectionsMax: 1024,
  }
}

/** The same planner with a finer price: what a deployment is given that is planned at leisure. */
export const PROVISION_POLICY: Partial<Policy> = { ...POLICY, gainMin: 0.05, movesMax: 32, standby: false }
