/** Departures that the pace is taken from: enough to even out one long answer. */
const REMEMBERED = 32
const SECONDS_MAX = 60

/** How fast sequences finish, to tell a client that is refused when to come again. */
export function createDepartures(nowMs: () => number) {
  const times: number[] = []

  function note(): void {
    times.push(nowMs())
    if (times.length > REMEMBERED) times.shift()
  }

  /** Whole seconds, 1 to 60, until `count` more will have finished at the pace of the last ones; 1 where nothing finished yet. */
  function secondsFor(count: number): number {
    const [first] = times
    if (first === undefined) return 1
    const eachMs = (nowMs() - first) / times.length
    return Math.min(SECONDS_MAX, Math.max(1, Math.ceil((count * eachMs) / 1000)))
  }

  return { note, secondsFor }
}
