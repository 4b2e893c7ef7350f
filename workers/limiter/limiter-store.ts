import { FRESH_STATE } from './admission.ts'
import type { Lease, LimiterState } from './admission.ts'

/** What the store needs of an object's key-value storage. */
export interface KeyValues {
  get<T>(key: string): T | undefined
  put<T>(key: string, value: T): void
  delete(key: string): boolean
  list<T>(options: { prefix: string }): Iterable<[string, T]>
}

/** The state of one key, and how it is kept. */
export interface LimiterStore {
  read(): LimiterState
  /** Writes what differs: a row for the buckets, and one for each lease that came, went or was renewed. */
  write(before: LimiterState, after: LimiterState): void
}

const BUCKETS = 'buckets'
const LEASES = 'lease/'

export function limiterStore(kv: KeyValues): LimiterStore {
  return {
    read() {
      const buckets = kv.get<Omit<LimiterState, 'leases'>>(BUCKETS) ?? { requests: FRESH_STATE.requests, tokens: FRESH_STATE.tokens }
      return { ...buckets, leases: Array.from(kv.list<Lease>({ prefix: LEASES }), ([, lease]) => lease) }
    },
    write(before, after) {
      if (!isSame(before.requests, after.requests) || !isSame(before.tokens, after.tokens)) kv.put(BUCKETS, { requests: after.requests, tokens: after.tokens })
      if (before.leases === after.leases) return
      const left = new Map(before.leases.map((lease) => [lease.id, lease]))
      for (const lease of after.leases) {
        if (left.get(lease.id)?.expiresMs !== lease.expiresMs) kv.put(LEASES + lease.id, lease)
        left.delete(lease.id)
      }
      for (const id of left.keys()) kv.delete(LEASES + id)
    },
  }
}

function isSame(a: LimiterState['requests'], b: LimiterState['requests']): boolean {
  return a.spent === b.spent && a.atMs === b.atMs
}
