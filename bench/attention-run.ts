import type { Tier } from '../shared/protocol/tiers.ts'

/** What one request runs, `repeats` times, in all layers: a prompt of `positions` tokens, or of each sequence the token at position `positions` − 1. */
export interface AttentionRun {
  readonly tier: Tier
  readonly kind: 'decode' | 'prefill'
  readonly positions: number
  readonly sequences: number
  readonly repeats: number
}
