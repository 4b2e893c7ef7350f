/** Least load of each level, in multiples of the mean expert of the layer. 1 is what every expert would have if the router were even. */
export const HEAT_FROM = [0, 0.25, 0.5, 1, 1.5, 2, 3, 4] as const

/** Below this many pairs a second in a whole layer nothing runs: what is left is the tail of a smoothed load. */
const IDLE_PAIRS_PER_S = 0.5

export interface Heat {
  /** Pairs a second. */
  readonly pairsPerS: number
  /** Multiple of the layer's mean; 0 where the layer is idle. */
  readonly ratio: number
  /** Index into HEAT_FROM. */
  readonly level: number
}

export const COLD: Heat = { pairsPerS: 0, ratio: 0, level: 0 }

/**
 * Heat of each expert of a layer. Relative to the layer's mean and not to the hottest expert of all: a colour says the same in every layer and at every
 * moment, and an even load looks even. SPEC LP4.
 * @param load [experts], smoothed pairs a second. A dense layer is empty.
 */
export function layerHeat(load: readonly number[]): readonly Heat[] {
  const sum = load.reduce((a, b) => a + b, 0)
  if (sum < IDLE_PAIRS_PER_S) return load.map((pairsPerS) => ({ ...COLD, pairsPerS }))
  return load.map((pairsPerS) => {
    const ratio = (pairsPerS * load.length) / sum
    return { pairsPerS, ratio, level: HEAT_FROM.findLastIndex((from) => ratio >= from) }
  })
}
