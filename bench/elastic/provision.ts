import { MONOTONIC } from '../../cli/load/clock.ts'
import { runLoad } from '../../cli/load/run-load.ts'
import type { Move } from '../../shared/placement/plan.ts'
import type { BenchPack } from '../cluster/cluster.ts'
import { adminOf } from './admin.ts'
import { startElasticCluster } from './elastic-cluster.ts'
import { createMixedSender } from './mixed-sender.ts'
import { BASE_HOSTS, PROCESSES, PROVISION_POLICY, storyLoad, TIMES } from './settings.ts'
import type { NamedExperts } from './trial.ts'

/** Long enough that the smoothed load is one of stories. */
const STORY_MS = 6000

/** What stories need on the base hosts alone, by our own planner on their measured load: every trial begins with it, so none depends on a run's chance. */
export async function planForStories(pack: BenchPack): Promise<NamedExperts> {
  const cluster = await startElasticCluster({ pack, hosts: BASE_HOSTS, standby: 0, processes: PROCESSES, vars: {} })
  const sender = createMixedSender(cluster.url, pack.manifest.name)
  try {
    const admin = adminOf(cluster.url)
    await admin.setPolicy(PROVISION_POLICY)
    await runLoad(storyLoad(STORY_MS, TIMES.maxTokens), { clock: MONOTONIC, send: sender.send, cluster: null, signal: new AbortController().signal })
    const { moves } = await admin.scale([], { dryRun: true })
    return namedExperts(moves)
  } finally {
    sender.close()
    await cluster.stop()
  }
}

/** Copies that a plan brings, as a plan by hand names them. */
export function namedExperts(moves: readonly Move[]): NamedExperts {
  const loads = moves.filter(({ kind }) => kind === 'load')
  const byExpert = Map.groupBy(loads, ({ layer, expert }) => `${layer}/${expert}`)
  return Array.from(byExpert.values(), (copies) => ({ layer: copies[0]!.layer, expert: copies[0]!.expert, hosts: copies.map(({ host }) => host) }))
}
