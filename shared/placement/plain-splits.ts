import type { Split } from './splitter.ts'

/**
 * Splits that others use, for experiments beside the splitter: they look at one expert at a time, never at how full a host is.
 * Shares of an expert add up to its count, so bits are the same.
 */

/** Each replica the same, as EPLB reckons; what is left over goes round, so that over steps nobody gets more. */
export function createEvenSplit(): Split {
  let turn = 0
  return function splitEvenly({ first }, counts, shares) {
    turn++
    for (let expert = 0; expert < first.length - 1; expert++) {
      const start = first[expert]!
      const replicas = first[expert + 1]! - start
      const each = Math.floor(counts[expert]! / replicas)
      const odd = counts[expert]! % replicas
      for (let i = 0; i < replicas; i++) shares[start + i] = each + ((i + turn) % replicas < odd ? 1 : 0)
    }
  }
}

/** Each pair goes to the replica that a hash of step, expert and pair names. */
export function createHashSplit(): Split {
  let turn = 0
  return function splitByHash({ first }, counts, shares) {
    turn++
    for (let expert = 0; expert < first.length - 1; expert++) {
      const start = first[expert]!
      const replicas = first[expert + 1]! - start
      shares.fill(0, start, start + replicas)
      for (let pair = 0; pair < counts[expert]!; pair++) shares[start + (mix(turn, expert, pair) % replicas)]!++
    }
  }
}

/** Multiply and shift, twice (the finalizer of MurmurHash3). */
function mix(turn: number, expert: number, pair: number): number {
  let hash = Math.imul(turn, 0x9e3779b1) ^ Math.imul(expert + 1, 0x85ebca6b) ^ Math.imul(pair + 1, 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
