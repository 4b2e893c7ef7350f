import { planBasePlacement } from './base-placement.ts'

/** The fewest hosts for which the planner finds a place for every expert, packed; an expert is never split. Null where one is larger than an arena. */
export function hostsNeeded(bytes: readonly (readonly number[])[], arenaBytes: number): number | null {
  const all = bytes.flat()
  if (all.some((expert) => expert > arenaBytes)) return null
  let count = Math.max(1, Math.ceil(all.reduce((sum, n) => sum + n, 0) / arenaBytes))
  while (!fits(bytes, count, arenaBytes)) count++ // ends at one expert a host, at the latest
  return count
}

function fits(bytes: readonly (readonly number[])[], count: number, arenaBytes: number): boolean {
  const hosts = Array.from({ length: count }, (_, index) => ({ host: String(index), arenaBytes }))
  return planBasePlacement(bytes, hosts, 'packed', 0).ok
}
