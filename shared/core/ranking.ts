/** Index of the largest number, the lowest of equals; −1 when one is NaN. What the kernel of that name computes. */
export function argmax(values: Float32Array): number {
  let best = 0
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) return -1
    if (values[i]! > values[best]!) best = i
  }
  return best
}

/** The ranking of a vocabulary: by logit descending, equal logits by id ascending (SPEC NU7). NaN must not occur. */
export function ranksBefore(logits: Float32Array, a: number, b: number): boolean {
  return logits[a]! > logits[b]! || (logits[a]! === logits[b]! && a < b)
}

/** The first `count` ids of the ranking. For a short list (logprobs): one pass, with an insertion for each id that still gets in. */
export function bestIds(logits: Float32Array, count: number): number[] {
  const best: number[] = []
  for (let id = 0; id < logits.length; id++) {
    if (best.length === count && (count === 0 || logits[id]! <= logits[best[count - 1]!]!)) continue
    if (best.length === count) best.pop()
    let at = best.length
    while (at > 0 && ranksBefore(logits, id, best[at - 1]!)) at--
    best.splice(at, 0, id)
  }
  return best
}

/** The 32 bits of a sort key, from the top, as three digits. */
const DIGITS = [
  { shift: 21, bits: 11 },
  { shift: 10, bits: 11 },
  { shift: 0, bits: 10 },
] as const

/**
 * The last id of the shortest beginning of the ranking that weighs at least `wanted`; of the whole ranking, if rounding keeps it below.
 * Ids of weight 0 do not count. Weighs by digits of the logit, so four passes do for any logits: a full sort of a flat
 * vocabulary of 150,000 would stop the engine for a fifth of a second.
 */
export function lastReaching(logits: Float32Array, wanted: number, weigh: (id: number) => number): number {
  const mass = new Float64Array(1 << 11)
  let before = 0 // weight of all that rank before those whose key begins with `prefix`
  let prefix = 0
  for (const { shift, bits } of DIGITS) {
    mass.fill(0)
    for (let id = 0; id < logits.length; id++) {
      const key = sortKey(logits[id]!)
      if (shift + bits === 32 || key >>> (shift + bits) === prefix) mass[(key >>> shift) & ((1 << bits) - 1)]! += weigh(id)
    }
    let digit = -1
    for (let lower = mass.length - 1; lower >= 0 && (digit < 0 || before + mass[digit]! < wanted); lower--) {
      if (mass[lower] === 0) continue
      if (digit >= 0) before += mass[digit]!
      digit = lower
    }
    prefix = prefix * (1 << bits) + digit
  }
  let last = -1
  for (let id = 0; id < logits.length && (last < 0 || before < wanted); id++) {
    if (sortKey(logits[id]!) !== prefix || weigh(id) === 0) continue
    before += weigh(id)
    last = id
  }
  return last
}

const asFloat = new Float32Array(1)
const asBits = new Uint32Array(asFloat.buffer)

/** An unsigned integer that orders f32 values as they are: the sign bit turns over, and all bits of negative ones. */
function sortKey(value: number): number {
  asFloat[0] = value + 0 // −0 becomes 0: they are equal
  const bits = asBits[0]!
  return (bits & 0x80000000 ? ~bits : bits | 0x80000000) >>> 0
}
