import { uniform } from '../../../shared/core/random.ts'

/** Numbers that follow from a seed. Each stream of a seed is its own: what one part of a run draws changes no other part. */
export function createDraws(seed: number, stream: number) {
  let drawn = 0
  const next = () => uniform(seed, stream, drawn++)
  const whole = (min: number, max: number) => min + Math.floor(next() * (max - min + 1))
  return {
    /** min to max, both included. */
    whole,
    chance: (probability: number) => next() < probability,
    pick: <T>(from: readonly T[]): T => from[whole(0, from.length - 1)]!,
    /** Of a Poisson process: milliseconds to its next event. */
    gapMs: (meanMs: number) => Math.ceil(-meanMs * Math.log(1 - next())),
    /** Lower-case hex of 12 bytes. */
    id: () => Array.from({ length: 3 }, () => whole(0, 0xffffffff).toString(16).padStart(8, '0')).join(''),
  }
}

export type Draws = ReturnType<typeof createDraws>
