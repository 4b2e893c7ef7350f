import { fail } from '../protocol/errors.ts'
import type { MoeError } from '../protocol/errors.ts'
import { ok } from '../protocol/result.ts'
import type { Result } from '../protocol/result.ts'
import type { Placement } from './placement.ts'

export interface HostBudget {
  readonly host: string
  /** Bytes of expert weights that it may hold. */
  readonly arenaBytes: number
}

/** `packed`: the fewest hosts per layer. `spread`: each layer over all hosts (an experiment; more calls a layer). */
export const PLACEMENT_SHAPES = ['packed', 'spread'] as const
export type PlacementShape = (typeof PLACEMENT_SHAPES)[number]

/**
 * One replica of every expert, bytes balanced over the hosts. SPEC PL1 to PL4.
 * @param expertBytes [layers][experts], bytes of each routed expert at the served tier; a dense layer is empty.
 * @returns `over-budget` naming the host where a share does not fit.
 *
 * Packed: all experts in (layer, expert) order, cut into equal shares of bytes, so a layer meets only the hosts at a cut.
 * Why so: a call to a host costs the engine's thread the same whatever it carries (docs/design/placement.md).
 */
export function planBasePlacement(
  expertBytes: readonly (readonly number[])[],
  hosts: readonly HostBudget[],
  shape: PlacementShape,
  epoch: number,
): Result<Placement, MoeError> {
  if (hosts.length === 0) return fail('over-budget', 'a placement needs at least one host', { part: 'hosts', bytes: 0, budgetBytes: 0 })
  const layers = shape === 'packed' ? cutEvenly(expertBytes, hosts.length) : dealRound(expertBytes, hosts.length)
  const placement = { epoch, hosts: hosts.map((h) => h.host), base: layers, layers: layers.map((experts) => experts.map((host) => [host])) }
  const bytes = bytesPerHost(placement, expertBytes)
  const over = hosts.findIndex((h, i) => bytes[i]! > h.arenaBytes)
  if (over < 0) return ok(placement)
  const { host, arenaBytes } = hosts[over]!
  return fail('over-budget', `${host} would hold ${bytes[over]} bytes of experts, its budget is ${arenaBytes}: use more hosts or a smaller tier`, {
    part: host,
    bytes: bytes[over]!,
    budgetBytes: arenaBytes,
  })
}

/** Bytes of experts on each host. */
export function bytesPerHost(placement: Placement, expertBytes: readonly (readonly number[])[]): number[] {
  const bytes = placement.hosts.map(() => 0)
  for (const [layer, experts] of placement.layers.entries()) {
    for (const [expert, replicas] of experts.entries()) {
      for (const host of replicas) bytes[host]! += expertBytes[layer]![expert]!
    }
  }
  return bytes
}

/** An expert goes to the host in whose share of the total its middle byte lies. */
function cutEvenly(expertBytes: readonly (readonly number[])[], hostCount: number): number[][] {
  const total = expertBytes.flat().reduce((sum, bytes) => sum + bytes, 0)
  let before = 0
  return expertBytes.map((experts) =>
    experts.map((bytes) => {
      const middle = before + bytes / 2
      before += bytes
      return Math.min(hostCount - 1, Math.floor((middle * hostCount) / total))
    }),
  )
}

/** Experts are dealt to the hosts in turn, and the turn goes on over layers, so bytes stay balanced. */
function dealRound(expertBytes: readonly (readonly number[])[], hostCount: number): number[][] {
  let turn = 0
  return expertBytes.map((experts) => experts.map(() => turn++ % hostCount))
}
