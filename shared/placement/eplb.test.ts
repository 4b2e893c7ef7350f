import { expect, it } from 'vitest'
import golden from '../../test/fixtures/placement/eplb.json' with { type: 'json' }
import { eplb } from './eplb.ts'

it.each(golden.cases)('[SI1] the reference plan of $name, slot by slot', (expected) => {
  const shape = { replicas: expected.num_replicas, groups: expected.num_groups, nodes: expected.num_nodes, gpus: expected.num_gpus }
  const plan = eplb(expected.weights, shape)
  expect(plan.physicalToLogical).toEqual(expected.physical_to_logical)
  expect(plan.logicalToPhysical).toEqual(expected.logical_to_physical)
  expect(plan.logicalCount).toEqual(expected.logical_count)
})

it('[SI1] a shape that does not divide is refused', () => {
  expect(() => eplb([[1, 2, 3]], { replicas: 4, groups: 1, nodes: 1, gpus: 3 })).toThrow(/3 experts .* 4 replicas on 3 GPUs/)
})
