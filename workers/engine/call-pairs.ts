import { callPairsOf } from '../../shared/placement/call-pairs.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { wholeSetting } from '../settings.ts'

/** Setting CALL_PAIRS: a whole number, or `auto`. */
export function callPairsSetting(value: string, spec: Pick<ModelSpec, 'hidden' | 'expert'>): number {
  return value === 'auto' ? callPairsOf(spec) : wholeSetting('CALL_PAIRS', value, 0, LIMITS.framePairsMax)
}
