import { fail } from '../shared/protocol/errors.ts'
import type { MoeError } from '../shared/protocol/errors.ts'
import { toHex } from '../shared/protocol/hex.ts'
import { LIMITS } from '../shared/protocol/limits.ts'
import { checkDigest, parseManifest } from '../shared/protocol/manifest-parser.ts'
import type { Manifest } from '../shared/protocol/manifest.ts'
import type { Hasher, RangeStore } from '../shared/protocol/range-reader.ts'
import type { Result } from '../shared/protocol/result.ts'

/** R2's error code for a range that lies past the end. */
const RANGE_NOT_SATISFIABLE = '10039'

/** A pack in R2 as a range store. `prefix` ends in a slash. */
export function r2Store(bucket: R2Bucket, prefix: string): RangeStore {
  return {
    async read(object, offset, bytes) {
      try {
        const body = await bucket.get(prefix + object, { range: { offset, length: bytes } })
        return body && new Uint8Array(await body.arrayBuffer())
      } catch (error) {
        if (String(error).includes(`(${RANGE_NOT_SATISFIABLE})`)) return new Uint8Array() // the object ends before the range begins
        throw error
      }
    },
  }
}

/** A running sha256 on the platform's own stream: no copy of the weights is kept for it. */
export function r2Hasher(): Hasher {
  const stream = new crypto.DigestStream('SHA-256')
  const writer = stream.getWriter()
  return {
    update: (bytes) => writer.write(bytes),
    async hex() {
      await writer.close()
      return toHex(new Uint8Array(await stream.digest))
    },
  }
}

async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
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
