import { expect, it } from 'vitest'
import { createThreadPause } from './thread-pause.ts'

it('[SC6] pauses once in eight milliseconds of steps, and not in between', () => {
  let nowMs = 1000
  let waits = 0
  const beginPause = createThreadPause({ nowMs: () => nowMs, wait: () => Promise.resolve(void waits++) })
  for (let step = 0; step < 40; step++) {
    void beginPause()
    nowMs += 2
  }
  expect(waits).toBe(10)
})
