import type { ModelSpec } from '../core/model-spec.ts'

/** What a call costs the engine's thread, and what a host computes: measured, docs/design/performance.md (30 to 40 µs; 27 to 54 Gweights/s). */
const CALL_MS = 0.04
const WEIGHTS_PER_S = 30e9

/**
 * The cost of a call in (token, expert) pairs: what a host computes in the time that one more call takes. The splitter calls a host that no
 * expert needs only where that saves more. 6 of the demo model, 0 where an expert has more than 2.4 M weights.
 * @param hostRate weights a second of a host whose rate is emulated: it computes no faster.
 */
export function callPairsOf({ hidden, expert }: Pick<ModelSpec, 'hidden' | 'expert'>, hostRate = Infinity): number {
  const weightsPerMs = Math.min(WEIGHTS_PER_S, hostRate) / 1000
  return Math.round((CALL_MS * weightsPerMs) / (3 * hidden * expert.width))
}
