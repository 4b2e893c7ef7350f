import fc from 'fast-check'
import { expect, it } from 'vitest'
import { admitCount, scheduleStep } from './scheduler.ts'

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

it('[SC2] admits the longest prefix of the queue that fits', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 })), fc.nat(40), fc.nat(6), (waiting, pages, slots) => {
      const count = admitCount(waiting, pages, slots)
      const used = waiting.slice(0, count).reduce((sum, n) => sum + n, 0)
      expect(used).toBeLessThanOrEqual(pages)
      expect(count).toBeLessThanOrEqual(slots)
      if (count < waiting.length && count < slots) expect(used + waiting[count]!).toBeGreaterThan(pages)
    }),
  )
})
