const WINDOW_MS = 60_000
const FIRST_MS = 100
const MAX_MS = 5000

/**
 * How long a lost process stays down before it is started again: one that is killed now and then comes back at once, one that dies
 * whenever it starts does not take the machine. Doubles with each loss of the last minute, up to 5 s.
 * @param losses when it was lost, ascending, this time included.
 */
export function restartDelayMs(losses: readonly number[], nowMs: number): number {
  const recent = losses.filter((atMs) => nowMs - atMs < WINDOW_MS).length
  return recent <= 1 ? 0 : Math.min(MAX_MS, FIRST_MS * 2 ** (recent - 2))
}
