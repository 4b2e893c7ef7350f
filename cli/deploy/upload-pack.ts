import { createHash } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { packPrefix } from '../../shared/protocol/manifest.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { CliError } from '../errors.ts'
import { objectNames } from '../pack-folder.ts'
import type { Progress } from '../progress.ts'
import { md5 } from './object-store.ts'
import type { ObjectStore, StoredPart } from './object-store.ts'

/** R2: at least 5 MiB, at most 10,000 of them; all but the last of one size. */
const PART_BYTES = 16 * 1024 * 1024
const PARTS_MAX = 10_000
const PARTS_IN_FLIGHT = 4

export interface UploadDeps {
  readonly store: ObjectStore
  readonly progress: Progress
  /** Of all parts but an object's last. */
  readonly partBytes?: number
}

export interface Uploaded {
  readonly objectsSent: number
  readonly objectsThere: number
  /** Of this run: what an earlier one had sent is not in it. */
  readonly bytesSent: number
}

/**
 * Brings a pack into the bucket. What is there with the same size and checksum stays; of an upload that was cut short only the missing parts are sent.
 * The manifest goes last: a prefix that has one is complete. Each object is asked for again when it is sent. SPEC DP5, DP6.
 */
export async function uploadPack({ store, progress, partBytes = PART_BYTES }: UploadDeps, folder: string, manifest: Manifest): Promise<Uploaded> {
  const prefix = packPrefix(manifest.name, manifest.digest)
  const names = [...objectNames(manifest), 'manifest.json']
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
  progress.start(sizes.reduce((sum, bytes) => sum + bytes, 0))
  const sent = { objectsSent: 0, objectsThere: 0, bytesSent: 0 }
  try {
    for (const [index, name] of names.entries()) {
      const bytes = await uploadFile(store, prefix + name, join(folder, name), partBytes, (done) => progress.advance(done, name))
      if (bytes === null) {
        sent.objectsThere++
        progress.advance(sizes[index]!, name)
      } else {
        sent.objectsSent++
        sent.bytesSent += bytes
      }
    }
  } finally {
    progress.stop()
  }
  return sent
}

/** @returns bytes that were sent, null where it was there. */
async function uploadFile(store: ObjectStore, key: string, path: string, partBytes: number, onBytes: (bytes: number) => void): Promise<number | null> {
  const handle = await open(path)
  try {
    const { size } = await handle.stat()
    const file = await sumParts({ handle, path, size, partBytes })
    const isThere = async () => {
      const stored = await store.head(key)
      return stored?.bytes === size && stored.etag === file.etag
    }
    if (await isThere()) return null
    const sent = await (file.sums.length === 1 ? putWhole(store, key, file, onBytes) : putParts(store, key, file, onBytes))
    if (!(await isThere())) throw new CliError('upload-failed', `${key} was sent, and is not there as it was sent`)
    return sent
  } finally {
    await handle.close()
  }
}

interface OpenFile {
  readonly handle: FileHandle
  readonly path: string
  readonly size: number
  readonly partBytes: number
}

interface SummedFile extends OpenFile {
  /** MD5 of each part; an empty file has one, of nothing. */
  readonly sums: readonly string[]
  /** As the store will name it. Source: R2's documentation of multipart uploads. */
  readonly etag: string
}

async function putWhole(store: ObjectStore, key: string, file: SummedFile, onBytes: (bytes: number) => void): Promise<number> {
  await store.put(key, await readPart(file, 0))
  onBytes(file.size)
  return file.size
}

async function putParts(store: ObjectStore, key: string, file: SummedFile, onBytes: (bytes: number) => void): Promise<number> {
  const { sums, path } = file
  const upload = (await store.uploads(key)).at(-1) ?? (await store.beginUpload(key))
  const there = new Map((await store.parts(key, upload)).map((stored) => [stored.part, stored]))
  const parts = sums.map((etag, index): StoredPart => ({ part: index + 1, bytes: bytesOfPart(file, index), etag }))
  const left = parts.values()
  let bytesSent = 0
  let failed = false
  async function sendNext(): Promise<void> {
    for (const { part, bytes, etag } of left) {
      if (failed) return // what is under way elsewhere still ends: the file is open until then
      const stored = there.get(part)
      if (stored?.bytes !== bytes || stored.etag !== etag) {
        const body = await readPart(file, part - 1)
        if (md5(body) !== etag) throw new CliError('weights-corrupt', `${path} was changed while it was read`)
        await store.putPart(key, upload, part, body)
        bytesSent += bytes
      }
      onBytes(bytes)
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: PARTS_IN_FLIGHT }, () => sendNext().catch(stop)))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  await store.endUpload(key, upload, parts)
  return bytesSent

  function stop(error: unknown): never {
    failed = true
    throw error
  }
}

async function sumParts(file: OpenFile): Promise<SummedFile> {
  const count = Math.max(1, Math.ceil(file.size / file.partBytes))
  if (count > PARTS_MAX) throw new CliError('file-too-large', `${file.path} has more than ${PARTS_MAX} parts of ${file.partBytes} bytes`)
  const sums: string[] = []
  for (let index = 0; index < count; index++) sums.push(md5(await readPart(file, index)))
  const all = createHash('md5')
    .update(Buffer.from(sums.join(''), 'hex'))
    .digest('hex')
  return { ...file, sums, etag: count === 1 ? sums[0]! : `${all}-${count}` }
}

function bytesOfPart({ size, partBytes }: OpenFile, index: number): number {
  return Math.min(partBytes, size - index * partBytes)
}

async function readPart(file: OpenFile, index: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(bytesOfPart(file, index))
  const { bytesRead } = await file.handle.read(bytes, 0, bytes.byteLength, index * file.partBytes)
  if (bytesRead < bytes.byteLength) throw new CliError('weights-corrupt', `${file.path} became shorter while it was read`)
  return bytes
}
