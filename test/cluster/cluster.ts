import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expertCounts } from '../../shared/core/model-spec.ts'
import { planBasePlacement } from '../../shared/placement/base-placement.ts'
import type { PlacementShape } from '../../shared/placement/base-placement.ts'
import { expertBytesByLayer } from '../../shared/placement/expert-bytes.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { GenerateEvent, GenerateRequest } from '../../shared/protocol/engine-api.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { Hello } from '../../shared/protocol/host-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { parseManifest } from '../../shared/protocol/manifest-parser.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { RangeStore } from '../../shared/protocol/range-reader.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Tier, TrunkPrecision } from '../../shared/protocol/tiers.ts'
import type { KernelChoice } from '../../wasm/src/kernels.ts'
import { hostPlatform, rangeReader } from '../fixtures/memory-store.ts'
import { loadKernelModules } from '../../wasm/src/load-from-disk.ts'
import { createCallDeadlines } from '../../workers/engine/call-deadlines.ts'
import { callPairsOf } from '../../shared/placement/call-pairs.ts'
import { createEngineCore } from '../../workers/engine/engine-core.ts'
import type { EngineCore } from '../../workers/engine/engine-core.ts'
import { createExpertHosts } from '../../workers/engine/expert-hosts.ts'
import { experimentSettings } from '../../workers/engine/experiments.ts'
import type { Experiments } from '../../workers/engine/experiments.ts'
import { hostNames } from '../../shared/placement/host-names.ts'
import type { GrammarOpener } from '../../workers/engine/grammar-guide.ts'
import { createHostLink } from '../../workers/engine/host-link.ts'
import type { OpenSession } from '../../workers/engine/host-link.ts'
import { helloOf } from '../../workers/engine/hello.ts'
import { loadTrunk } from '../../workers/engine/load-engine.ts'
import { createHostMemory } from '../../workers/expert/host-memory.ts'
import { createExpertHost } from '../../workers/expert/host.ts'
import { createClusterHost, loseWeights } from './cluster-host.ts'
import { diskStore } from './disk-store.ts'
import { must } from './must.ts'
import { createTurnClock } from './turn-clock.ts'

export { loseWeights } from './cluster-host.ts'
export { must } from './must.ts'

export interface ClusterOptions {
  readonly pack: string
  readonly tier: Tier
  /** Precision of the trunk in tiers q8 and q4. */
  readonly trunk?: TrunkPrecision
  readonly hosts: number
  /** Hosts that hold nothing in the base placement. */
  readonly standby?: number
  /** The table to begin with, made from the base placement (epoch 1). */
  readonly placement?: (base: Placement) => Placement
  /** What a call costs, in pairs. */
  readonly callPairs?: number
  /** Parts of the elasticity that are taken away. */
  readonly experiments?: Experiments
  /** Whether calls have deadlines, on the cluster's clock. */
  readonly deadlines?: boolean
  readonly chunk?: number
  readonly lanes?: number
  readonly shape?: PlacementShape
  readonly kernels?: KernelChoice
  readonly prefixCache?: boolean
  /** The way to the grammar worker; without it there is none. */
  readonly grammar?: GrammarOpener
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
  const clock = createTurnClock()
  const disk = diskStore(pack)
  const store = (options.wrapStore ?? ((s) => s))({ open: (object, offset, bytes) => clock.during(disk.open(object, offset, bytes)) })
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
  const { info, lanes, limits } = loaded
  const names = hostNames(options.hosts + (options.standby ?? 0))
  const base = must(
    planBasePlacement(
      expertBytesByLayer(manifest.spec, tier),
      names.slice(0, options.hosts).map((host) => ({ host, arenaBytes: LIMITS.hostArenaBytes })),
      options.shape ?? 'packed',
      1,
    ),
  )
  const placement = (options.placement ?? ((p) => p))({ ...base, hosts: names })
  const hosts = names.map((host, index) => {
    const memory = createHostMemory(manifest.spec, tier, LIMITS.hostArenaBytes, modules, kernels)
    const isolateId = index.toString(16).padStart(24, '0')
    const boot = () => {
      loseWeights(memory)
      return { isolateId, memory }
    }
    return createClusterHost({ host, clock, boot, start: (isolate) => createExpertHost({ ...hostPlatform(store), manifest, tier, ...isolate }) })
  })
  const within = options.deadlines ? createCallDeadlines(clock.wait) : async <T>(call: Promise<T>) => ok(await call)
  const link = (of: Placement, index: number) => {
    const hello = helloOf(info, of, index)
    const host = hosts[names.indexOf(of.hosts[index]!)]!
    return createHostLink({
      host: host.host,
      hello: (options.wrapHello ?? ((h) => h))(hello, index),
      within,
      async connect(asked): Promise<Result<OpenSession, MoeError>> {
        const session = await host.connect(asked)
        return session.ok && options.wrapSession ? ok(options.wrapSession(session.value, names.indexOf(host.host))) : session
      },
    })
  }
  const faults: unknown[] = []
  const hostFaults: string[] = []
  const experts = createExpertHosts({
    experts: expertCounts(manifest.spec),
    placement,
    link,
    callPairs: options.callPairs ?? callPairsOf(manifest.spec),
    experiments: options.experiments ?? experimentSettings({ SPLIT: 'water', ADOPT: 'live' }),
    nowMs: clock.nowMs,
    wait: clock.wait,
    onStep: () => undefined,
    onFault: (host, code) => hostFaults.push(`${host} ${code}`),
  })
  /** A core in the same memory, as after a reset of the object. The one before must be idle. */
  const createCore = (): EngineCore =>
    createEngineCore({
      lanes,
      info,
      limits,
      hosts: experts,
      prefixCache: options.prefixCache ?? true,
      grammar: { open: options.grammar ?? noGrammar, within, wait: clock.wait },
      pause: () => null,
      nowMs: options.nowMs ?? Date.now,
      onFault: (error) => faults.push(error),
    })
  const core = createCore()

  /** Runs a request to its end. */
  function run(request: GenerateRequest): Promise<Result<GenerateEvent[], MoeError>> {
    return new Promise((resolve) => {
      const events: GenerateEvent[] = []
      const queued = core.generate(request, { emit: (event) => events.push(event), end: () => resolve(ok(events)) })
      if (!queued.ok) resolve(queued)
    })
  }
  const memories = hosts.map(({ memory }) => memory)
  return { core, createCore, info, manifest, memories, hosts, experts, placement, clock, faults, hostFaults, run }
}

export type Cluster = Awaited<ReturnType<typeof createCluster>>

async function noGrammar(): Promise<Result<never, MoeError>> {
  throw new Error('this cluster has no grammar worker')
}

/** A request with the defaults of a greedy completion. */
export function greedyRequest(prompts: readonly (readonly number[])[], rest: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    requestId: crypto.randomUUID(),
    prompts,
    n: 1,
    maxTokens: 16,
    sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 1 },
    adjustments: null,
    grammar: null,
    stopTokens: [],
    logprobs: null,
    echo: false,
    ...rest,
  }
}

/** What a client sees of one choice, as text; JSON keeps every bit of a number. Whether the prefix was cached, how long it took and where is not part of it. */
export function choiceBits(events: readonly GenerateEvent[], index: number): string {
  const own = events.filter((event) => 'index' in event && event.index === index && event.type !== 'prefilled')
  return JSON.stringify(own.map(withoutTimes))
}

/** The event without what differs between two runs of the same bits. */
export function withoutTimes(event: GenerateEvent): GenerateEvent {
  if (event.type === 'finish') return { ...event, decodeMs: 0, hosts: [] }
  return event.type === 'prefilled' ? { ...event, queueMs: 0, prefillMs: 0 } : event
}

export async function readManifest(pack: string): Promise<Manifest> {
  return must(parseManifest(await readFile(join(pack, 'manifest.json'))))
}
