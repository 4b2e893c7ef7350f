import { describe, expect, it } from 'vitest'
import { POLICY_DEFAULT } from '../../shared/placement/policy.ts'
import { demoTraffic } from '../../test/fixtures/routing/demo-traffic.ts'
import type { TrafficWindow } from '../../test/fixtures/routing/demo-traffic.ts'

/** Two minutes of windows, three runs: what is asked of the default policy on the demo model. docs/design/planner.md has the figures. */
const SEEDS = [1, 2, 3]
const COMMON = { policy: POLICY_DEFAULT, seconds: 120, requestsPerS: 1 }
const steady = () => 'story' as const
const shift = (share: number, draw: number) => (share < 0.5 || draw < 0.1 ? 'story' : 'german')
const HALF = 30

const runs = (domain: (share: number, draw: number) => 'story' | 'german', policy = POLICY_DEFAULT) =>
  SEEDS.map((seed) => demoTraffic({ ...COMMON, policy, seed, domain }))
const mean = (numbers: readonly number[]) => numbers.reduce((sum, n) => sum + n, 0) / numbers.length
const movesOf = ({ loads, drops }: TrafficWindow) => loads.length + drops
const stepMs = (windows: readonly TrafficWindow[]) => mean(windows.flatMap((window) => window.stepMs ?? []))

describe('[EL13] the default policy on traffic of the demo model', () => {
  it('is calm under a steady mix: few copies, and hardly a move after ten windows', () => {
    for (const windows of runs(steady)) {
      expect(windows.at(-1)!.copies).toBeLessThanOrEqual(48) // half as many as experts
      expect(mean(windows.slice(10).map(movesOf))).toBeLessThanOrEqual(1)
    }
  })

  it('follows a shift within a few windows, moving few experts', () => {
    const without = runs(shift, { ...POLICY_DEFAULT, enabled: false })
    for (const [run, windows] of runs(shift).entries()) {
      const after = windows.slice(HALF, HALF + 10)
      expect(new Set(after.flatMap(({ loads }) => loads)).size).toBeLessThanOrEqual(24) // a quarter of all
      expect(after.slice(0, 5).some(({ loads }) => loads.length > 0)).toBe(true)
      expect(stepMs(windows.slice(HALF + 5))).toBeLessThan(2 * stepMs(windows.slice(HALF - 10, HALF)))
      expect(stepMs(windows.slice(HALF + 5))).toBeLessThan(stepMs(without[run]!.slice(HALF + 5)) / 4)
    }
  })

  it('drops all copies a stay after the traffic ended, and not in a pause before', () => {
    for (const seed of SEEDS) {
      const windows = demoTraffic({ ...COMMON, seed, domain: steady, until: 0.5 })
      const last = windows.findLastIndex((window) => window.stepMs !== null)
      const gone = windows.findIndex(({ copies }, at) => at > last && copies === 0)
      expect(windows[last]!.copies).toBeGreaterThan(0)
      expect((gone - last) * POLICY_DEFAULT.windowMs).toBeGreaterThanOrEqual(10_000)
      expect((gone - last) * POLICY_DEFAULT.windowMs).toBeLessThanOrEqual(POLICY_DEFAULT.stayMs + POLICY_DEFAULT.windowMs)
    }
  })
})
