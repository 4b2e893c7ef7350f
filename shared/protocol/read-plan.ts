import { LIMITS, MIB } from './limits.ts'
import type { StoredRange } from './manifest.ts'

/** A piece of a range inside a read: `bytes` from `from` on in the read are those from `to` on in range number `range`. */
export interface ReadPiece {
  readonly range: number
  readonly from: number
  readonly to: number
  readonly bytes: number
}

/** One request to storage: pieces of ranges of one object, in order of their offset. */
export interface PlannedRead {
  readonly object: string
  readonly offset: number
  readonly bytes: number
  readonly pieces: readonly ReadPiece[]
}

/** Neighbouring ranges with a smaller gap share a read: one request costs more than these bytes. */
const GAP_BYTES_MAX = 64 * 1024
/** A read is not made smaller than this for the sake of more reads side by side: below, the request costs more than its bytes. */
const READ_BYTES_MIN = 2 * MIB

/**
 * Cuts ranges into reads: in order of object and offset, small gaps bridged, a share of the bytes for each of the reads that may be
 * under way, at most LIMITS.readBytesMax. A range that fits one read is not cut.
 */
export function planReads(ranges: readonly StoredRange[]): PlannedRead[] {
  const total = ranges.reduce((sum, { bytes }) => sum + bytes, 0)
  const share = Math.min(Math.max(Math.ceil(total / LIMITS.readsInFlight), READ_BYTES_MIN), LIMITS.readBytesMax)
  const reads: { object: string; offset: number; bytes: number; pieces: ReadPiece[] }[] = []
  for (const range of Array.from(ranges.keys()).sort((a, b) => compareRanges(ranges[a]!, ranges[b]!))) {
    const { object, offset, bytes } = ranges[range]!
    for (let done = 0; done < bytes;) {
      const at = offset + done
      const whole = Math.min(bytes - done, share)
      let read = reads.at(-1)
      if (!read || read.object !== object || at < read.offset || at - read.offset - read.bytes > GAP_BYTES_MAX || at + whole - read.offset > share) {
        read = { object, offset: at, bytes: 0, pieces: [] }
        reads.push(read)
      }
      const from = at - read.offset
      read.pieces.push({ range, from, to: done, bytes: whole })
      read.bytes = Math.max(read.bytes, from + whole)
      done += whole
    }
  }
  return reads
}

function compareRanges(a: StoredRange, b: StoredRange): number {
  return a.object === b.object ? a.offset - b.offset : a.object < b.object ? -1 : 1
}
