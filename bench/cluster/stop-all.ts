/** Stops one after the other, the last started first. One that fails skips none of the others; the first failure is thrown when all are done. */
export async function stopAll(stops: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = []
  for (const stop of stops.toReversed()) {
    try {
      await stop()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}

/** Runs `work`, then stops all that it started. Where both fail, the failure of `work` is thrown: the other may follow from it. */
export async function thenStopAll<T>(stops: readonly (() => unknown)[], work: () => Promise<T>): Promise<T> {
  const [done] = await Promise.allSettled([work()])
  const [stopped] = await Promise.allSettled([stopAll(stops)])
  if (done.status === 'rejected') throw done.reason
  if (stopped.status === 'rejected') throw stopped.reason
  return done.value
}
