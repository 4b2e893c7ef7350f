import { expect, it } from 'vitest'
import type { EngineReport } from '../../shared/protocol/autoscaler-api.ts'
import { err, ok } from '../../shared/protocol/result.ts'
import { createAutoscalerLink } from './autoscaler-link.ts'

const table = (epoch: number) => ({ epoch, hosts: [], base: [], layers: [] })
const REPORT = { number: 1 } as EngineReport

/** An autoscaler that can be away, or forget who joined. */
function linkTo(servable: (epoch: number) => boolean = () => true) {
  const far = { away: false, silent: false, joined: false, epoch: 1, joins: 0, callPairs: null as number | null }
  const adopted: number[] = []
  const told: (number | null)[] = []
  const faults: unknown[] = []
  const autoscaler = () => ({
    async join() {
      if (far.away) throw new Error('the network is gone')
      far.joined = true
      far.joins++
      return ok({ placement: table(far.epoch), windowMs: 2000, callPairs: far.callPairs })
    },
    async report() {
      if (far.away) throw new Error('the network is gone')
      return ok({ placement: null, windowMs: 3000, callPairs: far.callPairs, rejoin: !far.joined })
    },
  })
  const control = { adopt: async () => undefined, drained: async () => undefined }
  const link = createAutoscalerLink({
    engine: 'engine',
    isolateId: 'i',
    control,
    autoscaler,
    within: async (call) => (far.silent ? err('late') : ok(await call)),
    adopt({ epoch }) {
      if (!servable(epoch)) throw new Error(`table ${epoch} names a host without a binding`)
      adopted.push(epoch)
    },
    setCallPairs: (pairs) => void told.push(pairs),
    onFault: (error) => void faults.push(error),
  })
  return { link, far, adopted, told, faults }
}

it('[EL8] while the autoscaler is away reports do not arrive and nothing throws; when it is back the engine joins again and takes its table', async () => {
  const { link, far, adopted, faults } = linkTo()
  expect(await link.join()).toMatchObject({ ok: true, value: { placement: { epoch: 1 } } })
  expect(await link.push(REPORT)).toBe(3000)
  far.away = true
  expect(await link.push(REPORT)).toBe(null)
  expect(await link.push(REPORT)).toBe(null)
  expect(await link.join()).toMatchObject({ ok: false, error: { code: 'host-unavailable', retryable: true, details: { host: 'autoscaler' } } })
  expect(faults).toHaveLength(2)
  far.away = false
  far.silent = true
  expect(await link.push(REPORT)).toBe(null)
  far.silent = false
  far.epoch = 4
  expect(await link.push(REPORT)).toBe(3000)
  expect(adopted).toEqual([4])
})

it('[EL8] an autoscaler that was reset is joined again', async () => {
  const { link, far, adopted } = linkTo()
  await link.join()
  far.joined = false
  far.epoch = 2
  await link.push(REPORT)
  expect(far).toMatchObject({ joins: 2, joined: true })
  expect(adopted).toEqual([2])
})

it('[EL8] a table that this engine cannot serve is a fault that is told, and its report is sent again; nothing throws', async () => {
  const { link, far, adopted, faults } = linkTo((epoch) => epoch !== 2)
  await link.join()
  Object.assign(far, { joined: false, epoch: 2 })
  expect(await link.push(REPORT)).toBe(null)
  expect(await link.push(REPORT)).toBe(null)
  expect(faults.map(String)).toEqual(Array(2).fill('Error: table 2 names a host without a binding'))
  far.epoch = 3
  expect(await link.push(REPORT)).toBe(3000)
  expect(adopted).toEqual([3])
})

it('[EL2] what a call costs comes with every answer', async () => {
  const { link, far, told } = linkTo()
  await link.join()
  far.callPairs = 4
  await link.push(REPORT)
  expect(told).toEqual([null, 4])
})
