import { encodedBytes, hiPlaneBytes, loPlaneBytes } from '../../shared/core/layout.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { expertMatrices } from '../../shared/core/tensors.ts'
import { expertEncoding } from '../../shared/protocol/tiers.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { matrixAt } from './linear.ts'
import type { SwigluWeights } from './swiglu.ts'

/** Where an expert's matrices lie from its address on: hi planes of gate, up, down, then the lo planes. SPEC PK4. */
export function expertWeightsAt(spec: ModelSpec, tier: Tier, address: number): SwigluWeights {
  const encoding = expertEncoding(tier)
  const stored = expertMatrices(spec)
  const planeBytes = stored.map((m) => (encoding === 'f32-matrix' ? encodedBytes(encoding, m.rows, m.cols) : hiPlaneBytes(m.rows, m.cols)))
  let ptr = address
  let lo = address + planeBytes.reduce((sum, bytes) => sum + bytes, 0)
  const [gate, up, down] = stored.map((m, i) => {
    const matrix = matrixAt(encoding, ptr, m.rows, m.cols, lo)
    ptr += planeBytes[i]!
    lo += loPlaneBytes(m.rows, m.cols)
    return matrix
  })
  return { gate: gate!, up: up!, down: down!, width: spec.expert.width }
}
