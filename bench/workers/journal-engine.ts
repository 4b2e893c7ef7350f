import { durableJournalStore } from '../../workers/engine/durable-journal-store.ts'
import engine, { Engine as Product } from '../../workers/engine/engine.ts'
import type { EngineEnv } from '../../workers/engine/env.ts'
import type { JournalStore } from '../../workers/engine/journal-store.ts'
import type { StoreKind } from '../journal/store-kinds.ts'

const NOWHERE: JournalStore = { write: () => undefined, list: () => ({ requests: [], lastWriteMs: null }), read: () => null }

/** The product's engine with its journal nowhere, or with writes that hold back what leaves the object until the disk has them. */
export class Engine extends Product {
  protected override journalStore(): JournalStore {
    const kind = (this.env as EngineEnv & { readonly JOURNAL_STORE: StoreKind }).JOURNAL_STORE
    if (kind === 'none') return NOWHERE
    if (kind === 'unconfirmed') return super.journalStore()
    const { storage } = this.ctx
    const confirmed = { kv: storage.kv, put: (entries: Record<string, unknown>) => storage.put(entries), delete: (keys: string[]) => storage.delete(keys) }
    return durableJournalStore(confirmed as unknown as DurableObjectStorage, (error) => console.error(error))
  }

  /** Milliseconds of a write of so many tokens, until the disk has it. */
  async writeMs(writes: number, tokens: number): Promise<number> {
    const store = super.journalStore()
    const pairs = Uint32Array.from({ length: 2 * tokens }, (_, i) => i)
    const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 1 }
    const request = {
      requestId: 'timed',
      prompts: [[1]],
      n: 1,
      maxTokens: null,
      sampling,
      adjustments: null,
      grammar: null,
      stopTokens: [],
      logprobs: null,
      echo: false,
    }
    store.write({ atMs: 0, add: [{ request, pack: '' }], append: [], remove: [] })
    await this.ctx.storage.sync()
    const startMs = performance.now()
    for (let batch = 0; batch < writes; batch++) {
      store.write({ atMs: batch, add: [], append: [{ requestId: 'timed', batch, pairs }], remove: [] })
      await this.ctx.storage.sync()
    }
    const ms = (performance.now() - startMs) / writes
    store.write({ atMs: writes, add: [], append: [], remove: ['timed'] })
    return ms
  }
}

export default engine
