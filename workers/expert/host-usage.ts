import type { HostWork } from '../../shared/protocol/host-api.ts'
import type { RangeStore } from '../../shared/protocol/range-reader.ts'
import type { ExpertSlots } from './expert-slots.ts'

/** What a host counts of itself, from the beginning of its isolate on. Work and bytes only: a host never times itself. SPEC RE12. */
export interface HostUsage {
  readonly work: HostWork
  /** Most bytes at one time: resident experts, slots that are being filled, read buffers. */
  readonly peakBytes: number
  count(what: keyof HostWork, amount: number): void
  /** Begins to look at the peak anew; gives the most bytes from then on, and ends it. */
  watchPeak(): () => number
  /** A slot was taken. */
  noteSlots(): void
  /** A read buffer of `bytes` is there, until the function that this gives is called. */
  holdBuffer(bytes: number): () => void
  /** The buffers of an object that died are gone. */
  reclaim(): void
}

export function createHostUsage(slots: ExpertSlots): HostUsage {
  const work = { frames: 0, pairs: 0, loads: 0, drops: 0, storageBytes: 0, peerBytes: 0 }
  let buffers = new Set<{ readonly bytes: number }>()
  let bufferBytes = 0
  let peakBytes = 0
  const watches = new Set<{ peakBytes: number }>()

  function notePeak(): void {
    const bytes = slots.usedBytes + bufferBytes
    peakBytes = Math.max(peakBytes, bytes)
    for (const watch of watches) watch.peakBytes = Math.max(watch.peakBytes, bytes)
  }

  return {
    get work() {
      return { ...work }
    },
    get peakBytes() {
      return peakBytes
    },
    count: (what, amount) => void (work[what] += amount),
    watchPeak() {
      const watch = { peakBytes: slots.usedBytes + bufferBytes }
      watches.add(watch)
      return () => {
        watches.delete(watch)
        return watch.peakBytes
      }
    },
    noteSlots: notePeak,
    holdBuffer(bytes) {
      const buffer = { bytes }
      buffers.add(buffer)
      bufferBytes += bytes
      notePeak()
      return () => {
        if (buffers.delete(buffer)) bufferBytes -= bytes
      }
    },
    reclaim() {
      buffers = new Set()
      bufferBytes = 0
    },
  }
}

/** The same store, with the buffers of its reads counted. @param partBytes most bytes of a part, which is what a read holds. */
export function countBuffers(store: RangeStore, partBytes: number, usage: HostUsage): RangeStore {
  return {
    async open(object, offset, bytes) {
      const body = await store.open(object, offset, bytes)
      if (!body) return null
      const giveBack = usage.holdBuffer(Math.min(bytes, partBytes))
      return {
        next: () => body.next(),
        cancel() {
          giveBack()
          body.cancel()
        },
      }
    },
  }
}
