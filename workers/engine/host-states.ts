import type { HostState } from '../../shared/protocol/engine-api.ts'
import type { ExpertHosts } from './expert-hosts.ts'

/** The hosts of the newest placement: what each says of itself, and what the engine saw of it. Nobody connects for this. */
export function hostStates({ newest, traffic }: ExpertHosts): Promise<HostState[]> {
  const { placement, value } = newest()
  return Promise.all(
    placement.hosts.map(async (host, index) => {
      const link = value.link(index)
      const { isolateId = null, residentBytes = 0, arenaBytes = 0, residentExperts = 0 } = (await link.report()) ?? {}
      const { calls, rttSumMs, rttMaxMs, hedged, faults } = traffic.ofHost(host)
      const seen = { calls, meanRttMs: calls > 0 ? rttSumMs / calls : 0, maxRttMs: rttMaxMs, hedged, faults }
      return { host, isolateId, residentBytes, arenaBytes, residentExperts, assignedExperts: link.assigned, ...seen }
    }),
  )
}
