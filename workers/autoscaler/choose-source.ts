import type { Policy } from '../../shared/placement/policy.ts'

/** Where weights can come from. */
export type WeightSource = 'storage' | 'peer'

/** What copying took, on the caller's side of the calls: a host never times itself. */
export type SourceMeans = Readonly<Record<WeightSource, { readonly bytes: number; readonly ms: number }>>

export const NO_MEANS: SourceMeans = { storage: { bytes: 0, ms: 0 }, peer: { bytes: 0, ms: 0 } }

/** Older copies count half as much with each that comes. */
const DECAY = 0.5

/**
 * Where the next copy comes from. `auto`: storage first, then a peer once to have both measured, then what moved more bytes a millisecond.
 * @param peerHolds whether a warm host has all of it.
 */
export function chooseSource(means: SourceMeans, policy: Policy['source'], peerHolds: boolean): WeightSource {
  if (!peerHolds || policy === 'storage') return 'storage'
  if (policy === 'peer') return 'peer'
  if (means.storage.bytes === 0) return 'storage'
  if (means.peer.bytes === 0) return 'peer'
  return means.peer.bytes * means.storage.ms > means.storage.bytes * means.peer.ms ? 'peer' : 'storage'
}

/** After a copy. What moved no bytes was there already and says nothing. */
export function recordCopy(means: SourceMeans, source: WeightSource, bytes: number, ms: number): SourceMeans {
  if (bytes === 0) return means
  const before = means[source]
  return { ...means, [source]: { bytes: before.bytes * DECAY + bytes, ms: before.ms * DECAY + ms } }
}
