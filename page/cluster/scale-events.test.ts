import fc from 'fast-check'
import { expect, it } from 'vitest'
import { scaleEvent } from '../testing/states.ts'
import { viewEvent } from './event-view.ts'
import { mergeEvents, readScaleEvent } from './scale-log.ts'

/** All accounts of one event as it goes on. */
function accounts(id: number, startMs = 0) {
  const phase = (name: 'plan' | 'copy', at: number, ended: boolean) => ({
    phase: name,
    startMs: startMs + at,
    endMs: ended ? startMs + at + 1 : null,
    bytes: 0,
  })
  return [
    scaleEvent({ id, state: 'running', phases: [phase('plan', 0, false)] }),
    scaleEvent({ id, state: 'running', phases: [phase('plan', 0, true)] }),
    scaleEvent({ id, state: 'running', phases: [phase('plan', 0, true), phase('copy', 1, false)] }),
    scaleEvent({ id, state: 'done', phases: [phase('plan', 0, true), phase('copy', 1, true)] }),
  ]
}

it('[LP5] news come in any order and more than once: the furthest account of each event stays, newest event first', () => {
  const all = [...accounts(1), ...accounts(2)]
  fc.assert(
    fc.property(fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 }), fc.nat(16), (news, cut) => {
      const log = mergeEvents(mergeEvents([], news.slice(0, cut)), news.slice(cut))
      expect(log).toEqual([accounts(2)[3], accounts(1)[3]])
    }),
  )
})

it('[LP5] an id that begins anew is another event, and the log is bounded', () => {
  expect(mergeEvents(accounts(1).slice(3), accounts(1, 5000).slice(0, 1))).toEqual(accounts(1, 5000).slice(0, 1))
  const many = Array.from({ length: 100 }, (_, id) => scaleEvent({ id }))
  expect(mergeEvents([], many).map(({ id }) => id)).toEqual(Array.from({ length: 64 }, (_, i) => 99 - i))
})

it('[LP5] shows all phases with their time and bytes, and what each host gets', () => {
  const view = viewEvent(scaleEvent({ moves: [...scaleEvent().moves, { kind: 'drop', layer: 0, expert: 1, host: 'expert-00', bytes: 100 }] }))
  expect(view).toMatchObject({ epochs: '1 → 2', loadCount: 1, dropCount: 1, copiedBytes: 100, totalMs: 4, reason: 'load' })
  expect(view.hosts).toEqual([
    { host: 'expert-00', loads: 0, drops: 1 },
    { host: 'expert-02', loads: 1, drops: 0 },
  ])
  expect(view.phases.map(({ phase, state, ms, share }) => [phase, state, ms, share])).toEqual([
    ['plan', 'done', 1, 0.25],
    ['wake', 'skipped', null, 0],
    ['copy', 'done', 3, 0.75],
    ['probe', 'skipped', null, 0],
    ['publish', 'skipped', null, 0],
    ['drain', 'skipped', null, 0],
    ['drop', 'skipped', null, 0],
  ])
})

it('[LP5] a running event has a phase under way and phases to come', () => {
  const { phases, totalMs } = viewEvent(accounts(1)[2]!)
  expect(totalMs).toBeNull()
  expect(phases.map(({ state }) => state)).toEqual(['done', 'waiting', 'running', 'waiting', 'waiting', 'waiting', 'waiting'])
})

it.each(['', '{', 'null', '7', '{"id":1}'])('[LP5] what is no event (%j) is left out', (data) => {
  expect(readScaleEvent(data)).toBeNull()
})
