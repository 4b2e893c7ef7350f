import { RpcTarget } from 'cloudflare:workers'
import type { Placement } from '../../shared/placement/placement.ts'
import { POLICY_DEFAULT } from '../../shared/placement/policy.ts'
import type { EngineControl, EngineReport } from '../../shared/protocol/autoscaler-api.ts'
import type { ModelInfo } from '../../shared/protocol/engine-api.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Within } from '../../shared/protocol/deadlines.ts'
import { isolateId } from '../isolate-id.ts'
import { createAutoscalerLink } from './autoscaler-link.ts'
import type { Autoscaler } from './autoscaler-link.ts'
import type { ExpertHosts } from './expert-hosts.ts'
import { sqlLastTable } from './last-table.ts'
import { placementFault } from './placement-check.ts'
import { createReporter } from './reporter.ts'
import type { Reporter } from './reporter.ts'

/** Reports of this isolate: an evicted object's numbers go on, because its isolate id does. */
let reports = 0

export interface MembershipDeps {
  readonly engine: string
  readonly sql: SqlStorage
  autoscaler(): Autoscaler
  readonly within: Within
  hasHost(host: string): boolean
}

/** What the engine begins with. */
export interface FirstTable {
  readonly placement: Placement
  /** How often the autoscaler wants a report; 0: it wants none. */
  readonly windowMs: number
}

/** How much the engine has to do. */
type Queue = () => Pick<EngineReport, 'running' | 'waiting'>

/** The engine as a member of an autoscaler's cluster: where its tables come from, and its reports go. */
export function createMembership(deps: MembershipDeps) {
  const table = sqlLastTable(deps.sql)
  let served: { readonly hosts: ExpertHosts; readonly reporter: Reporter | null } | null = null
  let inputs = ''
  let experts: readonly number[] = []
  const control = new Control({ hosts: () => served?.hosts ?? null, adopt })
  const link = createAutoscalerLink({ ...deps, isolateId: isolateId(), control, adopt, onFault: (error) => console.error('engine: autoscaler', error) })

  /** A table that steps cannot run on is a fault of the autoscaler's: it hears of it, and the last one stands. */
  function adopt(placement: Placement): void {
    const fault = placementFault(placement, experts, deps.hasHost)
    if (fault) throw new Error(`placement ${placement.epoch} cannot be served: ${fault}`)
    if (served && placement.epoch <= served.hosts.newest().placement.epoch) return
    served?.hosts.adopt(placement)
    table.write(inputs, placement)
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
    console.error('engine: begins with its last table', joined.error)
    return ok({ placement: last, windowMs: POLICY_DEFAULT.windowMs })
  }

  /** From here on tables are adopted and work is reported. */
  function serve(hosts: ExpertHosts, queue: Queue, windowMs: number): void {
    const now = () => ({ epoch: hosts.newest().placement.epoch, oldestEpoch: hosts.oldest(), ...queue() })
    const { engine } = deps
    const clock = { nowMs: Date.now, wait: (ms: number) => scheduler.wait(ms) }
    const own = { engine, isolateId: isolateId(), nextNumber: () => ++reports }
    const reporter = windowMs > 0 ? createReporter({ ...own, ...clock, traffic: hosts.traffic, now, push: link.push }, windowMs) : null
    served = { hosts, reporter }
  }

  return { begin, serve, onStep: () => served?.reporter?.wake(), onFault: () => served?.reporter?.early() }
}

export type Membership = ReturnType<typeof createMembership>

interface ControlDeps {
  /** Null until the engine has begun: it begins with the answer to its join, which is the newest table. */
  hosts(): ExpertHosts | null
  adopt(placement: Placement): void
}

/** The engine, as its autoscaler sees it. */
class Control extends RpcTarget implements EngineControl {
  // Not TypeScript's private: an RPC caller sees that.
  readonly #deps: ControlDeps

  constructor(deps: ControlDeps) {
    super()
    this.#deps = deps
  }

  async adopt(placement: Placement): Promise<void> {
    this.#begun()
    this.#deps.adopt(placement)
  }

  async drained(epoch: number): Promise<void> {
    await this.#begun().drained(epoch)
  }

  #begun(): ExpertHosts {
    const hosts = this.#deps.hosts()
    if (!hosts) throw new Error('the engine is starting')
    return hosts
  }
}
