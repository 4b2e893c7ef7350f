import { expect, it } from 'vitest'
import { Samples } from '../samples.ts'
import { BATCHES, LANES, LAYOUTS, modelOutcomes, PREFILLS } from './outcomes.ts'

/** Ids that people compare runs by. */
const CONTRACT = [
  'model.spread_over_packed',
  'model.rtt2.lanes4_over_lanes1',
  'model.batch16_over_batch1',
  'model.outside_kernels.one_host',
  'model.outside_kernels.deployed',
  'model.decode1.one_host',
  'model.decode16.deployed',
  'model.prefill512.one_host',
]
const PARTS = [
  'wall',
  'engineKernels',
  'hostKernels',
  'outsideKernels',
  'rpc',
  'hostScript',
  'engineScript',
  'replayedMatrices',
  'replayedAttention',
  'replayedOthers',
]

function twoRounds(): Samples {
  const samples = new Samples()
  for (const round of [1, 2]) {
    samples.add('read', 40)
    for (const batch of BATCHES) for (const name of [...LAYOUTS, 'spread']) samples.add(`decode${batch}.${name}`, 100 * batch * round)
    for (const tokens of PREFILLS) for (const layout of LAYOUTS) samples.add(`prefill${tokens}.${layout}`, 300)
    for (const layout of LAYOUTS) for (const part of PARTS) samples.add(`${part}.${layout}`, part === 'outsideKernels' ? 25 * round : 100)
    for (const lanes of LANES) samples.add(`lanes${lanes}`, 10 * lanes)
  }
  return samples
}

it('has every row of the contract, each id once', () => {
  const ids = modelOutcomes(twoRounds(), { stepBytes: 4e8, hosts: 6 }).map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids).toEqual(expect.arrayContaining(CONTRACT))
})

it('takes ratios round by round, and says what is missing', () => {
  const outcomes = new Map(modelOutcomes(twoRounds(), { stepBytes: 4e8, hosts: 6 }).map((outcome) => [outcome.id, outcome]))
  expect(outcomes.get('model.batch16_over_batch1')).toMatchObject({ samples: [16, 16] })
  expect(outcomes.get('model.outside_kernels.one_host')).toMatchObject({ samples: [0.25, 0.5] })
  expect(outcomes.get('model.limit_over_measured.one_host')).toMatchObject({ samples: [1, 0.5] }) // 40 GB/s ÷ 0.4 GB = 100 tokens/s
  expect(outcomes.get('model.rtt2.lanes4_over_lanes1')).toMatchObject({ samples: [4, 4] })
  const idle = 'model.step.idle.one_host'
  expect(outcomes.get(idle)).toEqual({ id: idle, missing: 'this system does not say how long a process ran' })
})
