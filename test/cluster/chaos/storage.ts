import type { RangeBody, RangeStore } from '../../../shared/protocol/range-reader.ts'
import { bytesBody, memoryStore } from '../../fixtures/memory-store.ts'
import type { Life } from '../life.ts'
import type { SimClock } from '../sim-clock.ts'
import type { Draws } from './draws.ts'

/** What becomes of a share of the reads. */
export const STORAGE_TROUBLES = ['throws', 'missing', 'corrupt', 'short', 'silent'] as const
export type StorageTrouble = { readonly kind: (typeof STORAGE_TROUBLES)[number]; readonly share: number }

/** Storage that takes time and may be sick. */
export function createStorage(objects: ReadonlyMap<string, Uint8Array>, clock: SimClock, draws: Draws) {
  const sound = memoryStore(objects).store
  const seen = { reads: 0, spoiled: 0 }
  let trouble: StorageTrouble | null = null
  let isDark = false

  async function open(object: string, offset: number, bytes: number): Promise<RangeBody | null> {
    await clock.wait(draws.whole(2, 12))
    seen.reads++
    if (isDark) throw new Error('storage: not available')
    const kind = trouble && draws.chance(trouble.share) ? trouble.kind : 'none'
    if (kind === 'none') return slowly(await sound.open(object, offset, bytes))
    seen.spoiled++
    const content = objects.get(object)!.slice(offset, offset + bytes)
    switch (kind) {
      case 'throws':
        throw new Error('storage: internal error')
      case 'missing':
        return null
      case 'silent':
        return { next: () => new Promise(() => undefined), cancel: () => undefined }
      case 'corrupt':
        content[draws.whole(0, content.byteLength - 1)]! ^= 1 << draws.whole(0, 7)
        return slowly(bytesBody(content))
      case 'short':
        return slowly(bytesBody(content.subarray(0, draws.whole(0, content.byteLength - 1))))
    }
  }

  function slowly(body: RangeBody | null): RangeBody | null {
    if (!body) return null
    const next = async () => {
      await clock.wait(1)
      return body.next()
    }
    return { next, cancel: () => body.cancel() }
  }

  /** Storage as an object sees it, as long as it lives. */
  function storeOf(life: Life): RangeStore {
    return {
      async open(object, offset, bytes) {
        const body = await life.own(open(object, offset, bytes))
        return body && { next: () => life.own(body.next()), cancel: () => body.cancel() }
      },
    }
  }

  return {
    storeOf,
    sound,
    seen,
    suffers: (next: StorageTrouble | null) => void (trouble = next),
    /** Nobody gets anything. */ blackOut: (does: boolean) => void (isDark = does),
  }
}

export type Storage = ReturnType<typeof createStorage>
