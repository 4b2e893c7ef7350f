import type { LoadClock } from './drive.ts'

/** A timer may fire up to a millisecond early; setTimeout takes 31 bits. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** The process's monotonic clock. */
export const MONOTONIC: LoadClock = {
  nowMs: () => performance.now(),
  async sleepUntil(atMs, signal) {
    for (let leftMs = atMs - performance.now(); leftMs > 0 && !signal.aborted; leftMs = atMs - performance.now()) await sleep(leftMs, signal)
  },
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      done()
    }
    const timer = setTimeout(end, Math.min(Math.ceil(ms), TIMER_MS_MAX))
    signal.addEventListener('abort', end)
  })
}
