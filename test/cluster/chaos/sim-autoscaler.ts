import { plan } from '../../../shared/placement/plan.ts'
import type { Placement } from '../../../shared/placement/placement.ts'
import type { AutoscalerApi, EngineReport } from '../../../shared/protocol/autoscaler-api.ts'
import { ok } from '../../../shared/protocol/result.ts'
import { createAutoscaler } from '../../../workers/autoscaler/autoscaler-core.ts'
import type { AutoscalerCore } from '../../../workers/autoscaler/autoscaler-core.ts'
import type { Deployment } from '../../../workers/autoscaler/base-table.ts'
import { memoryStore } from '../../../workers/autoscaler/memory-store.ts'
import type { Autoscaler } from '../../../workers/engine/autoscaler-link.ts'
import { Life } from '../life.ts'
import type { SimClock } from '../sim-clock.ts'
import type { Draws } from './draws.ts'
import type { Network } from './network.ts'
import type { SimHost } from './sim-host.ts'

export interface SimAutoscalerInputs {
  readonly deployment: Deployment
  readonly hosts: ReadonlyMap<string, SimHost>
  readonly clock: SimClock
  readonly network: Network
  readonly draws: Draws
  readonly log: (line: string) => void
  /** What must not happen. */
  readonly onFault: (what: string) => void
}

export const AUTOSCALER = 'autoscaler'

/** How an instance ends: before a call of its own is sent, before its answer comes, or not at all while a newer one begins. */
export type DeathKind = 'before' | 'after' | 'zombie'

interface Instance {
  readonly life: Life
  readonly core: AutoscalerCore
}

/** How often the platform and the network misbehave, while they do. */
const SHARES = { lostReport: 0.05, lostAnswer: 0.05, twice: 0.08, late: 0.1, alarmTwice: 0.15, alarmLate: 0.05 } as const
const LATE_MS = 1500
const ZOMBIE_MS = 3000

/** The autoscaler behind the simulated network: its store and its alarm outlive its instances. */
export function createSimAutoscaler({ deployment, hosts, clock, network, draws, log, onFault }: SimAutoscalerInputs) {
  const store = memoryStore()
  const seen = { instances: 0, alarms: 0, alarmsTwice: 0, reportsTwice: 0, reportsLost: 0, zombies: 0, deathsAtCall: 0 }
  const state = { misbehaves: true }
  /** Controls of engines that the current instance holds. */
  const held = new Set<object>()
  /** Every table that an engine was given, by epoch. */
  const published = new Map<number, string>()
  /** The epoch that each engine's isolate was at last. */
  const reported = new Map<string, number>()
  let takeAlarmBack: (() => void) | null = null
  let death: { calls: number; readonly how: DeathKind } | null = null
  let current: Instance = begin()

  function begin(): Instance {
    seen.instances++
    const life = new Life(AUTOSCALER)
    const { setTimer } = life.timers(clock.setTimer)
    held.clear()
    const core = createAutoscaler({
      store,
      nowMs: clock.nowMs,
      deployment: async () => ok(deployment),
      plan,
      control: (host) => hosts.get(host)!.control(life, (act) => mayDie(life, act)),
      setTimer,
      setAlarm(atMs) {
        if (life.dead) return
        if (life === current.life) armAlarm(atMs)
        else onFault('an old autoscaler set the alarm')
      },
      onFault: (message, error) => noteFault(message, error),
    })
    return { life, core }
  }

  function noteFault(message: string, error: unknown): void {
    const text = error instanceof Error ? error.message : JSON.stringify(error)
    log(`autoscaler: ${message}: ${text}`)
    if (!message.includes('could not be called')) onFault(`autoscaler: ${message}: ${error instanceof Error ? error.stack : text}`)
  }

  /** A call of an instance; it may be its last. */
  async function mayDie<T>(life: Life, act: () => Promise<T>): Promise<T> {
    if (life !== current.life && !life.dead) onFault('an old autoscaler made a call')
    const dies = death !== null && life === current.life && --death.calls <= 0 ? death.how : null
    if (dies) {
      death = null
      seen.deathsAtCall++
    }
    if (dies === 'before') reset('before')
    if (life.dead) return new Promise(() => undefined)
    const answer = await life.own(act())
    if (dies === 'after' || dies === 'zombie') {
      reset(dies)
      await life.own(clock.wait(draws.whole(1, ZOMBIE_MS - 1)))
    }
    return answer
  }

  /** A new instance. The old one is gone, or (a zombie) goes on for a while as if it were not. */
  function reset(how: DeathKind): void {
    log(`autoscaler resets (${how})`)
    const { life } = current
    if (how === 'zombie') {
      seen.zombies++
      clock.setTimer(ZOMBIE_MS, () => life.end())
    } else {
      life.end()
    }
    current = begin()
  }

  function armAlarm(atMs: number | null): void {
    takeAlarmBack?.()
    takeAlarmBack = atMs === null ? null : clock.setTimer(atMs - clock.nowMs() + (strikes(SHARES.alarmLate) ? draws.whole(1, LATE_MS) : 0), ringAlarm)
  }

  function ringAlarm(): void {
    takeAlarmBack = null
    seen.alarms++
    const ring = () => void current.core.onAlarm()
    ring()
    if (!strikes(SHARES.alarmTwice)) return
    seen.alarmsTwice++
    if (draws.chance(0.5)) ring()
    else clock.setTimer(draws.whole(1, LATE_MS), ring)
  }

  const strikes = (share: number) => state.misbehaves && draws.chance(share)

  /** The autoscaler as an engine reaches it. */
  function stubFor(engine: Life): Autoscaler {
    const call = <T>(act: (core: AutoscalerCore, life: Life) => Promise<T>): Promise<T> =>
      network.call(engine, AUTOSCALER, () => {
        const { core, life } = current
        return life.serve(() => act(core, life))
      })
    return {
      join: (name, isolateId, control) =>
        call(async (core, life) => {
          const token = {}
          held.add(token)
          const answer = await core.join(name, isolateId, {
            adopt: (placement) => mayDie(life, () => network.call(life, engine.who, () => control.adopt(notePublished(placement)))),
            drained: (epoch) => mayDie(life, () => network.call(life, engine.who, () => control.drained(epoch))),
            close: () => void held.delete(token),
          })
          if (answer.ok) notePublished(answer.value.placement)
          return answer
        }),
      report: (report) => deliver(report, (act) => call(act)),
    }
  }

  /** Reports are lost, late and doubled, so they overtake each other. */
  async function deliver(said: EngineReport, call: <T>(act: (core: AutoscalerCore) => Promise<T>) => Promise<T>): ReturnType<AutoscalerApi['report']> {
    const report = structuredClone(said)
    if (said.epoch < (reported.get(said.isolateId) ?? 0)) onFault(`${said.engine} goes back to epoch ${said.epoch}`)
    reported.set(said.isolateId, said.epoch)
    const send = () => call((core) => core.report(report))
    if (strikes(SHARES.late)) await clock.wait(draws.whole(1, LATE_MS))
    if (strikes(SHARES.lostReport)) {
      seen.reportsLost++
      throw new Error('the report was lost')
    }
    if (strikes(SHARES.twice)) {
      seen.reportsTwice++
      clock.setTimer(draws.whole(1, LATE_MS), () => void send().catch((error: unknown) => log(`a second copy of a report failed: ${String(error)}`)))
    }
    const answer = await send()
    if (answer.ok && answer.value.placement) notePublished(answer.value.placement)
    if (strikes(SHARES.lostAnswer)) throw new Error('the answer to a report was lost')
    return answer
  }

  /** An epoch names one table, whoever is given it. */
  function notePublished(placement: Placement): Placement {
    const content = JSON.stringify(placement)
    const known = published.get(placement.epoch)
    if (known === undefined) log(`epoch ${placement.epoch} is given out`)
    else if (known !== content) onFault(`epoch ${placement.epoch} names two tables`)
    published.set(placement.epoch, content)
    return structuredClone(placement)
  }

  return {
    store,
    seen,
    stubFor,
    reset,
    dieAtCall: (calls: number, how: DeathKind) => void (death = { calls, how }),
    /** Of the platform and the network between engines and the autoscaler. */
    misbehaves: (does: boolean) => {
      state.misbehaves = does
      if (!does) death = null
    },
    core: () => current.core,
    alarmIsSet: () => takeAlarmBack !== null,
    heldControls: () => held.size,
    table: (): Placement => store.read('table')!.placement,
  }
}
