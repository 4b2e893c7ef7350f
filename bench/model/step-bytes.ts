import { encodedBytes } from '../../shared/core/layout.ts'
import { moeLayers } from '../../shared/core/model-spec.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { expertMatrices, tensorEncoding, trunkTensors } from '../../shared/core/tensors.ts'
import { KV_PAGE_POSITIONS } from '../../shared/core/records.ts'
import { kvPageBytes } from '../../shared/core/kv-layout.ts'
import { expertEncoding, trunkTier } from '../../shared/protocol/tiers.ts'
import type { Tier, TrunkPrecision } from '../../shared/protocol/tiers.ts'

/** Bytes that a decode step of one sequence must read: the trunk but for the embedding, its experts, and the keys and values of `context` positions. */
export function stepBytes(spec: ModelSpec, tier: Tier, trunk: TrunkPrecision, context: number): number {
  const read = trunkTensors(spec).filter(({ name }) => name !== 'embed' || spec.tiedHead)
  const trunkBytes = read.reduce((sum, t) => sum + encodedBytes(tensorEncoding(t, trunkTier(tier, trunk)), t.rows, t.cols), 0)
  const expertBytes = expertMatrices(spec).reduce((sum, m) => sum + encodedBytes(expertEncoding(tier), m.rows, m.cols), 0)
  return trunkBytes + moeLayers(spec).length * spec.router.topK * expertBytes + (context / KV_PAGE_POSITIONS) * kvPageBytes(spec, tier)
}
