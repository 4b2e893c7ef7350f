/**
 * What every expert is probed with: [hidden] f32 in [−1, 1), the same on every machine. An integer hash of the column, its upper 24 bits as a
 * fraction: exact in f32, so nothing is rounded.
 */
export function probeVector(hidden: number): Float32Array {
  return Float32Array.from({ length: hidden }, (_, col) => (Math.imul(col + 1, 0x9e3779b1) >>> 8) / 2 ** 23 - 1)
}
