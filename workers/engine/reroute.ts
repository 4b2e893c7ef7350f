import type { Placement } from '../../shared/placement/placement.ts'
import { createRunFrame } from '../../shared/protocol/frame.ts'
import type { RunFrame, RunHeader } from '../../shared/protocol/frame.ts'

/** The pairs of one expert in a frame: pairs first … first + count − 1, the same rows of its reply. */
export interface Segment {
  readonly expert: number
  readonly first: number
  readonly count: number
}

/** Pairs that go to one host, experts ascending. */
export interface Route<S extends Segment> {
  readonly host: number
  readonly segments: readonly S[]
}

/** What a frame asks for, expert by expert. */
export function segmentsOf({ expertIds, expertPairs }: Pick<RunFrame, 'expertIds' | 'expertPairs'>): Segment[] {
  let first = 0
  return Array.from(expertIds, (expert, i) => {
    const segment = { expert, first, count: expertPairs[i]! }
    first += segment.count
    return segment
  })
}

/**
 * Where pairs that got no answer go: each expert to a replica that `refuses` does not name, of these to one that `avoids` does not name, then to
 * the one with the fewest pairs in this round, then to the lower index.
 * @returns the routes, hosts ascending, and what has no replica left.
 */
export function chooseReplicas<S extends Segment>(
  { hosts, layers }: Placement,
  layer: number,
  segments: readonly S[],
  refuses: (segment: S, host: string) => boolean,
  avoids: (host: string) => boolean,
): { readonly routes: Route<S>[]; readonly stuck: S[] } {
  const byHost = new Map<number, S[]>()
  const pairs = new Map<number, number>()
  const stuck: S[] = []
  for (const segment of segments) {
    const open = layers[layer]![segment.expert]!.filter((host) => !refuses(segment, hosts[host]!))
    const price = (host: number) => (avoids(hosts[host]!) ? Infinity : (pairs.get(host) ?? 0))
    const [host] = open.toSorted((a, b) => (price(a) === price(b) ? a - b : price(a) - price(b)))
    if (host === undefined) {
      stuck.push(segment)
      continue
    }
    byHost.set(host, [...(byHost.get(host) ?? []), segment])
    pairs.set(host, (pairs.get(host) ?? 0) + segment.count)
  }
  const routes = Array.from(byHost, ([host, routed]) => ({ host, segments: routed })).toSorted((a, b) => a.host - b.host)
  return { routes, stuck }
}

/** The frame that asks for some of the pairs of another: same activations, a number and an epoch of its own. `segments` ascend. */
export function subFrame(
  whole: RunFrame,
  segments: readonly Segment[],
  sequence: number,
  epoch: number,
): { readonly header: RunHeader; readonly frame: Uint8Array } {
  const { layer, rowBytes } = whole
  const place = new Map<number, number>()
  let pairs = 0
  for (const { first, count } of segments) {
    pairs += count
    for (let pair = first; pair < first + count; pair++) {
      const token = whole.pairTokens[pair]!
      if (!place.has(token)) place.set(token, place.size)
    }
  }
  const header = { sequence, layer, epoch, tokens: place.size, pairs, experts: segments.length, rowBytes }
  const { frame, experts, pairTokens, activations } = createRunFrame(header)
  let at = 0
  for (const [i, { expert, first, count }] of segments.entries()) {
    experts.set([expert, count], 2 * i)
    for (let pair = first; pair < first + count; pair++) pairTokens[at++] = place.get(whole.pairTokens[pair]!)!
  }
  for (const [token, to] of place) activations.set(whole.activations.subarray(token * rowBytes, (token + 1) * rowBytes), to * rowBytes)
  return { header, frame }
}
