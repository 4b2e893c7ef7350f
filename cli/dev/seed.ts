import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { packPrefix } from '../../shared/protocol/manifest.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { CliError } from '../errors.ts'
import { objectNames } from '../pack-folder.ts'
import type { Progress } from '../progress.ts'

/** The part of R2's interface that seeding uses. */
export interface SeedBucket {
  head(key: string): Promise<{ size: number } | null>
  put(key: string, value: Uint8Array): Promise<unknown>
  createMultipartUpload(key: string): Promise<{ uploadPart(part: number, value: Uint8Array): Promise<unknown>; complete(parts: unknown[]): Promise<unknown> }>
}

/** Larger objects go up in parts, so that memory stays bounded. All parts but the last have one size: R2 asks for it. */
const PART_BYTES = 16 * 1024 * 1024

/**
 * Copies a pack into the local bucket. The manifest goes last: a prefix that has one is complete, because the prefix holds the digest
 * of the content.
 */
export async function seedLocalR2(pack: string, manifest: Manifest, bucket: SeedBucket, progress: Progress): Promise<void> {
  const prefix = packPrefix(manifest.name, manifest.digest)
  if (await bucket.head(`${prefix}manifest.json`)) return
  const sizes = await Promise.all(objectNames(manifest).map(async (name) => ({ name, bytes: (await stat(join(pack, name))).size })))
  progress.start(sizes.reduce((sum, object) => sum + object.bytes, 0))
  for (const { name, bytes } of sizes) {
    await putObject(bucket, prefix + name, join(pack, name), bytes)
    progress.advance(bytes, name)
  }
  await bucket.put(`${prefix}manifest.json`, await readFile(join(pack, 'manifest.json')))
  progress.stop()
}

async function putObject(bucket: SeedBucket, key: string, path: string, bytes: number): Promise<void> {
  if (bytes <= PART_BYTES) {
    await bucket.put(key, await readFile(path))
    return
  }
  const upload = await bucket.createMultipartUpload(key)
  const file = await open(path)
  try {
    const parts = []
    for (let at = 0; at < bytes; at += PART_BYTES) {
      const part = new Uint8Array(Math.min(PART_BYTES, bytes - at))
      const { bytesRead } = await file.read(part, 0, part.byteLength, at)
      if (bytesRead < part.byteLength) throw new CliError('weights-corrupt', `${path} became shorter while it was read`)
      parts.push(await upload.uploadPart(parts.length + 1, part))
    }
    await upload.complete(parts)
  } finally {
    await file.close()
  }
}
