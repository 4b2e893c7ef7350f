import { createDeadlines } from '../shared/protocol/deadlines.ts'
import type { Deadlines } from '../shared/protocol/deadlines.ts'
import { fail } from '../shared/protocol/errors.ts'
import type { MoeError } from '../shared/protocol/errors.ts'
import { toHex } from '../shared/protocol/hex.ts'
import { LIMITS } from '../shared/protocol/limits.ts'
import { checkDigest, parseManifest } from '../shared/protocol/manifest-parser.ts'
import type { Manifest } from '../shared/protocol/manifest.ts'
import { createRangeReader } from '../shared/protocol/range-reader.ts'
import type { RangeBody, RangeReader, RangeStore } from '../shared/protocol/range-reader.ts'
import type { Result } from '../shared/protocol/result.ts'

/** R2's error code for a range that lies past the end. */
const RANGE_NOT_SATISFIABLE = '10039'
const NO_BYTES: RangeBody = { next: () => Promise.resolve(null), cancel: () => undefined }
/** A read is given up after 20 to 25 s without a byte: long for storage, and well before the host call that waits for it is. */
const STALL = { tickMs: 5000, ticks: 4 }

/** A pack in R2 as ranges that arrive in memory verified. One for each object of a Worker: its timer and its reads die with the object. */
export function r2RangeReader(bucket: R2Bucket, prefix: string): RangeReader {
  return createRangeReader({ store: r2Store(bucket, prefix), sha256Hex, deadlines: readDeadlines() })
}

/** How long a read may stay silent. One for each object of a Worker, as its timer dies with the object. */
export function readDeadlines(): Deadlines {
  return createDeadlines((ms, fire) => {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  }, STALL)
}

/** A pack in R2 as a range store. `prefix` ends in a slash; parts have at most `partBytes`. */
export function r2Store(bucket: R2Bucket, prefix: string, partBytes: number = LIMITS.chunkBytes): RangeStore {
  return {
    async open(object, offset, bytes) {
      try {
        const found = await bucket.get(prefix + object, { range: { offset, length: bytes } })
        return found && readBody(found.body, Math.min(bytes, partBytes))
      } catch (error) {
        if (String(error).includes(`(${RANGE_NOT_SATISFIABLE})`)) return NO_BYTES // the object ends before the range begins
        throw error
      }
    },
  }
}

/** Every part comes in one buffer, passed to the platform and back: memory that is made anew for each part costs as much as reading it. */
function readBody(body: ReadableStream, chunkBytes: number): RangeBody {
  const reader = body.getReader({ mode: 'byob' })
  let buffer = new Uint8Array(chunkBytes)
  return {
    async next() {
      const { done, value } = await reader.readAtLeast(buffer.byteLength, buffer)
      if (done || !value) return null
      buffer = new Uint8Array(value.buffer)
      return value
    },
    cancel: () => void reader.cancel().catch(() => undefined), // a body that is broken or at its end has nothing to cancel
  }
}

/** Lower-case hex. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}

/** Reads a pack's manifest, checks every field, and its digest against the content. */
export async function readManifest(bucket: R2Bucket, prefix: string): Promise<Result<Manifest, MoeError>> {
  const object = `${prefix}manifest.json`
  const body = await bucket.get(object)
  if (!body) return fail('weights-missing', `${object} does not exist`, { object })
  if (body.size > LIMITS.manifestBytesMax)
    return fail('manifest-invalid', `${object} has ${body.size} bytes, at most ${LIMITS.manifestBytesMax} are read`, { field: 'size' })
  const manifest = parseManifest(new Uint8Array(await body.arrayBuffer()))
  return manifest.ok ? checkDigest(manifest.value, sha256Hex) : manifest
}
