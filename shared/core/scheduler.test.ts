import fc from 'fast-check'
import { expect, it } from 'vitest'
import { chooseVictim, laneShare, mayJoin, promptBudget, scheduleStep } from './scheduler.ts'

const arbRunning = fc
  .array(fc.record({ length: fc.nat(50), more: fc.integer({ min: 1, max: 40 }) }), { maxLength: 12 })
  .map((list) => list.map(({ length, more }, id) => ({ id, length, known: length + more })))

const needOf = (s: { length: number; known: number }) => s.known - s.length

it('[SC1] every decode gets its token; prompts share what they may have, and nobody gets more than one who needs more', () => {
  fc.assert(
    fc.property(arbRunning, fc.integer({ min: 12, max: 40 }), fc.integer({ min: 1, max: 40 }), (running, tokens, promptTokens) => {
      const slices = scheduleStep(running, { tokens, promptTokens })
      const takenOf = (id: number) => slices.find((slice) => slice.sequence === id)?.tokens ?? 0
      for (const s of running.filter((r) => needOf(r) === 1)) expect(slices).toContainEqual({ sequence: s.id, from: s.length, tokens: 1 })
      const prompts = running.filter((r) => needOf(r) > 1)
      const budget = Math.min(promptTokens, tokens - (running.length - prompts.length))
      const taken = prompts.reduce((sum, s) => sum + takenOf(s.id), 0)
      expect(taken).toBe(
        Math.min(
          budget,
          prompts.reduce((sum, s) => sum + needOf(s), 0),
        ),
      ) // nothing is left over while somebody needs it
      if (prompts[0]) expect(takenOf(prompts[0].id)).toBeGreaterThan(0)
      for (const a of prompts) {
        expect(takenOf(a.id)).toBeLessThanOrEqual(needOf(a))
        for (const b of prompts) if (takenOf(a.id) < needOf(a) && takenOf(a.id) > 0) expect(takenOf(b.id)).toBeLessThanOrEqual(takenOf(a.id) + 1)
      }
    }),
  )
})

it('[SC1] steps repeated until done feed every position once, in order', () => {
  fc.assert(
    fc.property(arbRunning, fc.integer({ min: 12, max: 20 }), fc.integer({ min: 1, max: 9 }), (running, tokens, promptTokens) => {
      const state = running.map((s) => ({ ...s }))
      for (let step = 0; state.some((s) => s.length < s.known) && step < 10_000; step++) {
        const open = state.filter((s) => s.length < s.known)
        for (const slice of scheduleStep(open, { tokens, promptTokens })) {
          const s = state[slice.sequence]!
          expect(slice.from).toBe(s.length)
          s.length += slice.tokens
        }
      }
      expect(state.every((s) => s.length === s.known)).toBe(true)
    }),
  )
})

it('[SC1] a short prompt behind a long one is read in its first step, and the long one goes on beside it', () => {
  const slices = scheduleStep(
    [
      { id: 0, length: 64, known: 1000 },
      { id: 1, length: 0, known: 20 },
      { id: 2, length: 30, known: 31 },
    ],
    { tokens: 128, promptTokens: 64 },
  )
  expect(slices.map(({ sequence, tokens }) => [sequence, tokens])).toEqual([
    [2, 1],
    [1, 20],
    [0, 44],
  ])
})

it('[SC1] prompts take a chunk while somebody decodes, two when nobody waits', () => {
  expect([promptBudget(64, true), promptBudget(64, false)]).toEqual([64, 128])
})

it('[SC2] who joins leaves a page for each sequence that runs; alone it joins always', () => {
  expect(mayJoin(100, { running: 0, available: 7, promised: 0 })).toBe(true)
  fc.assert(
    fc.property(fc.nat(20), fc.integer({ min: 1, max: 20 }), fc.nat(60), fc.nat(20), (pages, running, available, promised) => {
      const left = available - promised - pages
      expect(mayJoin(pages, { running, available, promised })).toBe(left >= running + 1)
    }),
  )
})

it('[SC8] the latest gives way, and never to a later one', () => {
  const idle = [3, 5, 9].map((id) => ({ id }))
  expect(chooseVictim({ id: 4 }, idle)).toEqual({ id: 9 })
  expect(chooseVictim({ id: 9 }, idle)).toBeNull()
  expect(chooseVictim({ id: 12 }, idle)).toBeNull()
  expect(chooseVictim({ id: 1 }, [])).toBeNull()
})

it('[SC10] sixteen sequences on four lanes run as four times four, five as 2, 1, 1, 1, and one that joins finds a place', () => {
  const fill = (running: number, lanes: number) => {
    let ready = running
    return Array.from({ length: lanes }, (_, i) => {
      const share = laneShare({ ready, idleLanes: lanes - i, running, lanes })
      ready -= share
      return share
    })
  }
  expect(fill(16, 4)).toEqual([4, 4, 4, 4])
  expect(fill(5, 4)).toEqual([2, 1, 1, 1])
  expect(fill(1, 4)).toEqual([1, 0, 0, 0])
  expect(laneShare({ ready: 3, idleLanes: 1, running: 6, lanes: 4 })).toBe(2) // two of its own and the new one: the next lane takes it
})

it('[SC10] as many steps as there are lanes serve everybody once', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 8 }), (running, lanes) => {
      let ready = running
      for (let step = 0; step < lanes; step++) ready -= laneShare({ ready, idleLanes: 1, running, lanes })
      expect(ready).toBe(0)
    }),
  )
})
