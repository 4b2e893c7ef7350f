import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { planBasePlacement } from '../../shared/placement/base-placement.ts'
import type { PlacementShape } from '../../shared/placement/base-placement.ts'
import { expertBytesByLayer } from '../../shared/placement/expert-bytes.ts'
import { expertsOfHost } from '../../shared/placement/placement.ts'
import type { GenerateEvent, GenerateRequest } from '../../shared/protocol/engine-api.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol/host-api.ts'
import type { Hello } from '../../shared/protocol/host-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { parseManifest } from '../../shared/protocol/manifest-parser.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { RangeStore } from '../../shared/protocol/range-reader.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Tier, TrunkPrecision } from '../../shared/protocol/tiers.ts'
import type { KernelChoice } from '../../wasm/src/kernels.ts'
import { bytesBody, hostPlatform, rangeReader } from '../fixtures/memory-store.ts'
import { loadKernelModules } from '../../wasm/src/load-from-disk.ts'
import { createEngineCore } from '../../workers/engine/engine-core.ts'
import { hostNames } from '../../shared/placement/host-names.ts'
import { createHostLink } from '../../workers/engine/host-link.ts'
import type { OpenSession } from '../../workers/engine/host-link.ts'
import { loadTrunk } from '../../workers/engine/load-engine.ts'
import { createHostMemory } from '../../workers/expert/host-memory.ts'
import type { HostMemory } from '../../workers/expert/host-memory.ts'
import { createExpertHost } from '../../workers/expert/host.ts'

export interface ClusterOptions {
  readonly pack: string
  readonly tier: Tier
  /** Precision of the trunk in tiers q8 and q4. */
  readonly trunk?: TrunkPrecision
  readonly hosts: number
  readonly chunk?: number
  readonly lanes?: number
  readonly shape?: PlacementShape
  readonly kernels?: KernelChoice
  readonly prefixCache?: boolean
  readonly nowMs?: () => number
  /** KV pages, fewer than memory has room for: what waits, and what is preempted. */
  readonly kvPages?: number
  /** Stands between hosts and storage: faults go here. */
  readonly wrapStore?: (store: RangeStore) => RangeStore
  /** Stands between a session and the engine: faults go here. */
  readonly wrapSession?: (session: OpenSession, host: number) => OpenSession
  readonly wrapHello?: (hello: Hello, host: number) => Hello
}

/**
 * Engine and expert hosts of a pack in this process: the code of the workers with the disk for R2 and function calls for RPC.
 * Same kernels, same frames, same bits; what only workerd does is tested in test/workerd and test/e2e.
 */
export async function createCluster(options: ClusterOptions) {
  const { pack, tier } = options
  const manifest = await readManifest(pack)
  const modules = await loadKernelModules()
  const kernels = options.kernels ?? 'auto'
  const store = (options.wrapStore ?? ((s) => s))(diskStore(pack))
  const loaded = must(
    await loadTrunk(
      {
        manifest,
        tier,
        trunk: options.trunk ?? 'q8',
        chunk: options.chunk ?? 64,
        lanes: options.lanes ?? 1,
        modules,
        kernels,
        reader: rangeReader(store),
        kvPagesMax: options.kvPages ?? Infinity,
      },
      () => undefined,
    ),
  )
  const hosts = hostNames(options.hosts).map((host) => ({ host, arenaBytes: LIMITS.hostArenaBytes }))
  const placement = must(planBasePlacement(expertBytesByLayer(manifest.spec, tier), hosts, options.shape ?? 'packed', 1))
  const memories = hosts.map(({ arenaBytes }) => createHostMemory(manifest.spec, tier, arenaBytes, modules, kernels))
  const links = hosts.map(({ host }, index) => {
    const isolateId = index.toString(16).padStart(24, '0')
    const expertHost = () => createExpertHost({ ...hostPlatform(store), manifest, tier, memory: memories[index]!, isolateId })
    let current = expertHost()
    const hello = {
      protocolVersion: PROTOCOL_VERSION,
      model: manifest.name,
      digest: manifest.digest,
      tier,
      epoch: placement.epoch,
      experts: expertsOfHost(placement, index),
    }
    return createHostLink({
      host,
      hello: (options.wrapHello ?? ((h) => h))(hello, index),
      within: async (call) => ok(await call),
      wait: () => Promise.resolve(),
      async connect(asked): Promise<Result<OpenSession, MoeError>> {
        current = expertHost() // as after a reset: memory stays, the object is new
        const assignment = current.open(asked)
        if (!assignment.ok) return assignment
        const session: OpenSession = {
          run: (frame) => current.run(frame, assignment.value),
          report: async () => current.report(),
          close: () => assignment.value.close(),
        }
        return ok((options.wrapSession ?? ((s) => s))(session, index))
      },
    })
  })
  const { lanes, limits } = loaded
  const memory = lanes[0]!
  const info = {
    model: manifest.name,
    digest: manifest.digest,
    tier,
    trunk: memory.budget.trunk,
    contextTokens: memory.budget.contextTokens,
    vocab: manifest.spec.vocab,
  }
  const faults: unknown[] = []
  const core = createEngineCore({
    lanes,
    info,
    limits,
    placement,
    links,
    prefixCache: options.prefixCache ?? true,
    pause: () => null,
    nowMs: options.nowMs ?? Date.now,
    onFault: (error) => faults.push(error),
  })

  /** Runs a request to its end. */
  function run(request: GenerateRequest): Promise<Result<GenerateEvent[], MoeError>> {
    return new Promise((resolve) => {
      const events: GenerateEvent[] = []
      const queued = core.generate(request, { emit: (event) => events.push(event), end: () => resolve(ok(events)) })
      if (!queued.ok) resolve(queued)
    })
  }
  return { core, info, manifest, memories, placement, faults, run }
}

export type Cluster = Awaited<ReturnType<typeof createCluster>>

/** A request with the defaults of a greedy completion. */
export function greedyRequest(prompts: readonly (readonly number[])[], rest: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    requestId: crypto.randomUUID(),
    prompts,
    n: 1,
    maxTokens: 16,
    sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 1 },
    stopTokens: [],
    logprobs: null,
    echo: false,
    ...rest,
  }
}

/** What a client sees of one choice, as text; JSON keeps every bit of a number. Whether the prefix was cached is not part of it. */
export function choiceBits(events: readonly GenerateEvent[], index: number): string {
  return JSON.stringify(events.filter((event) => 'index' in event && event.index === index && event.type !== 'prefilled'))
}

/** Forgets all weights of a host, as a new isolate would. */
export function loseWeights(memory: HostMemory): void {
  memory.slots.clear()
}

export async function readManifest(pack: string): Promise<Manifest> {
  return must(parseManifest(await readFile(join(pack, 'manifest.json'))))
}

export function must<T>(result: Result<T, MoeError>): T {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`)
  return result.value
}

function diskStore(pack: string): RangeStore {
  return {
    async open(object, offset, bytes) {
      const file = await open(join(pack, object)).catch(() => null)
      if (!file) return null
      try {
        const into = new Uint8Array(bytes)
        const { bytesRead } = await file.read(into, 0, bytes, offset)
        return bytesBody(into.subarray(0, bytesRead))
      } finally {
        await file.close()
      }
    },
  }
}
