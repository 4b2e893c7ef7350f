import type { LoadedTinyPack } from '../../fixtures/load-tiny-pack.ts'
import { TIER } from './sim-host.ts'
import type { GenerateEvent } from '../../../shared/protocol/engine-api.ts'
import type { ErrorCode, MoeError } from '../../../shared/protocol/errors.ts'
import type { Policy } from '../../../shared/placement/policy.ts'
import { RELOAD_MS } from '../../../workers/engine/recovery.ts'
import { createDraws } from './draws.ts'
import { asked, epochFaults, leaks, outcomeFault } from './checks.ts'
import type { StaticRun } from './checks.ts'
import { disarm, strike } from './faults.ts'
import type { FaultName } from './faults.ts'
import { drawManner, REQUESTS, runClient } from './traffic.ts'
import type { Outcome } from './traffic.ts'
import { createWorld } from './world.ts'
import type { World, WorldOptions } from './world.ts'

const TRAFFIC_MS = 60_000
/** The domain of most prompts changes so often: other experts get hot. */
const DOMAIN_MS = 15_000
/** Longer than whatever a request may wait for. */
const LAST_ANSWER_MS = 120_000
/** Past the time that journals keep what nobody claims, and all leases, stays and alarms. */
const QUIET_MS = 150_000
/** What a request is told that needs an expert of which there is no copy. */
const COPYLESS: ReadonlySet<ErrorCode> = new Set(['storage-unavailable', 'weights-missing', 'weights-corrupt', 'host-unavailable', 'not-resident'])

export interface ChaosRun {
  readonly lines: readonly string[]
  /** What is wrong; nothing where all is well. */
  readonly wrong: readonly string[]
  /** How often what happened. */
  readonly counts: ReadonlyMap<string, number>
}

/** What each request gives where nothing happens: one engine, one host, one request after the other. */
export async function runStatically(pack: LoadedTinyPack): Promise<StaticRun> {
  const calm = {
    base: 1,
    standby: 0,
    engines: 1,
    shape: 'packed',
    lanes: 1,
    kvPages: 32,
    callPairs: 0,
    arenaExperts: 8,
    pairsPerMs: 1e6,
    journalMs: 500,
  } as const
  const world = createWorld(pack, 0, calm)
  world.autoscaler.misbehaves(false)
  const answers = new Map<string, readonly GenerateEvent[]>()
  for (const of of REQUESTS.flat()) {
    const outcome = await answerOf(world, of.requestId, { kind: 'reads' })
    if (outcome.error) throw new Error(`the static run of ${of.requestId} failed: ${outcome.error.message}`)
    answers.set(of.requestId, outcome.events)
  }
  return answers

  async function answerOf(on: World, requestId: string, manner: Outcome['manner']): Promise<Outcome> {
    const request = REQUESTS.flat().find((each) => each.requestId === requestId)!
    let outcome: Outcome | null = null
    void clientOf(on, 0, { request, manner }).then((ended) => (outcome = ended))
    await on.clock.run(LAST_ANSWER_MS, () => outcome !== null)
    if (!outcome) throw new Error(`the static run of ${requestId} does not end`)
    return outcome
  }
}

function clientOf({ engines, clock, manifest }: World, engine: number, { request, manner }: Pick<Outcome, 'request' | 'manner'>): Promise<Outcome> {
  const model = { name: manifest.name, digest: manifest.digest, tier: TIER, trunk: TIER } as const
  return runClient({ api: engines[engine]!.api, model, clock, request, manner })
}

interface Drawn extends WorldOptions {
  /** Between two requests, in the mean. */
  readonly requestGapMs: number
  /** Requests under way. The engines' queues hold fewer than the largest: then they refuse. */
  readonly openMax: number
  /** Between two faults, in the mean: with few of them requests get far and the placement follows the load, with many hardly anything runs. */
  readonly faultGapMs: number
  /** What the traffic begins with. */
  readonly policy: Partial<Policy>
}

/** Scales several times in a minute. */
const LIVELY: Partial<Policy> = { windowMs: 500, smoothingWindows: 4, stayMs: 3000, gainMin: 0.01, leaseMs: 5000, drainMs: 3000 }

function drawOptions(seed: number): Drawn {
  const draws = createDraws(seed, 10)
  return {
    base: draws.whole(2, 3),
    standby: draws.whole(1, 2),
    engines: 2,
    shape: draws.pick(['packed', 'spread']),
    lanes: draws.pick([1, 2, 3]),
    kvPages: draws.pick([7, 40, 40]),
    callPairs: draws.pick([0, 1, 6]),
    arenaExperts: draws.pick([4, 5, 6, 8]),
    pairsPerMs: draws.pick([0.5, 1, 2]),
    journalMs: draws.pick([0, 100, 500]),
    requestGapMs: draws.pick([120, 300]),
    openMax: draws.pick([48, 48, 400]),
    faultGapMs: draws.pick([600, 1500, 3000]),
    policy: draws.pick([{}, LIVELY, LIVELY]),
  }
}

const ENDS = { reads: 'answered', leaves: 'left', stops: 'stopped', vanishes: 'vanished' } as const

/** A span in which storage gives nothing, and at whose beginning every host is killed: no copy of any expert can be had. */
export interface Blackout {
  readonly fromMs: number
  readonly forMs: number
}

/**
 * One run: traffic and faults for a minute, then quiet. Everything follows from the seed.
 * @param blackout null: every expert can be had again within the bounds of recovery, so no request may fail. SPEC CH1 to CH4.
 */
export async function runChaos(pack: LoadedTinyPack, statically: StaticRun, seed: number, blackout: Blackout | null = null): Promise<ChaosRun> {
  const { requestGapMs, openMax, faultGapMs, policy, ...options } = drawOptions(seed)
  const world = createWorld(pack, seed, options)
  const { clock, autoscaler, engines, log } = world
  log(`seed ${seed}: ${JSON.stringify(drawOptions(seed))}`)
  const wrong: string[] = []
  const faults = new Map<FaultName, number>()
  const counts = new Map<string, number>()
  const count = (what: string, by = 1) => void counts.set(what, (counts.get(what) ?? 0) + by)
  const [traffic, troubles] = [createDraws(seed, 11), createDraws(seed, 12)]
  let open = 0
  let asking = 0

  function ask(domain: number, manner = drawManner(traffic), engine = traffic.whole(0, engines.length - 1)): void {
    const of = traffic.pick(REQUESTS[domain]!)
    const request = asked(of, `r${asking++}`)
    open++
    log(`${request.requestId} (${of.requestId}) ${manner.kind} engine-${engine}`)
    void clientOf(world, engine, { request, manner }).then((outcome) => {
      open--
      const fault = outcomeFault(outcome, statically, of.requestId)
      log(`${request.requestId} ${outcome.error?.code ?? 'answered'} after ${outcome.events.length} events`)
      count(outcome.error ? `failed: ${outcome.error.code}` : ENDS[outcome.manner.kind])
      if (fault) wrong.push(`${clock.nowMs()} ${request.requestId} (${of.requestId}): ${fault}`)
      if (outcome.error && !mayFail(outcome, outcome.error))
        wrong.push(`${clock.nowMs()} ${request.requestId} failed: ${outcome.error.code}: ${outcome.error.message}`)
    })
  }

  /** Where it was refused before any work, or no copy of an expert can be had, and then the client is told that it may come again. SPEC CH2. */
  function mayFail({ events }: Outcome, { code, retryable, overloaded }: MoeError): boolean {
    if (overloaded) return events.length === 0
    const nowMs = clock.nowMs()
    const inTime = blackout !== null && nowMs >= blackout.fromMs && nowMs < blackout.fromMs + blackout.forMs + RELOAD_MS
    return inTime && retryable && COPYLESS.has(code)
  }

  function blackOut({ forMs }: Blackout): void {
    log('blackout')
    world.storage.blackOut(true)
    for (const { on } of world.hosts.values()) on.reset()
    clock.setTimer(forMs, () => world.storage.blackOut(false))
  }

  function arrive(): void {
    if (clock.nowMs() >= TRAFFIC_MS) return
    if (open < openMax) ask(traffic.chance(0.85) ? Math.floor(clock.nowMs() / DOMAIN_MS) % REQUESTS.length : traffic.whole(0, REQUESTS.length - 1))
    clock.setTimer(traffic.gapMs(requestGapMs), arrive)
  }

  function happen(): void {
    if (clock.nowMs() >= TRAFFIC_MS) return
    for (let left = troubles.pick([1, 1, 1, 2, 3]); left > 0; left--) strike(world, troubles, faults)
    clock.setTimer(troubles.gapMs(faultGapMs), happen)
  }

  for (const engine of engines.keys()) ask(0, { kind: 'reads' }, engine) // one that was never given a table cannot begin without the autoscaler
  await clock.run(LAST_ANSWER_MS, () => open === 0)
  await autoscaler.core().setPolicy(policy)
  arrive()
  clock.setTimer(faultGapMs, happen)
  if (blackout) clock.setTimer(blackout.fromMs, () => blackOut(blackout))
  await clock.run(TRAFFIC_MS)
  disarm(world)
  log('the faults end')
  await clock.run(LAST_ANSWER_MS, () => open === 0)
  if (open > 0) wrong.push(`${open} requests never ended`)
  await clock.run(QUIET_MS)
  for (const [engine] of engines.entries()) {
    const of = REQUESTS[0]![0]!
    void clientOf(world, engine, { request: asked(of, `last ${engine}`), manner: { kind: 'reads' } }) // its write clears the journal of what nobody claimed
  }
  await clock.run(QUIET_MS)
  log(`all is quiet after ${world.network.seen.calls} calls, ${world.network.seen.digest.toString(16)}`)
  wrong.push(...world.faults, ...leaks(world), ...epochFaults(world))
  for (const [name, times] of faults) count(name, times)
  for (const [name, times] of Object.entries(autoscaler.seen)) count(name, times)
  for (const event of autoscaler.store.events(0)) {
    count(`event: ${event.reason} ${event.state}`)
    for (const { kind } of event.moves) count(`move: ${kind}`)
    if (event.error) count(`event error: ${event.error.code}`)
  }
  count('reads spoiled', world.storage.seen.spoiled)
  for (const { seen } of world.hosts.values()) count('copies damaged', seen.damaged)
  for (const { seen, ready } of engines) {
    count('resumed', seen.resumed)
    count('preempted', seen.preempted + (ready()?.core.counts().preemptions ?? 0))
  }
  return { lines: world.lines, wrong, counts }
}
