import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import { EPOCH_MAX } from '../../shared/protocol/frame.ts'

/**
 * Whether steps can run on a placement.
 * @param experts [layers] routed experts of each layer.
 * @param hasHost whether the engine can call a host of that name.
 * @returns what is wrong, or null.
 */
export function placementFault({ epoch, hosts, layers }: Placement, experts: readonly number[], hasHost: (host: string) => boolean): string | null {
  if (!Number.isSafeInteger(epoch) || epoch < 0 || epoch > EPOCH_MAX) return `its epoch is ${epoch}`
  if (hosts.length > LIMITS.hostsMax) return `it has ${hosts.length} hosts, more than ${LIMITS.hostsMax}` // the splitter's tables end there
  const stranger = hosts.find((host) => !hasHost(host))
  if (stranger !== undefined) return `the engine has no host ${stranger}`
  if (layers.length !== experts.length) return `it has ${layers.length} layers of ${experts.length}`
  for (const [layer, replicasOf] of layers.entries()) {
    if (replicasOf.length !== experts[layer]) return `layer ${layer} has ${replicasOf.length} experts of ${experts[layer]}`
    for (const [expert, replicas] of replicasOf.entries()) {
      if (replicas.length === 0) return `expert ${layer}/${expert} is nowhere`
      if (replicas.some((host, i) => !hosts[host] || (i > 0 && host <= replicas[i - 1]!))) return `expert ${layer}/${expert} is on ${replicas.join()}`
    }
  }
  return null
}
