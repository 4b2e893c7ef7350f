import type { Placement } from '../../shared/placement/placement.ts'
import type { ErrorCode, MoeError } from '../../shared/protocol/errors.ts'
import { expertTable } from '../../shared/protocol/frame.ts'
import type { RowsFrame, RunHeader } from '../../shared/protocol/frame.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { createEpochBoard } from './epoch-board.ts'
import type { HeldEpoch } from './epoch-board.ts'
import type { Experiments } from './experiments.ts'
import { createFirstUses } from './first-uses.ts'
import { createHedgeClock } from './hedge-clock.ts'
import { createHostHealth } from './host-health.ts'
import type { HostLink } from './host-link.ts'
import { layerTable } from './layer-table.ts'
import type { LayerTable } from './layer-table.ts'
import { createPausedAdoption } from './paused-adoption.ts'
import { createTraffic } from './traffic.ts'

export interface ExpertHostsDeps {
  /** [layers] routed experts of each layer; 0 of a dense one. */
  readonly experts: readonly number[]
  readonly placement: Placement
  /** The link to a host of a placement, by its index. It connects when it is first used. */
  link(placement: Placement, host: number): HostLink
  /** What one call costs, in pairs, until it is measured: shared/placement/splitter.ts. */
  readonly callPairs: number
  readonly experiments: Experiments
  nowMs(): number
  wait(ms: number): Promise<void>
  /** A step begins. Called often. */
  onStep(): void
  /** A call failed. What came of its pairs is another matter. */
  onFault(host: string, code: ErrorCode): void
}

/** What the engine has of one placement. */
export interface EpochHosts {
  link(host: number): HostLink
  /** Without the hosts that are to be avoided now. */
  table(layer: number): LayerTable
  close(): void
}

export type StepEpoch = HeldEpoch<EpochHosts>

/** All that steps share to reach the experts: placements with their links, and what is known of each host. */
export function createExpertHosts(deps: ExpertHostsDeps) {
  const { nowMs } = deps
  const health = createHostHealth(nowMs)
  const hedges = createHedgeClock(deps)
  const traffic = createTraffic(deps.experts)
  const firstUses = createFirstUses(deps.experts)
  /** Pairs of the calls that are under way, by host. */
  const backlogs = new Map<string, { pairs: number }>()
  let callPairs = deps.callPairs
  const newSplit = () => deps.experiments.newSplit(() => callPairs)
  const { adoption } = deps.experiments
  const board = createEpochBoard<EpochHosts>(deps.placement, { open, close: (epoch) => epoch.close() })
  const { adopt, closed } = adoption === 'pause' ? createPausedAdoption(board) : { adopt: board.adopt, closed: () => null }

  function open(placement: Placement): EpochHosts {
    const links: (HostLink | undefined)[] = []
    let tables: (LayerTable | undefined)[] = []
    let madeAt = health.version()
    const avoids = (host: number) => health.avoids(placement.hosts[host]!)
    return {
      link: (host) => (links[host] ??= deps.link(placement, host)),
      table(layer) {
        if (madeAt !== health.version()) {
          tables = []
          madeAt = health.version()
        }
        return (tables[layer] ??= layerTable(placement.layers[layer]!, placement.hosts.length, avoids))
      },
      close: () => links.forEach((link) => link?.close()),
    }
  }

  function begin(): StepEpoch {
    deps.onStep()
    health.refresh()
    return board.begin()
  }

  /** What a host has to compute before it can answer a call that was sent just now. */
  function pairsAt(host: string): number {
    return backlogs.get(host)?.pairs ?? 0
  }

  /** A call of the host is late: what was sent before says no longer how long its next one may take. */
  function forgetBacklog(host: string): void {
    backlogs.delete(host)
  }

  /** As it was measured since. Bits do not depend on it. */
  function setCallPairs(pairs: number): void {
    callPairs = pairs
  }

  /** One frame to one host: one attempt, counted. @param rowBytes of one row of the reply. */
  async function ask(epoch: StepEpoch, host: number, frame: Uint8Array, header: RunHeader, rowBytes: number): Promise<Result<RowsFrame, MoeError>> {
    const name = epoch.placement.hosts[host]!
    const table = expertTable(frame, header)
    const isFirst = firstUses.begin(name, header.layer, table)
    const startMs = nowMs()
    const backlog = backlogs.get(name) ?? { pairs: 0 }
    backlogs.set(name, backlog)
    backlog.pairs += header.pairs
    const reply = await epoch.value.link(host).run(frame, header, rowBytes)
    backlog.pairs -= header.pairs
    const rttMs = nowMs() - startMs
    if (isFirst) firstUses.ended(name, header.layer, table, reply.ok)
    if (reply.ok) {
      traffic.call(name, header.pairs, rttMs, isFirst)
      hedges.answered(rttMs, header.pairs)
    } else {
      firstUses.failed(name)
      traffic.fault(name, reply.error.code)
      health.avoid(name)
      deps.onFault(name, reply.error.code)
    }
    return reply
  }

  return { ...board, adopt, closed, begin, ask, health, hedges, traffic, firstUses, pairsAt, forgetBacklog, nowMs, wait: deps.wait, newSplit, setCallPairs }
}

export type ExpertHosts = ReturnType<typeof createExpertHosts>
