import fc from 'fast-check'
import { expect, it } from 'vitest'
import { chooseVictim, mayJoin, scheduleStep } from './scheduler.ts'

const arbRunning = fc
  .array(fc.record({ length: fc.nat(50), more: fc.integer({ min: 1, max: 40 }) }), { maxLength: 12 })
  .map((list) => list.map(({ length, more }, id) => ({ id, length, known: length + more })))

it('[SC1] every decode gets its token, then prompts in order, within both budgets', () => {
  fc.assert(
    fc.property(arbRunning, fc.integer({ min: 12, max: 40 }), fc.integer({ min: 1, max: 16 }), (running, tokens, chunk) => {
      const slices = scheduleStep(running, { tokens, chunk })
      const taken = new Map(slices.map((slice) => [slice.sequence, slice]))
      expect(slices.reduce((sum, slice) => sum + slice.tokens, 0)).toBeLessThanOrEqual(tokens)
      for (const s of running.filter((r) => r.known - r.length === 1)) expect(taken.get(s.id)).toEqual({ sequence: s.id, from: s.length, tokens: 1 })
      const prefills = running.filter((r) => r.known - r.length > 1)
      const served = prefills.map((s) => taken.has(s.id))
      expect(served).toEqual(served.toSorted((a, b) => Number(b) - Number(a))) // a gap would be an overtaking
      for (const s of prefills) if (taken.has(s.id)) expect(taken.get(s.id)!.tokens).toBeLessThanOrEqual(Math.min(chunk, s.known - s.length))
    }),
  )
})

it('[SC1] steps repeated until done feed every position once, in order', () => {
  fc.assert(
    fc.property(arbRunning, fc.integer({ min: 12, max: 20 }), fc.integer({ min: 1, max: 9 }), (running, tokens, chunk) => {
      const state = running.map((s) => ({ ...s }))
      for (let step = 0; state.some((s) => s.length < s.known) && step < 10_000; step++) {
        const open = state.filter((s) => s.length < s.known)
        for (const slice of scheduleStep(open, { tokens, chunk })) {
          const s = state[slice.sequence]!
          expect(slice.from).toBe(s.length)
          s.length += slice.tokens
        }
      }
      expect(state.every((s) => s.length === s.known)).toBe(true)
    }),
  )
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
