import { expertBytes } from '../protocol/manifest.ts'
import type { Manifest } from '../protocol/manifest.ts'
import type { Tier } from '../protocol/tiers.ts'

/** [layers][experts]: bytes of each routed expert at a tier; a dense layer is empty. */
export function expertBytesByLayer(manifest: Manifest, tier: Tier): number[][] {
  const layers: number[][] = manifest.spec.layers.map(() => [])
  for (const entry of manifest.experts) layers[entry.layer]![entry.expert] = expertBytes(entry, tier)
  return layers
}
