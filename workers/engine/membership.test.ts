import { expect, it } from 'vitest'
import { ZERO_COUNTS } from '../../shared/protocol/engine-api.ts'
import type { ModelInfo } from '../../shared/protocol/engine-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { NO_REQUEST_WORK } from '../../shared/protocol/request-work.ts'
import { ok } from '../../shared/protocol/result.ts'
import { createExpertHosts } from './expert-hosts.ts'
import { createMembership } from './membership.ts'

const PLACEMENT = { epoch: 1, hosts: ['expert-00'], base: [[0]], layers: [[[0]]] }

/** A member whose work is reported when `pass` is called; the autoscaler answers `told` to each. */
async function member(ownCallPairs: boolean) {
  const far = { told: null as number | null }
  const wakes: (() => void)[] = []
  const clock = { nowMs: () => 0, wait: () => new Promise<void>((wake) => void wakes.push(wake)) }
  const membership = createMembership({
    engine: 'engine-0',
    isolateId: 'i',
    nextNumber: () => 1,
    table: { read: () => null, write: () => undefined },
    autoscaler: () => ({
      join: async () => ok({ placement: PLACEMENT, windowMs: 2000, callPairs: null }),
      report: async () => ok({ placement: null, windowMs: 2000, callPairs: far.told, rejoin: false }),
    }),
    control: (face) => face,
    within: async (call) => ok(await call),
    hasHost: () => true,
    ownCallPairs,
    ...clock,
    onFault: (message, error) => expect.fail(`${message}: ${String(error)}`),
  })
  await membership.begin({ digest: 'd', tier: 'q8' } as ModelInfo, [1])
  let callPairs = (): number => expect.fail('no lane has a splitter')
  const newSplit = (now: () => number) => {
    callPairs = now
    return () => undefined
  }
  const hosts = createExpertHosts({
    experts: [1],
    placement: PLACEMENT,
    link: () => expect.fail('nobody is called'),
    callPairs: 6,
    experiments: { adoption: 'live', newSplit },
    ...clock,
    onStep: membership.onStep,
    onFault: membership.onFault,
  })
  hosts.newSplit()
  membership.serve(hosts, { counts: () => ({ ...ZERO_COUNTS, running: 1 }), takeWork: () => NO_REQUEST_WORK }, 2000)
  return async (told: number | null) => {
    far.told = told
    hosts.traffic.step(1, null)
    hosts.end(hosts.begin())
    for (let turns = 0; turns < 20; turns++) {
      wakes.splice(0).forEach((wake) => wake())
      await new Promise(setImmediate)
    }
    return callPairs()
  }
}

it('[EL2] the splitter reckons with what a call was measured to cost, within bounds; what is not known changes nothing', async () => {
  const report = await member(false)
  expect(await report(null)).toBe(6)
  expect(await report(4)).toBe(4)
  expect(await report(null)).toBe(4)
  expect(await report(2.5)).toBe(4)
  expect(await report(-1)).toBe(0)
  expect(await report(1e12)).toBe(LIMITS.framePairsMax)
})

it('[EL2] what the deployment says of a call stands', async () => {
  const report = await member(true)
  expect(await report(4)).toBe(6)
})
