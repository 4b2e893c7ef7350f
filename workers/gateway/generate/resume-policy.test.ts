import { expect, it } from 'vitest'
import { resumeWaitMs } from './resume-policy.ts'

function waits(next: (at: { readonly failed: number; readonly tries: number }) => { readonly failed: number; readonly tries: number }): number[] {
  const all: number[] = []
  let at = { failed: 0, tries: 0 }
  for (let wait = resumeWaitMs(at); wait !== null; wait = resumeWaitMs(at)) {
    all.push(wait)
    at = next(at)
  }
  return all
}

it('[JR6] tries that fail one after another wait longer each time, and end within twenty seconds', () => {
  const all = waits(({ failed, tries }) => ({ failed: failed + 1, tries: tries + 1 }))
  expect(all).toEqual(all.toSorted((a, b) => a - b))
  expect(all.length).toBeGreaterThan(3)
  expect(all.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(20_000)
})

it('[JR6] a request that breaks its stream after every event is given up, too', () => {
  expect(waits(({ tries }) => ({ failed: 0, tries: tries + 1 }))).toHaveLength(16)
})
