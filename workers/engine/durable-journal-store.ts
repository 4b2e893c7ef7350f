import { joinPairs, requestBytes } from './journal-store.ts'
import type { JournaledRequest, JournalStore, StoredRequest } from './journal-store.ts'

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

  /** All of one request. Read to its end at once: the platform has one iterator at a time. */
  function listed<T>(prefix: string): [string, T][] {
    return [...kv.list<T>({ prefix })]
  }

  /** By the key's part that names the request. One value at a time: the journal may be larger than what an engine that starts has left. */
  function tokenSizes(): Map<string, { batches: number; bytes: number }> {
    const sizes = new Map<string, { batches: number; bytes: number }>()
    for (const [key, { byteLength }] of kv.list<Uint8Array>({ prefix: TOKENS })) {
      const id = key.slice(TOKENS.length, key.indexOf('/', TOKENS.length))
      const size = sizes.get(id) ?? { batches: 0, bytes: 0 }
      sizes.set(id, { batches: size.batches + 1, bytes: size.bytes + byteLength })
    }
    return sizes
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
    list() {
      const sizes = tokenSizes()
      const requests: StoredRequest[] = []
      for (const [key, { request, pack, bytes }] of kv.list<StoredEntry>({ prefix: REQUESTS })) {
        const tokens = sizes.get(key.slice(REQUESTS.length)) ?? { batches: 0, bytes: 0 }
        requests.push({ requestId: request.requestId, pack, batches: tokens.batches, bytes: bytes + tokens.bytes })
      }
      return { requests, lastWriteMs: kv.get<number>(LAST_WRITE) ?? null }
    },
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
