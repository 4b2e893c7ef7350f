import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { stepLimits } from '../../shared/core/scratch.ts'
import { kvTokenBytesFormula, planEngineMemory } from '../../shared/placement/budget.ts'
import type { EngineState } from '../../shared/protocol/engine-api.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'

/**
 * Bytes of the engine's memory that `tokens` positions hold, over what the formula says. By the engine's own account: pages taken between
 * two looks, and of its memory what is neither trunk nor scratch.
 * @param chunk the run's prefill chunk: with the model it sizes the scratch.
 */
export function kvBytesOverFormula(spec: ModelSpec, tier: Tier, chunk: number, idle: EngineState, busy: EngineState, tokens: number): number {
  const plan = planEngineMemory(spec, tier, stepLimits(spec, chunk, busy.lanes))
  if (!plan.ok) throw new Error(plan.error.message)
  const pageBytes = (busy.memoryBytes - plan.value.trunkBytes - plan.value.scratchBytes) / busy.kvPagesTotal
  return ((busy.kvPagesUsed - idle.kvPagesUsed) * pageBytes) / (tokens * kvTokenBytesFormula(spec, tier))
}
