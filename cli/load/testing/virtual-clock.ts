import { setImmediate as turn } from 'node:timers/promises'
import type { LoadClock } from '../drive.ts'

/** Time that passes only when everybody waits for it. */
export class VirtualClock implements LoadClock {
  #nowMs = 0
  readonly #sleepers: { readonly atMs: number; readonly wake: () => void }[] = []

  nowMs(): number {
    return this.#nowMs
  }

  sleepUntil(atMs: number, signal?: AbortSignal): Promise<void> {
    if (atMs <= this.#nowMs || signal?.aborted) return Promise.resolve()
    return new Promise((wake) => {
      this.#sleepers.push({ atMs, wake })
      signal?.addEventListener('abort', () => wake())
    })
  }

  /** Lets time pass until `work` is done. */
  async run<T>(work: Promise<T>): Promise<T> {
    let ended = false
    const end = () => (ended = true)
    work.then(end, end)
    for (;;) {
      await turn() // all that can go on without time does
      if (ended) return work
      const next = this.#sleepers.toSorted((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) throw new Error('everybody waits, and nobody for time')
      this.#sleepers.splice(this.#sleepers.indexOf(next), 1)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.wake()
    }
  }
}
