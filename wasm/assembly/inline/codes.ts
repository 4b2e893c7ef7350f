import { HI_RECORD_BYTES, LO_RECORD_BYTES } from '../../../shared/core/records.ts'
import { high, isJoined, isSplit, low } from './dot.ts'
import { isNested } from './static.ts'

/** The codes of 8 rows × 32 columns, a byte each: vector 4t + 2h + i has columns 8t + 4h…8t + 4h + 3 of rows 4i…4i + 3. */
export const CODES_BYTES = 256

/** Takes a group of 8 rows apart, for several tiles: `codes` [planes, one where they are joined][blocks]. */
export function unpack<W>(hi: usize, lo: usize, codes: usize, blocks: usize): void {
  let loCodes = codes + blocks * CODES_BYTES
  for (const end = loCodes; codes < end; codes += CODES_BYTES) {
    for (let t: usize = 0; t < 128; t += 32) {
      unpackStep<W>(hi + t, isJoined<W>() ? lo + t : hi + t, codes + 2 * t)
      if (isSplit<W>()) unpackStep<W>(lo + t, lo + t, loCodes + 2 * t)
    }
    hi += HI_RECORD_BYTES
    if (isNested<W>()) lo += LO_RECORD_BYTES
    if (isSplit<W>()) loCodes += CODES_BYTES
  }
}

@inline function unpackStep<W>(h: usize, l: usize, codes: usize): void {
  const mask = i8x16.splat(15)
  const h0 = v128.load(h), h1 = v128.load(h, 16), l0 = v128.load(l), l1 = v128.load(l, 16)
  v128.store(codes, low<W>(h0, l0, mask))
  v128.store(codes, low<W>(h1, l1, mask), 16)
  v128.store(codes, high<W>(h0, l0, mask), 32)
  v128.store(codes, high<W>(h1, l1, mask), 48)
}
