import type { MoeError } from '../../../shared/protocol/errors.ts'
import { createDeadlines } from '../../../shared/protocol/deadlines.ts'
import type { ExpertRef, HostControl, PeerSource } from '../../../shared/protocol/host-api.ts'
import type { Hello } from '../../../shared/protocol/host-api.ts'
import type { Manifest } from '../../../shared/protocol/manifest.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { KernelModules } from '../../../wasm/src/kernels.ts'
import type { OpenSession } from '../../../workers/engine/host-link.ts'
import { createEmulatedRate } from '../../../workers/expert/emulated-rate.ts'
import { createHostMemory } from '../../../workers/expert/host-memory.ts'
import { createExpertHost } from '../../../workers/expert/host.ts'
import { sha256Hex } from '../../fixtures/memory-store.ts'
import { createClusterHost } from '../cluster-host.ts'
import { Life } from '../life.ts'
import type { SimClock } from '../sim-clock.ts'
import type { Draws } from './draws.ts'
import type { Network } from './network.ts'
import type { Storage } from './storage.ts'

export const TIER = 'q8'
/** As workers/r2-store.ts has it. */
const STALL = { tickMs: 5000, ticks: 4 }

export interface SimHostInputs {
  readonly host: string
  readonly manifest: Manifest
  readonly modules: KernelModules
  readonly arenaBytes: number
  /** Emulated: a host is a machine of this rate. */
  readonly weightsPerS: number
  readonly clock: SimClock
  readonly network: Network
  readonly storage: Storage
  readonly draws: Draws
  readonly log: (line: string) => void
}

type ControlName = keyof HostControl

/** An expert host behind the simulated network. */
export function createSimHost({ host, manifest, modules, arenaBytes, weightsPerS, clock, network, storage, draws, log }: SimHostInputs) {
  const on = createClusterHost({
    host,
    clock,
    boot: () => ({ isolateId: draws.id(), memory: createHostMemory(manifest.spec, TIER, arenaBytes, modules, 'auto') }),
    start(isolate, life) {
      const { setTimer, wait } = life.timers(clock.setTimer)
      const store = storage.storeOf(life)
      const rate = createEmulatedRate({ weightsPerS, nowMs: clock.nowMs, wait })
      return createExpertHost({
        ...isolate,
        manifest,
        tier: TIER,
        store,
        copyStore: store,
        sha256Hex: async (bytes) => sha256Hex(bytes),
        deadlines: createDeadlines(setTimer, STALL),
        rate,
      })
    },
  })
  /** What happens when such a control call was done, and nobody has heard of it. */
  const traps = new Map<ControlName, () => void>()
  /** Chooses what of a load is damaged in memory before it is probed. */
  const seen = { damaged: 0 }
  let damages: ((loaded: readonly ExpertRef[]) => ExpertRef | null) | null = null

  /** A session for an engine; it ends with the engine. */
  async function connect(from: Life, hello: Hello): Promise<Result<OpenSession, MoeError>> {
    const opened = await network.call(
      from,
      host,
      () => on.connect(hello),
      (late) => void (late.ok && late.value.close()),
    )
    if (!opened.ok) return opened
    const session = opened.value
    const close = () => void clock.setTimer(network.wayMs(), session.close)
    const forget = from.onEnd(close)
    return ok({
      run: (frame) => network.call(from, host, async () => session.run(frame)),
      report: () => network.call(from, host, () => session.report()),
      close() {
        forget()
        close()
      },
    })
  }

  /** @param before of each call: where a test ends the caller. */
  function control(from: Life, before: <T>(act: () => Promise<T>) => Promise<T>): HostControl {
    const call = <T>(name: ControlName, act: (to: HostControl) => Promise<T>): Promise<T> =>
      before(() =>
        network.call(from, host, async () => {
          const answer = await act(on.control())
          const sprung = traps.get(name)
          traps.delete(name)
          sprung?.()
          log(`${host} ${name} ${brief(answer)}`)
          return answer
        }),
      )
    return {
      load: (order, peer) =>
        call('load', async (to) => {
          const answer = await to.load(order, peer && received(peer, from))
          if (answer.ok) damage(answer.value.loaded)
          return answer
        }),
      probe: (order) => call('probe', (to) => to.probe(order)),
      drain: (order) => call('drain', (to) => to.drain(order)),
      drop: (order) => call('drop', (to) => to.drop(order)),
      source: (order) => call('source', async (to) => offered(await to.source(order))),
      inventory: () => call('inventory', (to) => to.inventory()),
    }
  }

  /** This host's weights for whoever gets the stub: gone when this object is. */
  function offered(source: Awaited<ReturnType<HostControl['source']>>): typeof source {
    if (!source.ok) return source
    const { life } = on
    return ok({
      read: (layer, expert) =>
        life.serve(async () => {
          const stream = await source.value.read(layer, expert)
          return stream.ok ? ok(network.carry(stream.value, new Life('the way'), [life])) : stream
        }),
    })
  }

  /** A peer as this host reaches it: through the object that gave the order. */
  function received(peer: PeerSource, through: Life): PeerSource {
    const { life } = on
    return {
      async read(layer, expert) {
        const stream = await network.call(life, through.who, () => through.serve(() => peer.read(layer, expert)))
        return stream.ok ? ok(network.carry(stream.value, life, [through], 'peerLossShare')) : stream
      },
    }
  }

  function damage(loaded: readonly ExpertRef[]): void {
    const chosen = damages?.(loaded)
    const weights = chosen && on.memory.slots.weightsOf(...chosen)
    if (!weights) return
    damages = null
    seen.damaged++
    on.memory.arena.u8(weights.gate.ptr + draws.whole(0, 1000), 1)[0]! ^= 1 << draws.whole(0, 7)
    log(`${host} damaged in memory: ${chosen.join('/')}`)
  }

  return { on, seen, connect, control, traps, damageNext: (choose: typeof damages) => void (damages = choose) }
}

export type SimHost = ReturnType<typeof createSimHost>

function brief(answer: unknown): string {
  const { ok: fine, error, value } = answer as { ok: boolean; error?: MoeError; value?: { failed?: readonly { error: MoeError }[] } }
  if (!fine) return error!.code
  return value?.failed?.length ? `without ${value.failed.map((each) => each.error.code).join()}` : 'done'
}
