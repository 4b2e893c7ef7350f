/** Times between departures that the pace is taken from: enough to even out one long answer. */
const REMEMBERED = 32
const SECONDS_MAX = 60

/** How fast sequences finish, to tell a client that is refused when to come again. */
export function createDepartures(nowMs: () => number) {
  const gapsMs: number[] = []
  /** The last departure; null before the first and while nothing has finished since the engine was idle: such time says nothing of the pace. */
  let lastMs: number | null = null

  /** A sequence has finished. Not for cancelled or failed ones: they leave faster than answers are made. */
  function note(): void {
    const now = nowMs()
    if (lastMs !== null) gapsMs.push(now - lastMs)
    if (gapsMs.length > REMEMBERED) gapsMs.shift()
    lastMs = now
  }

  /** Nothing runs and nothing waits. The pace stays known, the time until the next departure is not part of it. */
  function idle(): void {
    lastMs = null
  }

  /** Whole seconds, 1 to 60, until `count` more will have finished at the pace of the last ones; 1 where nothing finished yet. */
  function secondsFor(count: number): number {
    const gaps = lastMs === null ? gapsMs : [...gapsMs, nowMs() - lastMs]
    if (gaps.length === 0) return 1
    const eachMs = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
    return Math.min(SECONDS_MAX, Math.max(1, Math.ceil((count * eachMs) / 1000)))
  }

  return { note, idle, secondsFor }
}
