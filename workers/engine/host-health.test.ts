import { expect, it } from 'vitest'
import { AVOID_MS, createHostHealth } from './host-health.ts'

it('[FA7] a host is avoided for two seconds after its last failure; tables are stale only when the set changes', () => {
  let nowMs = 0
  const health = createHostHealth(() => nowMs)
  health.avoid('a')
  const version = health.version()
  nowMs = AVOID_MS - 1
  health.avoid('a')
  health.refresh()
  expect(health.avoids('a')).toBe(true)
  expect(health.version()).toBe(version)
  nowMs = 2 * AVOID_MS - 1
  health.refresh()
  expect(health.avoids('a')).toBe(false)
  expect(health.version()).not.toBe(version)
})
