import { expect, it } from 'vitest'
import { restartDelayMs } from './restart-delay.ts'

it('[CL6] a first loss is mended at once, each further one of the same minute waits twice as long, five seconds at most', () => {
  const losses = Array.from({ length: 12 }, (_, i) => i * 10)
  expect(losses.map((atMs, i) => restartDelayMs(losses.slice(0, i + 1), atMs))).toEqual([0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000, 5000])
})

it('[CL6] losses of an earlier minute do not count', () => {
  expect(restartDelayMs([0, 1000, 2000, 61_500], 61_500)).toBe(100)
  expect(restartDelayMs([0, 70_000], 70_000)).toBe(0)
})
