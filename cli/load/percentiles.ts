/** What a list of measured values comes to. */
export interface Distribution {
  readonly n: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/** Null for an empty list: nothing was measured. */
export function distribution(values: readonly number[]): Distribution | null {
  if (values.length === 0) return null
  const sorted = Float64Array.from(values).sort()
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length
  return { n: sorted.length, mean, p50: nearestRank(sorted, 50), p90: nearestRank(sorted, 90), p99: nearestRank(sorted, 99), max: sorted.at(-1)! }
}

/**
 * The least value that at least `percent` of all values do not exceed: nearest rank, so it is one that was measured. SPEC LT5.
 * @param sorted ascending, not empty. percent in (0, 100].
 */
export function nearestRank(sorted: ArrayLike<number>, percent: number): number {
  return sorted[Math.ceil((percent * sorted.length) / 100) - 1]!
}
