import { DurableObject } from 'cloudflare:workers'
import type { Placement } from '../../shared/placement/placement.ts'
import { ZERO_COUNTS } from '../../shared/protocol/engine-api.ts'
import type { EngineApi, EngineState, EngineStatus, GenerateRequest, ModelInfo, Received } from '../../shared/protocol/engine-api.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { isolateId } from '../isolate-id.ts'
import { createLog } from '../log.ts'
import { oneOfSetting, wholeSetting } from '../settings.ts'
import { joinCluster } from './join-cluster.ts'
import { createCallDeadlines } from './call-deadlines.ts'
import { callPairsSetting } from './call-pairs.ts'
import { createEmulatedNetwork, rttMsSetting } from './emulated-network.ts'
import type { EmulatedNetwork } from './emulated-network.ts'
import { durableJournalStore } from './durable-journal-store.ts'
import type { EngineEnv } from './env.ts'
import { experimentSettings } from './experiments.ts'
import { hostStates } from './host-states.ts'
import { hostBinding } from '../../shared/placement/host-names.ts'
import { journalBounds } from './journal-bounds.ts'
import { forgetStored } from './journal-store.ts'
import type { JournalStore } from './journal-store.ts'
import { linkGrammar } from './link-grammar.ts'
import { linkHost } from './link-host.ts'
import type { LoadedTrunk } from './load-engine.ts'
import { readTrunk } from './read-trunk.ts'
import { readyEngine } from './ready-engine.ts'
import type { ReadyEngine } from './ready-engine.ts'
import { createThreadPause } from './thread-pause.ts'

const logError = createLog('engine')

/** The trunk outlives an evicted object: it is the isolate that has the memory. */
let warm: LoadedTrunk | null = null

type Started = Awaited<ReturnType<EngineApi['generate']>>

/** The engine: trunk, KV cache, scheduler and fan-out of one model. The object wires; engine-core.ts decides. */
export class Engine extends DurableObject<EngineEnv> implements EngineApi {
  private ready: ReadyEngine | null = null
  /** On the object, not at module scope: a promise dies with the object that made it. */
  private starting: Promise<Result<ReadyEngine, MoeError>> | null = null
  private failure: MoeError | null = null
  private readonly within = createCallDeadlines((ms) => scheduler.wait(ms))
  private readonly membership = joinCluster(this.ctx, this.env, this.within)
  private bytesRead = 0
  private bytesTotal = 0

  /** Also starts loading: whoever asks for health wants a model. A failed load is tried again by the next question. */
  async status(): Promise<EngineStatus> {
    if (warm) await this.start() // an evicted object finds its trunk: that takes no time, and nobody should hear of it
    if (this.ready) return { state: 'ready', info: this.ready.info }
    const { failure } = this
    this.ctx.waitUntil(this.start())
    return failure ? { state: 'failed', error: failure } : { state: 'loading', bytesRead: this.bytesRead, bytesTotal: this.bytesTotal }
  }

  async generate(request: GenerateRequest, have?: Received): Promise<Started> {
    return this.stream((ready) => ready.generate(request, have))
  }

  async resume(requestId: string, have: Received): Promise<Started> {
    return this.stream((ready) => ready.resume(requestId, have))
  }

  async cancel(requestId: string, index: number | null): Promise<void> {
    if (this.ready) this.ready.cancel(requestId, index)
    else if (index === null) forgetStored(this.journalStore(), requestId, Date.now()) // of before a reset: nobody loads a model for this
  }

  private async stream(begin: (ready: ReadyEngine) => Result<ReadableStream<Uint8Array>, MoeError>): Promise<Started> {
    const started = await this.start()
    if (!started.ok) return started
    const stream = begin(started.value)
    return stream.ok ? ok({ info: started.value.info, stream: stream.value }) : stream
  }

  async state(): Promise<EngineState> {
    const { ready } = this
    const counts = ready?.core.counts() ?? ZERO_COUNTS
    return {
      status: await this.status(),
      isolateId: isolateId(),
      kernels: warm?.lanes[0]!.kernels.variant ?? 'none',
      lanes: warm?.limits.lanes ?? 0,
      epoch: ready?.hosts.newest().placement.epoch ?? 0,
      oldestEpoch: ready?.hosts.oldest() ?? 0,
      ...counts,
      memoryBytes: warm?.lanes[0]!.budget.totalBytes ?? 0,
      hosts: ready ? await hostStates(ready.hosts) : [],
    }
  }

  private start(): Promise<Result<ReadyEngine, MoeError>> {
    if (this.ready) return Promise.resolve(ok(this.ready))
    this.starting ??= this.load().finally(() => (this.starting = null))
    return this.starting
  }

  private async load(): Promise<Result<ReadyEngine, MoeError>> {
    this.bytesRead = 0
    const loaded = await this.loadParts().catch((error: unknown) => {
      logError('loading failed', error)
      return fail('internal', 'the engine could not load the model', {})
    })
    this.failure = loaded.ok ? null : loaded.error
    if (loaded.ok) this.ready = loaded.value
    return loaded
  }

  private async loadParts(): Promise<Result<ReadyEngine, MoeError>> {
    const trunk = await this.warmTrunk()
    if (!trunk.ok) return trunk
    const { env } = this
    const { spec } = trunk.value.manifest
    const network = createEmulatedNetwork({ rttMs: rttMsSetting(env.RTT_MS), nowMs: Date.now, wait: () => scheduler.wait(0) })
    return readyEngine({
      trunk: trunk.value,
      membership: this.membership,
      journalStore: this.journalStore(),
      journalBounds: journalBounds(wholeSetting('JOURNAL_MS', env.JOURNAL_MS, 0)),
      callPairs: callPairsSetting(env.CALL_PAIRS, spec),
      experiments: experimentSettings(env),
      prefixCache: oneOfSetting('PREFIX_CACHE', env.PREFIX_CACHE, ['on', 'off']) === 'on',
      grammar: { open: linkGrammar(env.GRAMMAR, trunk.value.info.digest), within: this.within, wait: (ms) => scheduler.wait(ms) },
      link: (info, placement, host) => this.link(info, placement, network, host),
      pause: createThreadPause({ nowMs: Date.now, wait: () => scheduler.wait(0) }),
      nowMs: Date.now,
      wait: (ms) => scheduler.wait(ms),
      onFault: (error) => logError('a step failed', error),
    })
  }

  /** Where requests outlive the object; a bench puts others in its place. */
  protected journalStore(): JournalStore {
    return durableJournalStore(this.ctx.storage, (error) => logError('the journal failed', error))
  }

  /** A failed load leaves no trunk behind, but one that is whole stays for the next attempt. */
  private async warmTrunk(): Promise<Result<LoadedTrunk, MoeError>> {
    if (warm) return ok(warm)
    const loaded = await readTrunk(this.env, (read, total) => {
      this.bytesRead = read
      this.bytesTotal = total
    })
    if (loaded.ok) warm = loaded.value
    return loaded
  }

  private link(info: ModelInfo, placement: Placement, network: EmulatedNetwork, index: number) {
    const host = placement.hosts[index]!
    const namespace = this.env[hostBinding(host)]
    if (!namespace) throw new Error(`no binding ${hostBinding(host)} for ${host}`)
    return linkHost({ info, placement, index, namespace, within: this.within, network })
  }
}

export default {
  /** The engine is reached over RPC only. */
  fetch: () => new Response('the engine has no HTTP interface\n', { status: 404 }),
} satisfies ExportedHandler<EngineEnv>
