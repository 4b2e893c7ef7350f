import type { Placement } from '../../shared/placement/placement.ts'
import { POLICY_DEFAULT } from '../../shared/placement/policy.ts'
import type { EngineControl, EngineGauges } from '../../shared/protocol/autoscaler-api.ts'
import type { ModelInfo } from '../../shared/protocol/engine-api.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Within } from '../../shared/protocol/deadlines.ts'
import { createAutoscalerLink } from './autoscaler-link.ts'
import type { Autoscaler } from './autoscaler-link.ts'
import type { EngineCore } from './engine-core.ts'
import type { ExpertHosts } from './expert-hosts.ts'
import { placementFault } from './placement-check.ts'
import { createReporter } from './reporter.ts'
import type { Reporter } from './reporter.ts'

/** The last placement that this engine ran on: it begins with that one where the autoscaler cannot be reached. */
export interface LastTable {
  /** @param inputs what the table is of: pack and tier. Null where the stored one is of another. */
  read(inputs: string): Placement | null
  write(inputs: string, placement: Placement): void
}

export interface MembershipDeps {
  readonly engine: string
  readonly isolateId: string
  /** Of a report, from 1 for each isolate id. */
  nextNumber(): number
  readonly table: LastTable
  autoscaler(): Autoscaler
  /** The engine's face in the form in which it can be handed to an autoscaler. */
  control(face: EngineControl): EngineControl
  readonly within: Within
  hasHost(host: string): boolean
  /** The deployment says what a call costs: what is measured is not taken. */
  readonly ownCallPairs: boolean
  nowMs(): number
  wait(ms: number): Promise<void>
  onFault(message: string, error: unknown): void
}

/** What the engine begins with. */
export interface FirstTable {
  readonly placement: Placement
  /** How often the autoscaler wants a report. */
  readonly windowMs: number
}

/** What reports say of the engine itself. */
type Reporting = Pick<EngineCore, 'counts' | 'takeWork'>

/** The engine as a member of an autoscaler's cluster: where its tables come from, and its reports go. */
export function createMembership(deps: MembershipDeps) {
  const { engine, isolateId, table, nowMs, wait, onFault } = deps
  let served: { readonly hosts: ExpertHosts; readonly reporter: Reporter } | null = null
  let inputs = ''
  let experts: readonly number[] = []
  const face: EngineControl = {
    async adopt(placement) {
      begun()
      adopt(placement)
    },
    drained: async (epoch) => begun().drained(epoch),
  }
  const link = createAutoscalerLink({ ...deps, control: deps.control(face), adopt, setCallPairs, onFault: (error) => onFault('autoscaler', error) })

  /** Until the engine has begun it can promise nothing: it begins with the answer to its join, which is the newest table. */
  function begun(): ExpertHosts {
    if (!served) throw new Error('the engine is starting')
    return served.hosts
  }

  /** A table that steps cannot run on is a fault of the autoscaler's: it hears of it, and the last one stands. */
  function adopt(placement: Placement): void {
    const fault = placementFault(placement, experts, deps.hasHost)
    if (fault) throw new Error(`placement ${placement.epoch} cannot be served: ${fault}`)
    if (served && placement.epoch <= served.hosts.newest().placement.epoch) return
    served?.hosts.adopt(placement)
    table.write(inputs, placement)
  }

  /** What the splitter reckons with from here on; what an autoscaler of another version says is not taken. */
  function setCallPairs(callPairs: number | null | undefined): void {
    if (deps.ownCallPairs || !Number.isInteger(callPairs)) return
    served?.hosts.setCallPairs(Math.min(LIMITS.framePairsMax, Math.max(0, callPairs!)))
  }

  /** The autoscaler's table, or while it is away the one that this engine had last. @param routed [layers] experts of each layer. */
  async function begin(info: ModelInfo, routed: readonly number[]): Promise<Result<FirstTable, MoeError>> {
    experts = routed
    inputs = JSON.stringify([info.digest, info.tier])
    const joined = await link.join()
    if (joined.ok) {
      adopt(joined.value.placement)
      return joined
    }
    const last = table.read(inputs)
    if (!last || !joined.error.retryable || placementFault(last, experts, deps.hasHost)) return joined
    onFault('begins with its last table', joined.error)
    return ok({ placement: last, windowMs: POLICY_DEFAULT.windowMs })
  }

  /** From here on tables are adopted and work is reported. */
  function serve(hosts: ExpertHosts, core: Reporting, windowMs: number): void {
    const now = () => ({ epoch: hosts.newest().placement.epoch, oldestEpoch: hosts.oldest(), ...gaugesOf(core) })
    const own = { engine, isolateId, nextNumber: deps.nextNumber, nowMs, wait }
    const reporter = createReporter({ ...own, traffic: hosts.traffic, now, takeWork: core.takeWork, push: link.push }, windowMs)
    served = { hosts, reporter }
  }

  return { begin, serve, onStep: () => served?.reporter.wake(), onFault: () => served?.reporter.early() }
}

function gaugesOf(core: Reporting): EngineGauges {
  const { running, waiting, kvPagesUsed, kvPagesTotal } = core.counts()
  return { running, waiting, kvPagesUsed, kvPagesTotal }
}

export type Membership = ReturnType<typeof createMembership>
