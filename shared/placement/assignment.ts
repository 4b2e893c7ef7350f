import { newExperts } from './layer-copies.ts'

/**
 * The fewest (expert, host) pairs to bring in when `now` may be laid over `before` with hosts renumbered: a linear assignment problem.
 * @param now [hosts] experts of each; `before` likewise, as many hosts.
 */
export function fewestMoves(now: readonly ReadonlySet<number>[], before: readonly ReadonlySet<number>[]): number {
  return leastAssignment(now.map((held) => before.map((had) => newExperts(held, had))))
}

/**
 * Cost of the cheapest assignment of rows to columns, n of each. O(n³): shortest augmenting paths with potentials (Kuhn 1955; in this form
 * Jonker and Volgenant 1987). Index 0 is the free row and column that a search starts from.
 */
export function leastAssignment(cost: readonly (readonly number[])[]): number {
  const n = cost.length
  const rowPotential = new Float64Array(n + 1)
  const columnPotential = new Float64Array(n + 1)
  const rowOf = new Int32Array(n + 1)
  const cameFrom = new Int32Array(n + 1)
  for (let row = 1; row <= n; row++) {
    const slack = new Float64Array(n + 1).fill(Infinity)
    const done = new Uint8Array(n + 1)
    let column = 0
    rowOf[0] = row
    while (rowOf[column] !== 0) {
      done[column] = 1
      const from = rowOf[column]!
      let nearest = 0
      for (let j = 1; j <= n; j++) {
        if (done[j] === 1) continue
        const reduced = cost[from - 1]![j - 1]! - rowPotential[from]! - columnPotential[j]!
        if (reduced < slack[j]!) {
          slack[j] = reduced
          cameFrom[j] = column
        }
        if (nearest === 0 || slack[j]! < slack[nearest]!) nearest = j
      }
      const step = slack[nearest]!
      for (let j = 0; j <= n; j++) {
        if (done[j] === 1) {
          rowPotential[rowOf[j]!]! += step
          columnPotential[j]! -= step
        } else slack[j]! -= step
      }
      column = nearest
    }
    while (column !== 0) {
      rowOf[column] = rowOf[cameFrom[column]!]!
      column = cameFrom[column]!
    }
  }
  let total = 0
  for (let j = 1; j <= n; j++) total += cost[rowOf[j]! - 1]![j - 1]!
  return total
}
