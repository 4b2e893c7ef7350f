import { expect, it } from 'vitest'
import { afterMoves, busiestPairs, busiestPairsEvenly, copyWholeHosts } from './whole-host.ts'

const PLACEMENT = {
  epoch: 1,
  hosts: ['a', 'b', 'c', 'd'],
  base: [[0, 0, 1, 1]],
  layers: [[[0], [0, 1], [1], [1]]],
}
const LOAD = [[10, 4, 2, 2]]

it('copies the busiest host whole to an idle one, and no more than it takes', () => {
  expect(busiestPairs(PLACEMENT, LOAD)).toBe(10)
  expect(copyWholeHosts(PLACEMENT, LOAD, 6)).toEqual([
    { layer: 0, expert: 0, hosts: ['a', 'c'] },
    { layer: 0, expert: 1, hosts: ['a', 'b', 'c'] },
  ])
  expect(copyWholeHosts(PLACEMENT, LOAD, 0).map(({ expert, hosts }) => [expert, hosts])).toEqual([
    [0, ['a', 'c']],
    [1, ['a', 'b', 'c', 'd']],
    [2, ['b', 'd']],
    [3, ['b', 'd']],
  ])
  expect(copyWholeHosts(PLACEMENT, LOAD, 10)).toEqual([])
})

it('an even split is never better than the bound', () => {
  const moved = afterMoves(PLACEMENT, [
    { kind: 'load', layer: 0, expert: 0, host: 'c', bytes: 1 },
    { kind: 'drop', layer: 0, expert: 1, host: 'b', bytes: 1 },
  ])
  expect(moved.layers).toEqual([[[0, 2], [0], [1], [1]]])
  expect(busiestPairs(moved, LOAD)).toBe(7)
  expect(busiestPairsEvenly(moved, LOAD)).toBe(9)
})
