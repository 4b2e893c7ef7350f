import { expect, it } from 'vitest'
import { RATIO } from '../figures.ts'
import { Samples } from '../samples.ts'
import { OWN, PEERS, peersOutcomes, PREFILLED } from './outcomes.ts'

const CONTRACT = [
  'peers.decode1.q4_over_llamacpp',
  'peers.decode1.q8_over_llamacpp',
  'peers.decode1.q4_deployed_over_llamacpp',
  'peers.prefill512.q4_over_llamacpp',
  'peers.decode1.q4_over_wllama',
]

it('has every row of the contract; a peer that is absent takes its rows along, with the reason, and no others', () => {
  const samples = new Samples()
  for (const name of OWN) samples.add(`decode1.${name}`, 120)
  for (const name of PEERS.filter((peer) => peer !== 'wllama_q4')) samples.add(`decode1.${name}`, 80)
  for (const name of PREFILLED) samples.add(`prefill512.${name}`, 300)
  const outcomes = peersOutcomes(samples, { llamacpp_q4: null, llamacpp_q8: null, wllama_q4: 'no Chromium here' })
  const ids = outcomes.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids).toEqual(expect.arrayContaining(CONTRACT))
  expect(outcomes.find(({ id }) => id === CONTRACT[0])).toMatchObject({ unit: RATIO, samples: [1.5] })
  expect(outcomes.filter((outcome) => 'missing' in outcome)).toEqual([
    { id: 'peers.decode1.q4_over_wllama', missing: 'no Chromium here' },
    { id: 'peers.decode1.wllama_q4', missing: 'no Chromium here' },
  ])
})
