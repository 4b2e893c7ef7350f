import { RpcTarget } from 'cloudflare:workers'
import type { Placement } from '../../shared/placement/placement.ts'
import { hostBinding } from '../../shared/placement/host-names.ts'
import type { AutoscalerApi, EngineControl } from '../../shared/protocol/autoscaler-api.ts'
import type { Within } from '../../shared/protocol/deadlines.ts'
import { createLog } from '../log.ts'
import { isolateId } from '../isolate-id.ts'
import type { EngineEnv } from './env.ts'
import { createMembership } from './membership.ts'
import type { Membership } from './membership.ts'
import { sqlLastTable } from './sql-last-table.ts'

/** Reports of this isolate: an evicted object's numbers go on, because its isolate id does. */
let reports = 0

/** An engine's membership on the platform. */
export function joinCluster({ id, storage }: DurableObjectState, env: EngineEnv, within: Within): Membership {
  return createMembership({
    engine: id.name ?? String(id),
    isolateId: isolateId(),
    nextNumber: () => ++reports,
    table: sqlLastTable(storage.sql),
    autoscaler: () => env.AUTOSCALER.getByName('autoscaler') as unknown as AutoscalerApi,
    control: (face) => new Control(face),
    within,
    ownCallPairs: env.CALL_PAIRS !== 'auto',
    hasHost: (host) => env[hostBinding(host)] !== undefined,
    nowMs: Date.now,
    wait: (ms) => scheduler.wait(ms),
    onFault: createLog('engine'),
  })
}

/** The engine, as its autoscaler sees it: only an RpcTarget has methods across isolates. */
class Control extends RpcTarget implements EngineControl {
  // Not TypeScript's private: an RPC caller sees that.
  readonly #face: EngineControl

  constructor(face: EngineControl) {
    super()
    this.#face = face
  }

  adopt(placement: Placement): Promise<void> {
    return this.#face.adopt(placement)
  }

  drained(epoch: number): Promise<void> {
    return this.#face.drained(epoch)
  }
}
