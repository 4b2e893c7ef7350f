import { expect, it } from 'vitest'
import { createEmulatedNetwork } from './emulated-network.ts'

it('[SC10] an emulated network delays every call by the round trip, calls at the same time side by side, on one timer', async () => {
  let nowMs = 100
  let timers = 0
  const log: string[] = []
  const over = createEmulatedNetwork({
    rttMs: 3,
    nowMs: () => nowMs,
    wait: async () => {
      timers++
      await Promise.resolve() // a timer never fires in the turn that sets it
      nowMs++
    },
  })
  const call = over(async (name: string) => void log.push(`${name} ${nowMs}`))
  await Promise.all([call('a'), call('b'), call('c').then(() => call('d'))])
  expect(log).toEqual(['a 103', 'b 103', 'c 103', 'd 106'])
  expect(timers).toBe(6)
})

it('[SC10] without a delay a call is the call itself', () => {
  const call = async () => undefined
  expect(createEmulatedNetwork({ rttMs: 0, nowMs: () => 0, wait: async () => undefined })(call)).toBe(call)
})
