import { moeLayers } from './model-spec.ts'
import type { ModelSpec } from './model-spec.ts'
import { expertMatrices, trunkTensors } from './tensors.ts'

/** Weights in all, and those that one token is multiplied with: the trunk and top-k experts of each MoE layer. */
export function countParameters(spec: ModelSpec): { readonly total: number; readonly activePerToken: number } {
  const trunk = trunkTensors(spec).reduce((sum, t) => sum + t.rows * t.cols, 0)
  const expert = expertMatrices(spec).reduce((sum, m) => sum + m.rows * m.cols, 0)
  const layers = moeLayers(spec).length
  return { total: trunk + layers * spec.router.experts * expert, activePerToken: trunk + layers * spec.router.topK * expert }
}
