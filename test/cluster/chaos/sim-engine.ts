import type { Placement } from '../../../shared/placement/placement.ts'
import { expertsOfHost } from '../../../shared/placement/placement.ts'
import type { EngineApi } from '../../../shared/protocol/engine-api.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { PROTOCOL_VERSION } from '../../../shared/protocol/host-api.ts'
import type { Manifest } from '../../../shared/protocol/manifest.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { KernelModules } from '../../../wasm/src/kernels.ts'
import type { Autoscaler } from '../../../workers/engine/autoscaler-link.ts'
import { createCallDeadlines } from '../../../workers/engine/call-deadlines.ts'
import { experimentSettings } from '../../../workers/engine/experiments.ts'
import { createHostLink } from '../../../workers/engine/host-link.ts'
import { journalBounds } from '../../../workers/engine/journal-bounds.ts'
import { memoryJournalStore } from '../../../workers/engine/journal-store.ts'
import type { JournalStore } from '../../../workers/engine/journal-store.ts'
import { loadTrunk } from '../../../workers/engine/load-engine.ts'
import { createMembership } from '../../../workers/engine/membership.ts'
import type { LastTable } from '../../../workers/engine/membership.ts'
import { readyEngine } from '../../../workers/engine/ready-engine.ts'
import type { ReadyEngine } from '../../../workers/engine/ready-engine.ts'
import { rangeReader } from '../../fixtures/memory-store.ts'
import { Life } from '../life.ts'
import { must } from '../must.ts'
import type { SimClock } from '../sim-clock.ts'
import type { Draws } from './draws.ts'
import type { Network } from './network.ts'
import type { SimHost } from './sim-host.ts'
import { TIER } from './sim-host.ts'
import type { Storage } from './storage.ts'

export interface SimEngineInputs {
  readonly engine: string
  readonly manifest: Manifest
  readonly modules: KernelModules
  readonly hosts: ReadonlyMap<string, SimHost>
  readonly lanes: number
  readonly kvPages: number
  readonly callPairs: number
  readonly journalMs: number
  /** How this engine reaches the autoscaler in one life. */
  readonly autoscaler: (life: Life) => Autoscaler
  readonly clock: SimClock
  readonly network: Network
  readonly storage: Storage
  readonly draws: Draws
  readonly log: (line: string) => void
  /** Told of faults of ours: there must be none. */
  readonly onFault: (error: unknown) => void
}

type Started = Awaited<ReturnType<EngineApi['generate']>>

/** An engine behind the simulated network: what its storage holds outlives its isolates. */
export function createSimEngine(inputs: SimEngineInputs) {
  const { engine, clock, network, log } = inputs
  const journal = memoryJournalStore()
  let lastTable: { readonly of: string; readonly placement: string } | null = null
  let life = new Life(engine)
  let ready: ReadyEngine | null = null
  let starting: Promise<Result<ReadyEngine, MoeError>> | null = null
  const seen = { resets: 0, resumed: 0, preempted: 0 }

  function start(): Promise<Result<ReadyEngine, MoeError>> {
    if (ready) return Promise.resolve(ok(ready))
    const mine = life
    starting ??= load(mine)
      .then((loaded) => {
        if (!mine.dead && loaded.ok) ready = loaded.value
        return loaded
      })
      .finally(() => {
        if (mine === life) starting = null
      })
    return starting
  }

  async function load(mine: Life): Promise<Result<ReadyEngine, MoeError>> {
    const { manifest, modules, lanes, kvPages } = inputs
    const reader = rangeReader(inputs.storage.sound)
    const trunk = must(
      await loadTrunk({ manifest, tier: TIER, trunk: TIER, chunk: 24, lanes, modules, kernels: 'auto', reader, kvPagesMax: kvPages }, () => undefined),
    )
    const { wait } = mine.timers(clock.setTimer)
    const within = createCallDeadlines(wait)
    let reports = 0
    const membership = createMembership({
      engine,
      isolateId: inputs.draws.id(),
      nextNumber: () => ++reports,
      table: tableOf(mine),
      autoscaler: () => inputs.autoscaler(mine),
      control: (face) => ({
        adopt: (placement) => mine.serve(() => face.adopt(placement)),
        drained: (epoch) => mine.serve(() => face.drained(epoch)),
      }),
      within,
      hasHost: (host) => inputs.hosts.has(host),
      ownCallPairs: true,
      nowMs: clock.nowMs,
      wait,
      onFault: (message, error) => log(`${engine}: ${message}: ${brief(error)}`),
    })
    const link = (placement: Placement, index: number) => {
      const host = placement.hosts[index]!
      const hello = {
        protocolVersion: PROTOCOL_VERSION,
        model: manifest.name,
        digest: manifest.digest,
        tier: TIER,
        epoch: placement.epoch,
        experts: expertsOfHost(placement, index),
      } as const
      return createHostLink({ host, hello, within, connect: (asked) => inputs.hosts.get(host)!.connect(mine, asked) })
    }
    return readyEngine({
      trunk,
      membership,
      journalStore: journalOf(mine),
      journalBounds: journalBounds(inputs.journalMs),
      callPairs: inputs.callPairs,
      experiments: experimentSettings({ SPLIT: 'water', ADOPT: 'live' }),
      prefixCache: true,
      grammar: { open: () => Promise.reject(new Error('no grammar worker here')), within, wait },
      link: (_info, placement, index) => link(placement, index),
      pause: () => null,
      nowMs: clock.nowMs,
      wait,
      onFault: inputs.onFault,
    })
  }

  /** A dead engine writes nothing any more. */
  function journalOf(mine: Life): JournalStore {
    return { ...journal, write: (write) => void (mine.dead || journal.write(write)) }
  }

  function tableOf(mine: Life): LastTable {
    return {
      read: (of) => (lastTable?.of === of ? (JSON.parse(lastTable.placement) as Placement) : null),
      write(of, placement) {
        if (!mine.dead) lastTable = { of, placement: JSON.stringify(placement) }
      },
    }
  }

  /** A new isolate; the store is the same. */
  function reset(): void {
    seen.resets++
    seen.preempted += ready?.core.counts().preemptions ?? 0
    const before = life
    life = new Life(engine)
    ready = null
    starting = null
    before.end()
  }

  /** The engine as a gateway reaches it. */
  function api(gateway: Life): Pick<EngineApi, 'generate' | 'resume' | 'cancel'> {
    const stream = (begin: (on: ReadyEngine) => Result<ReadableStream<Uint8Array>, MoeError>): Promise<Started> =>
      network.call(
        gateway,
        engine,
        () => {
          const mine = life
          return mine.serve(async (): Promise<Started> => {
            const started = await start()
            if (!started.ok) return started
            const made = begin(started.value)
            return made.ok ? ok({ info: started.value.info, stream: network.carry(made.value, gateway, [mine]) }) : made
          })
        },
        (late) => void (late.ok && late.value.stream.cancel()),
      )
    const again = (begin: (on: ReadyEngine) => Result<ReadableStream<Uint8Array>, MoeError>): Promise<Started> =>
      stream((on) => {
        const begun = begin(on)
        if (begun.ok) seen.resumed++
        return begun
      })
    return {
      generate: (request, have) => (have ? again : stream)((on) => on.generate(structuredClone(request), have && [...have])),
      resume: (requestId, have) => again((on) => on.resume(requestId, [...have])),
      cancel: (requestId, index) => network.call(gateway, engine, () => life.serve(() => ready?.cancel(requestId, index))),
    }
  }

  return { engine, api, reset, seen, journal, ready: () => ready }
}

function brief(error: unknown): string {
  return error instanceof Error ? error.message : ((error as Partial<MoeError>).message ?? String(error))
}
