import { expect, it } from 'vitest'
import { Stopwatch } from './stopwatch.ts'

/** A clock that ticks once a millisecond and takes `readMs` to read. */
function coarseClock(readMs: number) {
  let ms = 0.4
  return {
    now: () => Math.floor((ms += readMs)),
    work: (duration: number) => {
      ms += duration
    },
  }
}

it('measures fractions of a tick', () => {
  for (const duration of [0, 0.3, 1, 7.25, 41.9]) {
    const clock = coarseClock(0.001)
    const watch = new Stopwatch(clock.now)
    watch.start()
    clock.work(duration)
    expect(Math.abs(watch.stop() - duration)).toBeLessThan(0.005)
  }
})

it('knows while it runs how many whole milliseconds have passed', () => {
  const clock = coarseClock(0.001)
  const watch = new Stopwatch(clock.now)
  watch.start()
  clock.work(3.5)
  expect(watch.elapsedMs).toBe(3)
})
