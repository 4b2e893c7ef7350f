import { expect, it } from 'vitest'
import { placementFault } from './placement-check.ts'

const GOOD = { epoch: 2, hosts: ['a', 'b'], base: [[0, 1], []], layers: [[[0], [0, 1]], []] }
const faultOf = (change: object) => placementFault({ ...GOOD, ...change }, [2, 0], (host) => host !== 'z')

it('[EL3] a table that steps cannot run on is refused, and why', () => {
  expect(faultOf({})).toBe(null)
  expect(faultOf({ epoch: 2 ** 32 })).toContain('epoch')
  expect(faultOf({ hosts: ['a', 'z'] })).toBe('the engine has no host z')
  expect(faultOf({ hosts: Array.from({ length: 481 }, (_, i) => `h${i}`) })).toBe('it has 481 hosts, more than 480')
  expect(faultOf({ layers: [[[0], [0, 1]]] })).toBe('it has 1 layers of 2')
  expect(faultOf({ layers: [[[0]], []] })).toBe('layer 0 has 1 experts of 2')
  expect(faultOf({ layers: [[[0], []], []] })).toBe('expert 0/1 is nowhere')
  for (const replicas of [[2], [-1], [1, 0], [1, 1], [0.5]]) expect(faultOf({ layers: [[[0], replicas], []] })).toContain('expert 0/1 is on')
})
