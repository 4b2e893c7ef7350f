import { fail } from './errors.ts'
import type { MoeError } from './errors.ts'
import { LIMITS } from './limits.ts'
import type { StoredRange } from './manifest.ts'
import { ok } from './result.ts'
import type { Result } from './result.ts'

/** Where objects are. `read` gives exactly the bytes asked for, fewer where the object ends early, null where it does not exist. */
export interface RangeStore {
  read(object: string, offset: number, bytes: number): Promise<Uint8Array | null>
}

/** A running sha256, in order. */
export interface Hasher {
  update(bytes: Uint8Array): Promise<void> | void
  hex(): Promise<string>
}

/** A stored range and the memory it goes to. Where `into` is shorter than the range, the rest is read and verified, but not kept. */
export interface RangeLoad extends StoredRange {
  readonly into: Uint8Array
}

/** One read of at most LIMITS.chunkBytes, and the pieces of ranges that lie in it. */
interface ChunkRead {
  readonly object: string
  readonly offset: number
  bytes: number
  readonly pieces: { readonly load: number; readonly from: number; readonly to: number; readonly bytes: number }[]
}

/** Neighbouring ranges with a smaller gap share a read: one slow request costs more than these bytes. */
const GAP_BYTES_MAX = 64 * 1024

/**
 * Reads ranges into memory in chunks, at most LIMITS.readsInFlight of them in memory at a time, and verifies each range's checksum.
 * One call at a time in an isolate: that is what bounds its transfer bytes. SPEC RE1, RE2, PK3.
 * On an error some `into` hold unverified bytes: the caller must not use them.
 */
export async function loadRanges(
  store: RangeStore,
  createHasher: () => Hasher,
  loads: readonly RangeLoad[],
  onBytes: (bytes: number) => void = () => undefined,
): Promise<Result<void, MoeError>> {
  const reads = planReads(loads)
  const hashers = loads.map(createHasher)
  const inFlight = reads.slice(0, LIMITS.readsInFlight).map((read) => readChunk(store, read))
  try {
    for (const [index, read] of reads.entries()) {
      const chunk = await inFlight[index]!
      if (!chunk.ok) return chunk
      const bytes = chunk.value
      if (!bytes) return fail('weights-missing', `${read.object} does not exist`, { object: read.object })
      if (bytes.byteLength !== read.bytes) return corrupt(read.object, read.offset + bytes.byteLength, 'ends early')
      for (const piece of read.pieces) {
        const part = bytes.subarray(piece.from, piece.from + piece.bytes)
        keep(loads[piece.load]!.into, part, piece.to)
        await hashers[piece.load]!.update(part)
      }
      onBytes(read.bytes)
      const next = reads[index + LIMITS.readsInFlight] // only now: the chunk just taken is free
      if (next) inFlight.push(readChunk(store, next))
    }
  } finally {
    await Promise.all(inFlight) // after an early return nobody else waits for these reads
  }
  for (const [index, load] of loads.entries()) {
    if ((await hashers[index]!.hex()) !== load.sha256) return corrupt(load.object, load.offset, 'has another checksum than the manifest')
  }
  return ok(undefined)
}

function keep(into: Uint8Array, part: Uint8Array, at: number): void {
  const room = Math.max(0, into.byteLength - at)
  if (room > 0) into.set(part.subarray(0, room), at)
}

/** A store that throws is an expected failure: the network is. */
async function readChunk(store: RangeStore, read: ChunkRead): Promise<Result<Uint8Array | null, MoeError>> {
  try {
    return ok(await store.read(read.object, read.offset, read.bytes))
  } catch (error) {
    return fail('storage-unavailable', `${read.object} cannot be read: ${String(error)}`, { object: read.object })
  }
}

/** Cuts ranges into reads: in order of object and offset, small gaps bridged. */
function planReads(loads: readonly RangeLoad[]): ChunkRead[] {
  const order = loads.map((_, index) => index).sort((a, b) => compareRanges(loads[a]!, loads[b]!))
  const reads: ChunkRead[] = []
  for (const index of order) {
    const load = loads[index]!
    let done = 0
    while (done < load.bytes) {
      const offset = load.offset + done
      const read = openRead(reads, load.object, offset)
      const from = offset - read.offset
      const bytes = Math.min(load.bytes - done, LIMITS.chunkBytes - from)
      read.pieces.push({ load: index, from, to: done, bytes })
      read.bytes = Math.max(read.bytes, from + bytes)
      done += bytes
    }
  }
  return reads
}

function openRead(reads: ChunkRead[], object: string, offset: number): ChunkRead {
  const last = reads.at(-1)
  const end = last ? last.offset + last.bytes : 0
  if (last && last.object === object && offset >= last.offset && offset - end <= GAP_BYTES_MAX && offset - last.offset < LIMITS.chunkBytes) return last
  const read: ChunkRead = { object, offset, bytes: 0, pieces: [] }
  reads.push(read)
  return read
}

function compareRanges(a: StoredRange, b: StoredRange): number {
  return a.object === b.object ? a.offset - b.offset : a.object < b.object ? -1 : 1
}

function corrupt(object: string, offset: number, how: string): { readonly ok: false; readonly error: MoeError } {
  return fail('weights-corrupt', `${object} at ${offset} ${how}`, { object, offset })
}
