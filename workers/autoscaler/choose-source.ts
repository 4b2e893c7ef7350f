import type { Policy } from '../../shared/placement/policy.ts'

/** Where weights can come from. */
export type WeightSource = 'storage' | 'peer'

/** What copying took, on the caller's side of the calls: a host never times itself. */
interface SourceMean {
  readonly bytes: number
  readonly ms: number
  /** Copies from the other source since. */
  readonly age: number
}

export type SourceMeans = Readonly<Record<WeightSource, SourceMean>>

export const NO_MEANS: SourceMeans = { storage: { bytes: 0, ms: 0, age: 0 }, peer: { bytes: 0, ms: 0, age: 0 } }

/** Older copies count half as much with each that comes; one after AGE_MAX of the other source begins anew. */
const DECAY = 0.5
/** After so many copies the slower source is measured again: one stall must not rule it out for good. */
const AGE_MAX = 16

/**
 * Where the next copy comes from. `auto`: storage first, then a peer once to have both measured, then what moved more bytes a millisecond; and now and then the other.
 * @param peerHolds whether a warm host has all of it.
 */
export function chooseSource({ storage, peer }: SourceMeans, policy: Policy['source'], peerHolds: boolean): WeightSource {
  if (!peerHolds || policy === 'storage') return 'storage'
  if (policy === 'peer') return 'peer'
  if (storage.bytes === 0 || storage.age >= AGE_MAX) return 'storage'
  if (peer.bytes === 0 || peer.age >= AGE_MAX) return 'peer'
  return peer.bytes * storage.ms > storage.bytes * peer.ms ? 'peer' : 'storage'
}

/** After a copy. What moved no bytes was there already and says nothing. */
export function recordCopy(means: SourceMeans, source: WeightSource, bytes: number, ms: number): SourceMeans {
  if (!(bytes > 0)) return means
  const before = means[source]
  const other = source === 'peer' ? 'storage' : 'peer'
  const kept = before.age >= AGE_MAX ? 0 : DECAY
  const aged = { ...means[other], age: means[other].age + 1 }
  return { ...means, [other]: aged, [source]: { bytes: before.bytes * kept + bytes, ms: before.ms * kept + ms, age: 0 } }
}
