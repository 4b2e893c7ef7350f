import { DurableObject, RpcTarget } from 'cloudflare:workers'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { ExpertOrder, Hello, HostApi, HostControl, HostReport, HostSession, PeerSource } from '../../shared/protocol/host-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { parseKernelChoice } from '../../wasm/src/kernels.ts'
import { isolateId } from '../isolate-id.ts'
import { KERNEL_MODULES } from '../kernel-modules.ts'
import { r2Store, readDeadlines, readManifest, sha256Hex } from '../r2-store.ts'
import { tierSetting, wholeSetting } from '../settings.ts'
import { createEmulatedRate } from './emulated-rate.ts'
import type { ExpertEnv } from './env.ts'
import { createHostMemory } from './host-memory.ts'
import type { HostMemory } from './host-memory.ts'
import { createExpertHost } from './host.ts'
import type { ExpertHost } from './host.ts'
import type { Assignment } from './host-sessions.ts'

/** Weights outlive an evicted object: it is the isolate that has the memory. One pack and tier a deployment, so one is enough. */
let warm: { readonly manifest: Manifest; readonly memory: HostMemory } | null = null

/** One expert host: its own script, so its own isolate. Holds weights and runs frames; decides nothing. */
export class Expert extends DurableObject<ExpertEnv> implements HostApi, HostControl {
  private host: ExpertHost | null = null

  /** Opens a session for an engine whose hello matches. */
  async open(hello: Hello): Promise<Result<{ session: HostSession; report: HostReport }, MoeError>> {
    const host = await this.start()
    if (!host.ok) return host
    const assignment = host.value.open(hello)
    if (!assignment.ok) return assignment
    return ok({ session: new Session(host.value, assignment.value), report: host.value.report() })
  }

  async load(order: ExpertOrder, peer: PeerSource | null): ReturnType<HostControl['load']> {
    try {
      return await this.control((control) => control.load(order, peer))
    } finally {
      ;(peer as Partial<Disposable> | null)?.[Symbol.dispose]?.() // a parameter's stub is the callee's
    }
  }

  async probe(order: ExpertOrder): ReturnType<HostControl['probe']> {
    return this.control((control) => control.probe(order))
  }

  async drain(order: ExpertOrder): ReturnType<HostControl['drain']> {
    return this.control((control) => control.drain(order))
  }

  async drop(order: ExpertOrder): ReturnType<HostControl['drop']> {
    return this.control((control) => control.drop(order))
  }

  async source(order: ExpertOrder): ReturnType<HostControl['source']> {
    const source = await this.control((control) => control.source(order))
    return source.ok ? ok(new Source(source.value)) : source
  }

  async inventory(): ReturnType<HostControl['inventory']> {
    return this.control((control) => control.inventory())
  }

  private async control<T>(call: (control: HostControl) => Promise<Result<T, MoeError>>): Promise<Result<T, MoeError>> {
    const host = await this.start()
    return host.ok ? call(host.value.control) : host
  }

  private async start(): Promise<Result<ExpertHost, MoeError>> {
    if (this.host) return ok(this.host)
    const { BUCKET, MODEL_PREFIX, TIER, ARENA_BYTES, KERNELS, HOST_RATE } = this.env
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
    this.host ??= createExpertHost({
      ...warm,
      tier,
      store: r2Store(BUCKET, MODEL_PREFIX),
      copyStore: r2Store(BUCKET, MODEL_PREFIX, LIMITS.copyPartBytes),
      sha256Hex,
      deadlines: readDeadlines(),
      isolateId: isolateId(),
      rate: createEmulatedRate({ weightsPerS: wholeSetting('HOST_RATE', HOST_RATE, 0), nowMs: Date.now, wait: (ms) => scheduler.wait(ms) }),
    })
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

  /** The engine let go of it, or is gone. */
  [Symbol.dispose](): void {
    this.assignment.close()
  }
}

/** An RpcTarget, because only such have methods across isolates. */
class Source extends RpcTarget implements PeerSource {
  private readonly source: PeerSource

  constructor(source: PeerSource) {
    super()
    this.source = source
  }

  read(layer: number, expert: number): ReturnType<PeerSource['read']> {
    return this.source.read(layer, expert)
  }
}

export default {
  /** A host is reached over RPC only. */
  fetch: () => new Response('an expert host has no HTTP interface\n', { status: 404 }),
} satisfies ExportedHandler<ExpertEnv>
