import type { Deadlines } from './deadlines.ts'
import { moeError } from './errors.ts'
import type { MoeError } from './errors.ts'
import { LIMITS } from './limits.ts'
import type { StoredRange } from './manifest.ts'
import { planReads } from './read-plan.ts'
import { err, ok } from './result.ts'
import type { Result } from './result.ts'

/** Where objects are. */
export interface RangeStore {
  /** Begins to read `bytes` from `offset` on; null where the object does not exist. An object that ends early gives what it has. */
  open(object: string, offset: number, bytes: number): Promise<RangeBody | null>
}

/** A range on its way. */
export interface RangeBody {
  /** What comes next, 1 to LIMITS.chunkBytes bytes, good until the next call; null after the last. */
  next(): Promise<Uint8Array | null>
  /** Nobody waits for the rest. */
  cancel(): void
}

/** A stored range and the memory it goes to; `into` is exactly `bytes` long. */
export interface RangeLoad extends StoredRange {
  readonly into: Uint8Array
  /** False once the memory was given to others: nothing more is written there, and the load fails. Absent: it never is. */
  readonly isOwned?: () => boolean
}

export interface RangeReaderDeps {
  readonly store: RangeStore
  /** Lower-case hex. */
  readonly sha256Hex: (bytes: Uint8Array) => Promise<string>
  /** A read that gives nothing for so long is given up. */
  readonly deadlines: Deadlines
}

export interface RangeReader {
  /**
   * Fills and verifies all of `ranges`, or says what is wrong with the first that failed: `weights-missing`, `weights-corrupt`,
   * `storage-unavailable`, `internal` where it cannot be verified. Never rejects. Either way nothing writes to their memory any more when it resolves; on an error some of it is unverified.
   */
  load(ranges: readonly RangeLoad[], onBytes?: (bytes: number) => void): Promise<Result<void, MoeError>>
}

/** Ranges that were asked for together. */
interface Unit {
  openRanges: number
  error: MoeError | null
  readonly resolve: (result: Result<void, MoeError>) => void
  readonly onBytes: (bytes: number) => void
}

interface OpenRange {
  readonly load: RangeLoad
  readonly unit: Unit
  /** Pieces of it that a read may still write. */
  openPieces: number
}

/** A piece of a range in a read (read-plan.ts), with its range. */
interface Piece {
  readonly range: OpenRange
  readonly from: number
  readonly to: number
  readonly bytes: number
}

interface Read {
  readonly object: string
  readonly offset: number
  readonly bytes: number
  readonly pieces: readonly Piece[]
}

/**
 * Reads ranges into memory. What is asked for in one turn shares reads; all reads go through one queue, LIMITS.readsInFlight at a time,
 * which bounds the transfer bytes of an isolate: one reader each. Every load succeeds or fails alone. SPEC RE1, RE2, RE7, PK3.
 */
export function createRangeReader({ store, sha256Hex, deadlines }: RangeReaderDeps): RangeReader {
  let asked: OpenRange[] = []
  const queue: Read[] = []
  let readers = 0

  function load(ranges: readonly RangeLoad[], onBytes: (bytes: number) => void = () => undefined): Promise<Result<void, MoeError>> {
    if (ranges.length === 0) return Promise.resolve(ok(undefined))
    if (asked.length === 0) queueMicrotask(startReads)
    const { promise, resolve } = Promise.withResolvers<Result<void, MoeError>>()
    const unit = { openRanges: ranges.length, error: null, resolve, onBytes }
    for (const range of ranges) asked.push({ load: range, unit, openPieces: 0 })
    return promise
  }

  function startReads(): void {
    const ranges = asked
    asked = []
    for (const read of planReads(ranges.map((range) => range.load))) {
      const pieces = read.pieces.map((piece) => ({ ...piece, range: ranges[piece.range]! }))
      for (const { range } of pieces) range.openPieces++
      queue.push({ ...read, pieces })
    }
    const readersMax = Math.min(LIMITS.readsInFlight, readers + queue.length)
    while (readers < readersMax) void runReader() // never rejects
  }

  async function runReader(): Promise<void> {
    readers++
    for (let read = queue.shift(); read; read = queue.shift()) await runRead(read)
    readers--
    if (readers === 0) deadlines.stop()
  }

  /** Never rejects, and closes every piece of the read: a load ends when all of its own are closed. */
  async function runRead(read: Read): Promise<void> {
    const open = new Set(read.pieces)
    const wanted = read.pieces.some(({ range }) => range.unit.error === null)
    let error: MoeError | null = null
    try {
      if (wanted) error = await fillPieces(read, open) // of a load that failed nobody wants the rest
    } catch (fault) {
      error = unavailable(read, String(fault)) // its body cannot be cancelled
    }
    for (const piece of open) await closePiece(piece, error)
  }

  /** Takes pieces out of `open` as they are complete. Gives the error of the others. */
  async function fillPieces(read: Read, open: Set<Piece>): Promise<MoeError | null> {
    let body: RangeBody | null = null
    try {
      const opening = store.open(read.object, read.offset, read.bytes)
      const opened = await deadlines.within(opening)
      if (!opened.ok) {
        void opening.then((late) => late?.cancel()).catch(() => undefined) // its error comes too late as well
        return unavailable(read, 'no answer')
      }
      body = opened.value
      if (!body) return moeError('weights-missing', `${read.object} does not exist`, { object: read.object })
      for (let at = 0; ;) {
        const part = await deadlines.within(body.next())
        if (!part.ok) return unavailable(read, `no bytes after ${at} of ${read.bytes}`)
        if (!part.value) return at < read.bytes ? corrupt(read.object, read.offset + at, 'ends early') : null
        await takePart(open, part.value, at)
        at += part.value.byteLength
      }
    } catch (error) {
      return unavailable(read, String(error))
    } finally {
      body?.cancel()
    }
  }

  /** Copies a part of a read, which begins at `at` in it, to where its bytes belong. */
  async function takePart(open: Set<Piece>, part: Uint8Array, at: number): Promise<void> {
    for (const piece of open) {
      if (piece.from >= at + part.byteLength) break // pieces are in order
      const from = Math.max(piece.from, at)
      const end = Math.min(piece.from + piece.bytes, at + part.byteLength)
      const lost = writePart(piece.range.load, part.subarray(from - at, end - at), piece.to + from - piece.from)
      if (!lost) piece.range.unit.onBytes(end - from)
      if (!lost && end < piece.from + piece.bytes) continue
      open.delete(piece)
      await closePiece(piece, lost)
    }
  }

  /** Nothing writes to the piece any more. Its range, once whole, is verified where it lies: its reads may end in any order. Never rejects. */
  async function closePiece({ range }: Piece, error: MoeError | null): Promise<void> {
    const { load: wanted, unit } = range
    unit.error ??= error
    if (--range.openPieces > 0) return
    if (unit.error === null) {
      const wrong = await verifyRange(wanted, sha256Hex)
      unit.error ??= wrong // another range of the unit may have failed meanwhile
    }
    if (--unit.openRanges === 0) unit.resolve(unit.error ? err(unit.error) : ok(undefined))
  }

  return { load }
}

/** Writes bytes of a load to their place, or says that the place is no longer its own: whoever has it now must not find them there. */
export function writePart({ object, into, isOwned }: RangeLoad, part: Uint8Array, at: number): MoeError | null {
  if (isOwned?.() === false) return moeError('storage-unavailable', `${object}: the memory of this load was given to another`, { object })
  into.set(part, at)
  return null
}

/** What is wrong with the bytes of a range where they lie; null where its checksum holds. Never rejects. */
export async function verifyRange({ object, offset, into, sha256 }: RangeLoad, sha256Hex: RangeReaderDeps['sha256Hex']): Promise<MoeError | null> {
  try {
    return (await sha256Hex(into)) === sha256 ? null : corrupt(object, offset, 'has another checksum than the manifest')
  } catch (error) {
    return moeError('internal', `${object} at ${offset} cannot be verified: ${String(error)}`, {})
  }
}

/** Storage that throws or stays silent is an expected failure: the network is. */
function unavailable({ object }: Read, why: string): MoeError {
  return moeError('storage-unavailable', `${object} cannot be read: ${why}`, { object })
}

function corrupt(object: string, offset: number, how: string): MoeError {
  return moeError('weights-corrupt', `${object} at ${offset} ${how}`, { object, offset })
}
