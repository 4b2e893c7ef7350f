import { encodedBytes } from '../core/layout.ts'
import type { ModelSpec } from '../core/model-spec.ts'
import { expertMatrices } from '../core/tensors.ts'
import { expertEncoding } from '../protocol/tiers.ts'
import type { Tier } from '../protocol/tiers.ts'

const SLOT_ALIGN_BYTES = 64

/** Bytes that one expert takes in a host's arena. The planner and the host count the same: SPEC PL2, RE4. */
export function expertSlotBytes(spec: ModelSpec, tier: Tier): number {
  const bytes = expertMatrices(spec).reduce((sum, m) => sum + encodedBytes(expertEncoding(tier), m.rows, m.cols), 0)
  return Math.ceil(bytes / SLOT_ALIGN_BYTES) * SLOT_ALIGN_BYTES
}

/** [layers][experts]: bytes of each routed expert at a tier; a dense layer is empty. */
export function expertBytesByLayer(spec: ModelSpec, tier: Tier): number[][] {
  const bytes = expertSlotBytes(spec, tier)
  return spec.layers.map((layer) => (layer.ffn.kind === 'moe' ? Array.from({ length: spec.router.experts }, () => bytes) : []))
}
