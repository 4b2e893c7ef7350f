import { DurableObject } from 'cloudflare:workers'
import { PLACEMENT_SHAPES } from '../../shared/placement/base-placement.ts'
import { expertBytesByLayer } from '../../shared/placement/expert-bytes.ts'
import { hostBinding } from '../../shared/placement/host-names.ts'
import { plan } from '../../shared/placement/plan.ts'
import type { Policy } from '../../shared/placement/policy.ts'
import type { AutoscalerApi, EngineControl, EngineReport, ScaleRequest } from '../../shared/protocol/autoscaler-api.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { HostControl } from '../../shared/protocol/host-api.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { createLog } from '../log.ts'
import { readManifest } from '../r2-store.ts'
import { namesSetting, oneOfSetting, tierSetting, wholeSetting } from '../settings.ts'
import { createAutoscaler } from './autoscaler-core.ts'
import type { AutoscalerCore } from './autoscaler-core.ts'
import type { Deployment } from './base-table.ts'
import type { JoinedEngine } from './engine-links.ts'
import { release } from './host-calls.ts'
import type { AutoscalerEnv } from './env.ts'
import { sqlStore } from './sql-store.ts'

/** Keeps the placement table and changes it. Never on the request path. The object wires; autoscaler-core.ts decides. */
export class Autoscaler extends DurableObject<AutoscalerEnv> implements AutoscalerApi {
  private readonly core: AutoscalerCore
  private deployed: Deployment | null = null

  constructor(state: DurableObjectState, env: AutoscalerEnv) {
    super(state, env)
    const { storage } = state
    this.core = createAutoscaler({
      store: sqlStore({
        exec: (query, ...bindings) => storage.sql.exec(query, ...bindings).toArray(),
        transaction: (work) => storage.transactionSync(work),
      }),
      nowMs: () => Date.now(),
      deployment: () => this.deployment(),
      plan,
      control: (host) => this.control(host),
      setTimer: (ms, fire) => {
        const timer = setTimeout(fire, ms)
        return () => clearTimeout(timer)
      },
      // Not awaited: the platform holds what this object sends back until its writes are kept.
      setAlarm: (atMs) => void (atMs === null ? storage.deleteAlarm() : storage.setAlarm(atMs)),
      onFault: createLog('autoscaler'),
    })
  }

  join(engine: string, isolateId: string, control: EngineControl) {
    return this.core.join(engine, isolateId, keepStub(control))
  }

  report(report: EngineReport) {
    return this.core.report(report)
  }

  state() {
    return this.core.state()
  }

  metrics() {
    return this.core.metrics()
  }

  events(fromId: number): Promise<ReadableStream<Uint8Array>> {
    return this.core.events(fromId)
  }

  scale(request: ScaleRequest) {
    return this.core.scale(request)
  }

  setPolicy(change: Partial<Policy>) {
    return this.core.setPolicy(change)
  }

  override async alarm(): Promise<void> {
    await this.core.onAlarm()
  }

  private async deployment(): Promise<Result<Deployment, MoeError>> {
    if (this.deployed) return ok(this.deployed)
    const { BUCKET, MODEL_PREFIX, TIER, HOSTS, STANDBY, ARENA_BYTES, PLACEMENT } = this.env
    const arenaBytes = wholeSetting('ARENA_BYTES', ARENA_BYTES)
    const tier = tierSetting(TIER)
    const manifest = await readManifest(BUCKET, MODEL_PREFIX)
    if (!manifest.ok) return manifest
    this.deployed = {
      model: manifest.value.name,
      digest: manifest.value.digest,
      tier,
      expertBytes: expertBytesByLayer(manifest.value.spec, tier),
      base: namesSetting('HOSTS', HOSTS).map((host) => ({ host, arenaBytes })),
      standby: namesSetting('STANDBY', STANDBY),
      shape: oneOfSetting('PLACEMENT', PLACEMENT, PLACEMENT_SHAPES),
    }
    return ok(this.deployed)
  }

  private control(host: string): HostControl {
    const namespace = this.env[hostBinding(host)]
    if (!namespace) throw new Error(`no binding ${hostBinding(host)} for ${host}`)
    // RPC gives each method of the object under its name; the generated stub type cannot express readonly results with a stub inside.
    return namespace.getByName('host') as unknown as HostControl
  }
}

/** A duplicate outlives the call. The parameter's own stub is disposed of here: left to the garbage collector, the platform complains of it (rpc_params_dup_stubs). */
function keepStub(control: EngineControl): JoinedEngine {
  const kept = (control as unknown as { dup(): EngineControl & Disposable }).dup()
  release(control)
  return {
    adopt: (placement) => kept.adopt(placement),
    drained: (epoch) => kept.drained(epoch),
    close: () => kept[Symbol.dispose](),
  }
}

export default {
  /** The autoscaler is reached over RPC only. */
  fetch: () => new Response('the autoscaler has no HTTP interface\n', { status: 404 }),
} satisfies ExportedHandler<AutoscalerEnv>
