import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { StoredFile, StoredRange } from '../../shared/protocol/manifest.ts'
import { RANGE_ALIGN_BYTES } from '../../shared/protocol/pack-layout.ts'
import type { PackFile } from './text-files.ts'

/** One object of the pack, filled range by range. Ranges are placed when they are reserved, so several can be written side by side. */
export class ObjectWriter {
  readonly #object: string
  readonly #handle: FileHandle
  #end = 0

  constructor(object: string, handle: FileHandle) {
    this.#object = object
    this.#handle = handle
  }

  /** The next `bytes` of the object, from a multiple of `align`; the gap before reads as zeros. */
  reserve(bytes: number, align: number = RANGE_ALIGN_BYTES): RangeWriter {
    const offset = Math.ceil(this.#end / align) * align
    this.#end = offset + bytes
    return new RangeWriter(this.#handle, this.#object, offset, bytes)
  }

  /** Reads a finished range back. */
  async read({ offset, bytes }: StoredRange, into: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes;) {
      const { bytesRead } = await this.#handle.read(into, done, bytes - done, offset + done)
      if (bytesRead === 0) throw new RangeError(`${this.#object} ends at ${offset + done}`)
      done += bytesRead
    }
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

/** Creates an object that must not exist yet. */
export async function createObject(folder: string, object: string): Promise<ObjectWriter> {
  return new ObjectWriter(object, await open(join(folder, object), 'wx+'))
}

/** Writes one range in order and keeps its checksum. */
export class RangeWriter {
  readonly #handle: FileHandle
  readonly #range: Omit<StoredRange, 'sha256'>
  readonly #hash: Hash = createHash('sha256')
  #done = 0

  constructor(handle: FileHandle, object: string, offset: number, bytes: number) {
    this.#handle = handle
    this.#range = { object, offset, bytes }
  }

  /** In chunks: neither hash nor write takes 2 GiB at once, and an embedding in f32 may have that. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.byteLength; from += LIMITS.chunkBytes) {
      const chunk = bytes.subarray(from, from + LIMITS.chunkBytes)
      this.#hash.update(chunk)
      await writeAll(this.#handle, chunk, this.#range.offset + this.#done)
      this.#done += chunk.byteLength
    }
  }

  /** Checksum of what was appended so far. */
  checksum(): string {
    return this.#hash.copy().digest('hex')
  }

  /** The entry of the manifest. Exactly the reserved bytes must have been appended. */
  finish(): StoredRange {
    if (this.#done !== this.#range.bytes) throw new RangeError(`${this.#range.object}: ${this.#done} of ${this.#range.bytes} reserved bytes were written`)
    return { ...this.#range, sha256: this.checksum() }
  }
}

/** Writes a whole file. */
export async function writePackFile(folder: string, { object, bytes }: PackFile): Promise<StoredFile> {
  const writer = await createObject(folder, object)
  try {
    const range = writer.reserve(bytes.byteLength)
    await range.append(bytes)
    const { sha256 } = range.finish()
    return { object, bytes: bytes.byteLength, sha256 }
  } finally {
    await writer.close()
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done)
    done += bytesWritten
  }
}
