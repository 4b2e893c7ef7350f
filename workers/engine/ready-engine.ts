import { expertCounts } from '../../shared/core/model-spec.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { GenerateRequest, ModelInfo, Received } from '../../shared/protocol/engine-api.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { createEngineCore } from './engine-core.ts'
import type { EngineCore, EngineDeps } from './engine-core.ts'
import type { EventSink } from './event-sink.ts'
import { createEventStream } from './event-stream.ts'
import { createExpertHosts } from './expert-hosts.ts'
import type { ExpertHosts } from './expert-hosts.ts'
import type { Experiments } from './experiments.ts'
import type { HostLink } from './host-link.ts'
import { createJournal } from './journal.ts'
import type { JournalBounds } from './journal-bounds.ts'
import type { JournalStore } from './journal-store.ts'
import { createJournaledCore } from './journaled-core.ts'
import type { StreamedRequest } from './journaled-core.ts'
import type { LoadedTrunk } from './load-engine.ts'
import type { Membership } from './membership.ts'

export interface ReadyEngineDeps extends Pick<EngineDeps, 'prefixCache' | 'grammar' | 'pause' | 'nowMs' | 'onFault'> {
  readonly trunk: LoadedTrunk
  readonly membership: Membership
  readonly journalStore: JournalStore
  readonly journalBounds: JournalBounds
  readonly callPairs: number
  readonly experiments: Experiments
  link(info: ModelInfo, placement: Placement, host: number): HostLink
  wait(ms: number): Promise<void>
}

/** An engine that serves: a member of its cluster, with a journal. */
export interface ReadyEngine {
  readonly info: ModelInfo
  readonly core: EngineCore
  readonly hosts: ExpertHosts
  generate(request: GenerateRequest, have?: Received): Result<ReadableStream<Uint8Array>, MoeError>
  resume(requestId: string, have: Received): Result<ReadableStream<Uint8Array>, MoeError>
  cancel(requestId: string, index: number | null): void
}

/** What is left to do once the trunk is in memory: a table, and the parts around it. Errors: those of the membership's first table. */
export async function readyEngine(deps: ReadyEngineDeps): Promise<Result<ReadyEngine, MoeError>> {
  const { membership, nowMs, wait } = deps
  const { manifest, info, lanes, limits } = deps.trunk
  const experts = expertCounts(manifest.spec)
  const first = await membership.begin(info, experts)
  if (!first.ok) return first
  const hosts = createExpertHosts({
    experts,
    placement: first.value.placement,
    link: (placement, host) => deps.link(info, placement, host),
    callPairs: deps.callPairs,
    experiments: deps.experiments,
    nowMs,
    wait,
    onStep: membership.onStep,
    onFault: membership.onFault,
  })
  const core = createEngineCore({ ...deps, lanes, info, limits, hosts })
  const pack = `${info.digest} ${info.tier} ${info.trunk}`
  const requests = createJournaledCore(core, createJournal({ store: deps.journalStore, nowMs, pack, bounds: deps.journalBounds }), info)
  membership.serve(hosts, core, first.value.windowMs)
  return ok({
    info,
    core,
    hosts,
    generate: (request, have) => streamed((sink) => requests.generate(request, sink, have)),
    resume: (requestId, have) => streamed((sink) => requests.resume(requestId, have, sink)),
    cancel: requests.cancel,
  })
}

/** A reader that goes away abandons its request. */
function streamed(begin: (sink: EventSink) => Result<StreamedRequest, MoeError>): Result<ReadableStream<Uint8Array>, MoeError> {
  let request: StreamedRequest | null = null
  const { stream, sink } = createEventStream(() => request?.abandon())
  const begun = begin(sink)
  if (!begun.ok) return begun
  request = begun.value
  return ok(stream)
}
