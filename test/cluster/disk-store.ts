import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { RangeStore } from '../../shared/protocol/range-reader.ts'
import { bytesBody } from '../fixtures/memory-store.ts'

/** A pack's folder in the place of R2. */
export function diskStore(pack: string): RangeStore {
  return {
    async open(object, offset, bytes) {
      const file = await open(join(pack, object)).catch(() => null)
      if (!file) return null
      try {
        const into = new Uint8Array(bytes)
        const { bytesRead } = await file.read(into, 0, bytes, offset)
        return bytesBody(into.subarray(0, bytesRead))
      } finally {
        await file.close()
      }
    },
  }
}
