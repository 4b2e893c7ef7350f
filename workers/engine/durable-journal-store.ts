import { joinPairs, requestBytes } from './journal-store.ts'
import type { JournaledRequest, JournalStore } from './journal-store.ts'

const LAST_WRITE = 'journal/last-write'
const REQUESTS = 'journal/request/'
const TOKENS = 'journal/tokens/'
/** What one call of the platform takes. */
const KEYS_PER_CALL = 128
/** So that keys are in the order of their numbers. */
const BATCH_DIGITS = 8

type StoredEntry = JournaledRequest & { readonly bytes: number }

/**
 * The journal in an object's SQLite, through its key-value face: only that takes `allowUnconfirmed`. A confirmed write holds back every message
 * that leaves the object until the disk has it, calls to hosts too; the journal may lag, so it need not wait. Calls that follow each other
 * without an await are one transaction.
 */
export function durableJournalStore(storage: DurableObjectStorage, onFault: (error: unknown) => void): JournalStore {
  const { kv } = storage
  const unconfirmed = { allowUnconfirmed: true }
  /** A failed write breaks the object, and the platform resets it; nobody here can do more than say so. */
  const unawaited = (work: Promise<unknown>): void => void work.catch(onFault)

  function put(entries: readonly (readonly [string, unknown])[]): void {
    for (let i = 0; i < entries.length; i += KEYS_PER_CALL) unawaited(storage.put(Object.fromEntries(entries.slice(i, i + KEYS_PER_CALL)), unconfirmed))
  }

  function remove(keys: readonly string[]): void {
    for (let i = 0; i < keys.length; i += KEYS_PER_CALL) unawaited(storage.delete(keys.slice(i, i + KEYS_PER_CALL), unconfirmed))
  }

  /** Read to its end at once: the platform has one iterator at a time. */
  function listed<T>(prefix: string): [string, T][] {
    return [...kv.list<T>({ prefix })]
  }

  const batchesOf = (requestId: string): Uint32Array[] => listed<Uint32Array>(tokensPrefix(requestId)).map(([, pairs]) => pairs)

  return {
    write(write) {
      remove(write.remove.flatMap((id) => [requestKey(id), ...listed(tokensPrefix(id)).map(([key]) => key)]))
      put([
        [LAST_WRITE, write.atMs],
        ...write.add.map((entry) => [requestKey(entry.request.requestId), { ...entry, bytes: requestBytes(entry) } satisfies StoredEntry] as const),
        ...write.append.map(({ requestId, batch, pairs }) => [tokensPrefix(requestId) + String(batch).padStart(BATCH_DIGITS, '0'), pairs] as const),
      ])
    },
    list: () => ({
      requests: listed<StoredEntry>(REQUESTS).map(([, { request, pack, bytes }]) => {
        const batches = batchesOf(request.requestId)
        return { requestId: request.requestId, pack, batches: batches.length, bytes: batches.reduce((sum, { byteLength }) => sum + byteLength, bytes) }
      }),
      lastWriteMs: kv.get<number>(LAST_WRITE) ?? null,
    }),
    read(requestId) {
      const entry = kv.get<StoredEntry>(requestKey(requestId))
      if (entry === undefined) return null
      return { request: entry.request, pack: entry.pack, pairs: joinPairs(batchesOf(requestId)) }
    },
  }
}

/** No id is the beginning of another's keys: it ends with a character that its encoding has not. */
function tokensPrefix(requestId: string): string {
  return `${TOKENS}${encodeURIComponent(requestId)}/`
}

function requestKey(requestId: string): string {
  return REQUESTS + encodeURIComponent(requestId)
}
