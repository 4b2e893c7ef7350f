import type { GenerateRequest } from '../../shared/protocol/engine-api.ts'

/** A request as the journal keeps it. */
export interface JournaledRequest {
  readonly request: GenerateRequest
  /** Names the weights and their precision: with others the continuation would be another. */
  readonly pack: string
}

/** New tokens of one request in the order in which they were made: index of the choice and id, in pairs. */
export interface JournaledTokens {
  readonly requestId: string
  /** Counts the writes of the request from 0 on. */
  readonly batch: number
  readonly pairs: Uint32Array
}

/** One write of the journal. */
export interface JournalWrite {
  readonly atMs: number
  readonly add: readonly JournaledRequest[]
  readonly append: readonly JournaledTokens[]
  readonly remove: readonly string[]
}

/** What a store holds of a request, without its tokens. */
export interface StoredRequest {
  readonly requestId: string
  readonly pack: string
  readonly batches: number
  readonly bytes: number
}

/** Keeps requests beyond the object's life. A write is taken whole or not at all; after a reset the last writes may be missing, never one in the middle. */
export interface JournalStore {
  /** Removals come first: a request may be removed and added anew in one write. */
  write(write: JournalWrite): void
  /** All requests and when the last write was; null before the first. */
  list(): { readonly requests: readonly StoredRequest[]; readonly lastWriteMs: number | null }
  /** A request with its tokens in order; null where there is none. */
  read(requestId: string): (JournaledRequest & { readonly pairs: Uint32Array }) | null
}

/** Bytes that a store counts for a request and for tokens; what SQLite adds is left out. */
export function requestBytes({ request }: JournaledRequest): number {
  return JSON.stringify(request).length
}

/** Forgets a request in a store that no journal has open. */
export function forgetStored(store: JournalStore, requestId: string, atMs: number): void {
  if (store.read(requestId) !== null) store.write({ atMs, add: [], append: [], remove: [requestId] })
}

export function joinPairs(parts: readonly Uint32Array[]): Uint32Array {
  const joined = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** A journal that lives as long as whoever holds it: for engines without storage, and for tests. */
export function memoryJournalStore(): JournalStore {
  const held = new Map<string, JournaledRequest & { readonly parts: Uint32Array[] }>()
  let lastWriteMs: number | null = null
  return {
    write({ atMs, add, append, remove }) {
      lastWriteMs = atMs
      for (const requestId of remove) held.delete(requestId)
      for (const entry of add) held.set(entry.request.requestId, { ...structuredClone(entry), parts: [] })
      for (const { requestId, batch, pairs } of append) {
        const parts = held.get(requestId)?.parts
        if (parts === undefined) throw new Error(`tokens of ${requestId}, which the journal does not hold`)
        parts[batch] = pairs.slice()
      }
    },
    list: () => ({
      requests: Array.from(held, ([requestId, entry]) => ({
        requestId,
        pack: entry.pack,
        batches: entry.parts.length,
        bytes: requestBytes(entry) + entry.parts.reduce((sum, { byteLength }) => sum + byteLength, 0),
      })),
      lastWriteMs,
    }),
    read(requestId) {
      const entry = held.get(requestId)
      return entry === undefined ? null : { request: entry.request, pack: entry.pack, pairs: joinPairs(entry.parts) }
    },
  }
}
