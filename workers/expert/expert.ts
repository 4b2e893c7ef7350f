import { DurableObject, RpcTarget } from 'cloudflare:workers'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { Hello, HostApi, HostReport, HostSession } from '../../shared/protocol/host-api.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { parseKernelChoice } from '../../wasm/src/kernels.ts'
import { isolateId } from '../isolate-id.ts'
import { KERNEL_MODULES } from '../kernel-modules.ts'
import { r2RangeReader, readManifest } from '../r2-store.ts'
import { tierSetting, wholeSetting } from '../settings.ts'
import type { ExpertEnv } from './env.ts'
import { createHostMemory } from './host-memory.ts'
import type { HostMemory } from './host-memory.ts'
import { createExpertHost } from './host.ts'
import type { Assignment, ExpertHost } from './host.ts'

/** Weights outlive an evicted object: it is the isolate that has the memory. One pack and tier a deployment, so one is enough. */
let warm: { readonly manifest: Manifest; readonly memory: HostMemory } | null = null

/** One expert host: its own script, so its own isolate. Holds weights and runs frames; decides nothing. */
export class Expert extends DurableObject<ExpertEnv> implements HostApi {
  private host: ExpertHost | null = null

  /** Opens a session for an engine whose hello matches. */
  async open(hello: Hello): Promise<Result<{ session: HostSession; report: HostReport }, MoeError>> {
    const host = await this.start()
    if (!host.ok) return host
    const assignment = host.value.open(hello)
    if (!assignment.ok) return assignment
    return ok({ session: new Session(host.value, assignment.value), report: host.value.report() })
  }

  private async start(): Promise<Result<ExpertHost, MoeError>> {
    if (this.host) return ok(this.host)
    const { BUCKET, MODEL_PREFIX, TIER, ARENA_BYTES, KERNELS } = this.env
    const tier = tierSetting(TIER)
    const arenaBytes = wholeSetting('ARENA_BYTES', ARENA_BYTES)
    if (!warm) {
      const manifest = await readManifest(BUCKET, MODEL_PREFIX)
      if (!manifest.ok) return manifest
      warm ??= {
        manifest: manifest.value,
        memory: createHostMemory(manifest.value.spec, tier, arenaBytes, KERNEL_MODULES, parseKernelChoice(KERNELS)),
      }
    }
    this.host ??= createExpertHost({ ...warm, tier, reader: r2RangeReader(BUCKET, MODEL_PREFIX), isolateId: isolateId() })
    return ok(this.host)
  }
}

class Session extends RpcTarget implements HostSession {
  private readonly host: ExpertHost
  private readonly assignment: Assignment

  constructor(host: ExpertHost, assignment: Assignment) {
    super()
    this.host = host
    this.assignment = assignment
  }

  run(frame: Uint8Array): Uint8Array | Promise<Uint8Array> {
    return this.host.run(frame, this.assignment)
  }

  async report(): Promise<HostReport> {
    return this.host.report()
  }
}

export default {
  /** A host is reached over RPC only. */
  fetch: () => new Response('an expert host has no HTTP interface\n', { status: 404 }),
} satisfies ExportedHandler<ExpertEnv>
