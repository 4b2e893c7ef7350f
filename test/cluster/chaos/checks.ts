import { expertsOfHost } from '../../../shared/placement/placement.ts'
import type { GenerateEvent, GenerateRequest } from '../../../shared/protocol/engine-api.ts'
import { choiceBits } from '../cluster.ts'
import type { Outcome } from './traffic.ts'
import type { World } from './world.ts'

/** What a request gives where nothing ever happens, by the id of the request that it was drawn as. */
export type StaticRun = ReadonlyMap<string, readonly GenerateEvent[]>

/** What is wrong with what a client received: other bits, an event twice or missing. Null where nothing is. SPEC CH1. */
export function outcomeFault({ request, manner, events, error }: Outcome, statically: StaticRun, of: string): string | null {
  const whole = statically.get(of)!
  for (let index = 0; index < request.prompts.length * request.n; index++) {
    const got = ofChoice(events, index)
    const want = ofChoice(whole, index)
    const ended = got.at(-1)?.type === 'finish'
    const mayBePart = error !== null || manner.kind === 'leaves' || manner.kind === 'vanishes' || (manner.kind === 'stops' && index === 0)
    if (!ended && !mayBePart) return `choice ${index} has no end`
    if (choiceBits(got, index) !== choiceBits(ended ? want : want.slice(0, got.length), index)) return `choice ${index} differs from the static run`
    if (got.length > 0 && got.filter(({ type }) => type === 'prefilled').length !== 1) return `choice ${index} was prefilled more or less than once`
  }
  return null
}

function ofChoice(events: readonly GenerateEvent[], index: number): GenerateEvent[] {
  return events.filter((event) => 'index' in event && event.index === index)
}

/** What is left when all is quiet: nothing but what the table gives. Each line is a leak. SPEC CH3. */
export function leaks({ engines, hosts, autoscaler, clock }: World): string[] {
  const table = autoscaler.table()
  const found: string[] = []
  const expect = (what: string, got: unknown, want: unknown) => {
    if (JSON.stringify(got) !== JSON.stringify(want)) found.push(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(want)}`)
  }
  for (const { engine, ready, journal } of engines) {
    const on = ready()
    if (!on) continue
    const { running, waiting, kvPagesUsed } = on.core.counts()
    expect(`${engine} counts`, { running, waiting, kvPagesUsed }, { running: 0, waiting: 0, kvPagesUsed: 0 })
    expect(`${engine} journal`, journal.list().requests, [])
    expect(`${engine} epochs`, [on.hosts.oldest(), on.hosts.newest().placement.epoch], [table.epoch, table.epoch])
  }
  for (const [index, { on }] of Array.from(hosts.values()).entries()) {
    const { slots } = on.memory
    const given = new Set(expertsOfHost(table, index).map(String))
    expect(
      `${on.host} extra experts`,
      slots.residents().filter((ref) => !given.has(String(ref))),
      [],
    )
    expect(`${on.host} slots that are being filled`, slots.usedBytes - slots.residentBytes, 0)
    expect(
      `${on.host} sessions of older epochs`,
      on.epochs().filter((epoch) => epoch !== table.epoch),
      [],
    )
    if (on.epochs().length > engines.length) found.push(`${on.host} has ${on.epochs().length} sessions`)
  }
  const copies = table.layers.flat().filter((replicas) => replicas.length > 1)
  expect('copies in the table', copies, [])
  expect('events under way', [autoscaler.store.read('running'), autoscaler.store.events(0).filter(({ state }) => state === 'running')], [null, []])
  expect('alarm', autoscaler.alarmIsSet(), false)
  expect('controls of engines', autoscaler.heldControls(), 0)
  expect('timers', clock.pending(), 0)
  return found
}

/** Epochs go up from event to event, as far as history is kept, and no copy is dropped before its epoch was drained. SPEC CH4. */
export function epochFaults({ autoscaler }: World): string[] {
  const changes = autoscaler.store.events(0).filter(({ fromEpoch, toEpoch }) => fromEpoch !== toEpoch)
  const last = changes.at(-1)?.toEpoch
  const untold = last === autoscaler.table().epoch ? [] : [`the table has epoch ${autoscaler.table().epoch}, the last event led to ${last}`]
  const wrong = changes.flatMap(({ id, reason, phases, fromEpoch, toEpoch }, i) => {
    const before = changes[i - 1]
    const names = phases.map(({ phase }) => phase).join(' ')
    if (reason !== 'base' && !names.endsWith('publish drain drop')) return [`event ${id} had the phases ${names}`]
    return toEpoch > fromEpoch && (before === undefined || before.toEpoch === fromEpoch) ? [] : [`event ${id} leads from epoch ${fromEpoch} to ${toEpoch}`]
  })
  return [...wrong, ...untold]
}

/** A request as a client of its own asks it. */
export function asked(of: GenerateRequest, requestId: string): GenerateRequest {
  return { ...of, requestId }
}
