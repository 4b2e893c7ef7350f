/** Precision of the routed experts; in q8 and q4 the trunk is q8 (norms, biases and routers f32), in f32 all is f32. */
export const TIERS = ['q8', 'q4', 'f32'] as const
export type Tier = (typeof TIERS)[number]

/** How one tensor's bytes are laid out. Layouts: docs/design/pack.md and shared/core/p8.ts. */
export type Encoding = 'f32-vector' | 'f32-matrix' | 'q8' | 'q4'

export function isTier(value: unknown): value is Tier {
  return TIERS.some((tier) => tier === value)
}

/** Encoding of a trunk matrix that follows the tier. */
export function trunkEncoding(tier: Tier): 'f32-matrix' | 'q8' {
  return tier === 'f32' ? 'f32-matrix' : 'q8'
}

/** Encoding of a routed expert's matrices. */
export function expertEncoding(tier: Tier): 'f32-matrix' | 'q8' | 'q4' {
  return tier === 'f32' ? 'f32-matrix' : tier
}
