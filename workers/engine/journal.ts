import type { GenerateRequest } from '../../shared/protocol/engine-api.ts'
import type { JournalBounds } from './journal-bounds.ts'
import { requestBytes } from './journal-store.ts'
import type { JournaledRequest, JournaledTokens, JournalStore } from './journal-store.ts'

export interface JournalDeps {
  readonly store: JournalStore
  readonly nowMs: () => number
  readonly bounds: JournalBounds
  /** Names the weights and their precision. */
  readonly pack: string
}

/** The record of one stream of a request. Once another stream has taken the request over, it changes nothing. */
export interface JournalRun {
  /** A token of a choice, the first at position 0. Those that are in the journal already are passed over. */
  token(index: number, position: number, id: number): void
  /** The stream is over or broken; the request is kept for a while. */
  detach(): void
}

interface Entry {
  run: JournalRun | null
  /** When its stream ended; null while it has one. */
  detachedMs: number | null
  /** Tokens of each choice that are written or wait. */
  counts: number[]
  pending: number[]
  batches: number
  bytes: number
}

const PAIR_BYTES = 8
const REQUEST_ID_CHARS = 128
/**
 * Which requests an engine could go on with after a reset, and what of them is written when: the request at once, its tokens in batches, its end
 * at the latest with the next batch. Bits come out the same whatever is missing at the end, so a bound that is met costs time after a reset, no
 * answer. No timers: what is due is done by the next token or request. SPEC JR1, JR2.
 */
export function createJournal({ store, nowMs, bounds, pack }: JournalDeps) {
  const entries = new Map<string, Entry>()
  const removed = new Set<string>()
  let pendingTokens = 0
  let pendingSinceMs = 0
  let batches = 0
  let bytes = 0

  function open(): void {
    const { requests, lastWriteMs } = store.list()
    const stale = lastWriteMs !== null && nowMs() - lastWriteMs >= bounds.keepMs
    for (const stored of requests) {
      if (stale || stored.pack !== pack) {
        removed.add(stored.requestId)
        continue
      }
      entries.set(stored.requestId, { ...newEntry(stored), detachedMs: nowMs() })
      batches += stored.batches
      bytes += stored.bytes
    }
    if (removed.size > 0) write()
  }

  /** Writes a request that the engine has taken; null where it is too large or the journal is full: after a reset it is unknown here then. */
  function admit(request: GenerateRequest): JournalRun | null {
    forget(request.requestId)
    const journaled = { request, pack }
    const size = requestBytes(journaled)
    dropExpired()
    const fits = size <= bounds.requestBytesMax && entries.size < bounds.requestsMax && bytes + size <= bounds.bytesMax
    if (!fits || request.requestId.length > REQUEST_ID_CHARS) return null
    const entry = newEntry({ batches: 0, bytes: size })
    entries.set(request.requestId, entry)
    bytes += size
    write([journaled])
    return attach(request.requestId, entry)
  }

  /** What is known of a request; null where nothing is. `attach` begins its record anew: an earlier run of it ends. */
  function find(requestId: string): { readonly request: GenerateRequest; readonly ids: number[][]; attach(): JournalRun } | null {
    if (entries.has(requestId)) flush() // which drops it where its time is over
    const entry = entries.get(requestId)
    if (entry === undefined) return null
    const stored = store.read(requestId)
    if (stored === null) throw new Error(`the journal lost ${requestId}`)
    const { request, pairs } = stored
    const ids = Array.from({ length: request.prompts.length * request.n }, (): number[] => [])
    for (let i = 0; i < pairs.length; i += 2) ids[pairs[i]!]!.push(pairs[i + 1]!)
    return {
      request,
      ids,
      attach: () =>
        attach(
          requestId,
          entry,
          ids.map(({ length }) => length),
        ),
    }
  }

  /** Nobody will resume the request. */
  function forget(requestId: string): void {
    const entry = entries.get(requestId)
    if (entry === undefined) return
    drop(requestId, entry)
    if (!Array.from(entries.values()).some(({ detachedMs }) => detachedMs === null)) write() // nobody is left whose tokens would bring the next write
  }

  /** @param counts tokens of each choice that the journal has. */
  function attach(requestId: string, entry: Entry, counts: number[] = []): JournalRun {
    const mine = (): boolean => entry.run === run && entries.get(requestId) === entry
    const run: JournalRun = {
      token(index, position, id) {
        if (!mine() || position !== (entry.counts[index] ?? 0)) return // known, or behind one that a bound left out
        if (batches >= bounds.batchesMax || bytes + PAIR_BYTES > bounds.bytesMax) return // made again after a reset instead of remembered
        if (pendingTokens++ === 0) pendingSinceMs = nowMs()
        entry.counts[index] = position + 1
        entry.pending.push(index, id)
        entry.bytes += PAIR_BYTES
        bytes += PAIR_BYTES
        flushWhenDue()
      },
      detach() {
        if (mine() && entry.detachedMs === null) entry.detachedMs = nowMs()
      },
    }
    entry.run = run
    entry.counts = counts
    entry.detachedMs = null
    return run
  }

  function flushWhenDue(): void {
    if (pendingTokens >= bounds.batchTokens || nowMs() - pendingSinceMs >= bounds.batchMs) write()
  }

  function flush(): void {
    if (pendingTokens > 0) write()
  }

  function write(add: readonly JournaledRequest[] = []): void {
    dropExpired()
    const append: JournaledTokens[] = []
    for (const [requestId, entry] of entries) {
      if (entry.pending.length === 0) continue
      append.push({ requestId, batch: entry.batches++, pairs: Uint32Array.from(entry.pending) })
      entry.pending = []
      batches++
    }
    store.write({ atMs: nowMs(), add, append, remove: [...removed] })
    removed.clear()
    pendingTokens = 0
  }

  function dropExpired(): void {
    const beforeMs = nowMs() - bounds.keepMs
    for (const [requestId, entry] of entries) if (entry.detachedMs !== null && entry.detachedMs <= beforeMs) drop(requestId, entry)
  }

  function drop(requestId: string, entry: Entry): void {
    entries.delete(requestId)
    removed.add(requestId)
    batches -= entry.batches
    bytes -= entry.bytes
    pendingTokens -= entry.pending.length / 2
  }

  open()
  return { admit, find, forget, held: () => ({ requests: entries.size, batches, bytes }) }
}

export type Journal = ReturnType<typeof createJournal>

function newEntry({ batches, bytes }: { readonly batches: number; readonly bytes: number }): Entry {
  return { run: null, detachedMs: null, counts: [], pending: [], batches, bytes }
}
