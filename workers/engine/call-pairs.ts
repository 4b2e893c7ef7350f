import { LIMITS } from '../../shared/protocol/limits.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { wholeSetting } from '../settings.ts'

/** What a call costs the engine's thread, and what a host computes: measured, docs/design/performance.md (30 to 40 µs; 27 to 54 Gweights/s). */
const CALL_MS = 0.04
const WEIGHTS_PER_MS = 30e6

/**
 * The cost of a call in (token, expert) pairs: what a host computes in the time that one more call takes. The splitter calls a host that no
 * expert needs only where that saves more. 6 of the demo model, 0 where an expert has more than 2.4 M weights.
 */
export function callPairsOf({ hidden, expert }: Pick<ModelSpec, 'hidden' | 'expert'>): number {
  return Math.round((CALL_MS * WEIGHTS_PER_MS) / (3 * hidden * expert.width))
}

/** Setting CALL_PAIRS: a whole number, or `auto`. */
export function callPairsSetting(value: string, spec: Pick<ModelSpec, 'hidden' | 'expert'>): number {
  return value === 'auto' ? callPairsOf(spec) : wholeSetting('CALL_PAIRS', value, 0, LIMITS.framePairsMax)
}
