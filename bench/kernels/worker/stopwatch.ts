/** Wall-clock milliseconds; in workerd the clock ticks once a millisecond. */
export type Clock = () => number

const CALIBRATION_TICKS = 5

/**
 * Times work to a few microseconds with a clock that ticks once a millisecond: it begins at a tick, and what is left of the last
 * millisecond is measured by how often the clock can be read until the next one.
 */
export class Stopwatch {
  readonly #now: Clock
  readonly #readsPerTick: number
  #startMs = 0

  constructor(now: Clock) {
    this.#now = now
    this.#untilTick()
    const reads = Array.from({ length: CALIBRATION_TICKS }, () => this.#untilTick().reads)
    this.#readsPerTick = Math.max(...reads) // the tick that least disturbed
  }

  /** Waits for a tick. */
  start(): void {
    this.#startMs = this.#untilTick().ms
  }

  /** Whole milliseconds since the start: enough to know when to end. */
  get elapsedMs(): number {
    return this.#now() - this.#startMs
  }

  /** Milliseconds since the start, with their fraction. Waits for a tick. */
  stop(): number {
    const { ms, reads } = this.#untilTick()
    return ms - this.#startMs - Math.min(1, reads / this.#readsPerTick)
  }

  #untilTick(): { readonly ms: number; readonly reads: number } {
    const before = this.#now()
    for (let reads = 1; ; reads++) {
      const ms = this.#now()
      if (ms !== before) return { ms, reads }
    }
  }
}
