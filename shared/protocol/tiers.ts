/** Precision of the routed experts, and of the whole model in f32. The trunk has a precision of its own: TRUNK_PRECISIONS. */
export const TIERS = ['q8', 'q4', 'f32'] as const
export type Tier = (typeof TIERS)[number]

/** How one tensor's bytes are laid out. Layouts: docs/design/pack.md and shared/core/p8.ts. */
export type Encoding = 'f32-vector' | 'f32-matrix' | 'q8' | 'q4'

export function isTier(value: unknown): value is Tier {
  return TIERS.some((tier) => tier === value)
}

/** Precision of the trunk's matrices in tiers q8 and q4; norms, biases and routers stay f32. The stored trunk is q8: q4 is its hi planes alone. */
export const TRUNK_PRECISIONS = ['q8', 'q4'] as const
export type TrunkPrecision = (typeof TRUNK_PRECISIONS)[number]

/** What the trunk is served at: the f32 tier has an f32 trunk whatever is asked for. */
export function trunkTier(tier: Tier, trunk: TrunkPrecision): Tier {
  return tier === 'f32' ? 'f32' : trunk
}

/** Encoding of a routed expert's matrices. */
export function expertEncoding(tier: Tier): 'f32-matrix' | 'q8' | 'q4' {
  return tier === 'f32' ? 'f32-matrix' : tier
}

/** Encoding of the trunk's matrices at the trunk's own tier (`trunkTier`; of a stored trunk q8 or f32): the layouts of an expert's. */
export function trunkEncoding(trunk: Tier): 'f32-matrix' | 'q8' | 'q4' {
  return expertEncoding(trunk)
}
