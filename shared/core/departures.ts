/** Times between departures that the pace is taken from: enough to even out one long answer. */
const REMEMBERED = 32
const SECONDS_MAX = 60

/** How fast sequences finish, to tell a client that is refused when to come again. */
export function createDepartures(nowMs: () => number) {
  const gapsMs: number[] = []
  /** When the engine last finished a sequence, or got something to do; null before that. */
  let lastMs: number | null = null

  /** An engine that had nothing to do gets a sequence: the time until now says nothing of its pace. */
  function begin(): void {
    lastMs = nowMs()
  }

  /** A sequence has finished. Not for cancelled or failed ones: they leave faster than answers are made. */
  function note(): void {
    const now = nowMs()
    if (lastMs !== null) gapsMs.push(now - lastMs)
    if (gapsMs.length > REMEMBERED) gapsMs.shift()
    lastMs = now
  }

  /** Whole seconds, 1 to 60, until `count` more will have finished at the pace of the last ones; 1 where that is not known yet. */
  function secondsFor(count: number): number {
    if (lastMs === null || gapsMs.length === 0) return 1
    const worked = gapsMs.reduce((sum, gap) => sum + gap, 0)
    const eachMs = Math.max(worked / gapsMs.length, (worked + nowMs() - lastMs) / (gapsMs.length + 1)) // nothing for long: it has become slower
    return Math.min(SECONDS_MAX, Math.max(1, Math.ceil((count * eachMs) / 1000)))
  }

  return { begin, note, secondsFor }
}
