import type { CallTimes } from '../../shared/protocol/probe-api.ts'

/** Makes `count` calls one after the other and says how long each took, on the caller's clock. The first tenth is not counted: it opens connections. */
export async function timeCalls(count: number, call: () => Promise<unknown>, nowMs: () => number): Promise<CallTimes> {
  for (let i = 0; i < Math.ceil(count / 10); i++) await call()
  const times: number[] = []
  const first = nowMs()
  for (let i = 0; i < count; i++) {
    const begin = nowMs()
    await call()
    times.push(nowMs() - begin)
  }
  return { calls: count, meanMs: (nowMs() - first) / count, p50Ms: percentile(times, 0.5), p90Ms: percentile(times, 0.9) }
}

/** The smallest value that at least `share` of all do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

/** How often each name comes, most first: objects by their isolate. */
export function histogram(names: readonly string[]): number[] {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return Array.from(counts.values()).toSorted((a, b) => b - a)
}

/** Runs jobs 0 … count - 1, at most `inFlight` at a time. */
export async function inTurns(count: number, inFlight: number, job: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await job(next++)
  }
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, worker))
}
