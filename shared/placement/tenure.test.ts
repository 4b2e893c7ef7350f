import { expect, it } from 'vitest'
import { mayDropAfter, recordTenure } from './tenure.ts'

const hosts = ['a', 'b', 'c']
const one = { epoch: 1, hosts, base: [[0, 1]], layers: [[[0, 2], [1]]] }
const two = {
  epoch: 2,
  hosts,
  base: [[0, 1]],
  layers: [
    [
      [0, 2],
      [0, 1],
    ],
  ],
}

it('[PL11] a copy may go when it has stayed its time, whatever moved since', () => {
  const tenure = recordTenure(recordTenure({}, one, 1000), two, 5000)
  const mayDrop = (nowMs: number) => mayDropAfter(tenure, two, nowMs, 10_000)
  expect(mayDrop(10_999)(0, 0, 2)).toBe(false)
  expect(mayDrop(11_000)(0, 0, 2)).toBe(true)
  expect(mayDrop(11_000)(0, 1, 0)).toBe(false)
  expect(mayDrop(15_000)(0, 1, 0)).toBe(true)
})

it('[PL11] a copy that went and came again begins anew, and only extra copies are kept', () => {
  const gone = recordTenure(recordTenure({}, two, 1000), one, 2000)
  expect(gone).toEqual({ '0/0@c': 1000 })
  expect(recordTenure(gone, two, 3000)).toEqual({ '0/0@c': 1000, '0/1@a': 3000 })
})
