import { expect, it } from 'vitest'
import { delayCalls } from './emulated-network.ts'

it('[SC10] an emulated network delays every call by the round trip, calls at the same time side by side', async () => {
  const log: string[] = []
  const waits: (() => void)[] = []
  const wait = (ms: number) => {
    log.push(`wait ${ms}`)
    return new Promise<void>((resolve) => waits.push(resolve))
  }
  const call = delayCalls(2, wait, async (name: string) => void log.push(name))
  const both = [call('a'), call('b')]
  expect(log).toEqual(['wait 2', 'wait 2'])
  for (const pass of waits) pass()
  await Promise.all(both)
  expect(log).toEqual(['wait 2', 'wait 2', 'a', 'b'])
})

it('[SC10] without a delay a call is the call itself', () => {
  const call = async () => undefined
  expect(delayCalls(0, async () => undefined, call)).toBe(call)
})
