import { expect, it } from 'vitest'
import { candidatesOf, nameOf, probabilityOf, shadeOf } from './probability.ts'

it('[LP3] shades go from certain to surprising, and nothing is without one', () => {
  expect([1, 0.9, 0.89, 0.6, 0.3, 0.1, 0.09, 0].map(shadeOf)).toEqual([0, 0, 1, 1, 2, 3, 4, 4])
})

it('[LP3] a piece of several tokens is as probable as all of them, one of none has no probability', () => {
  const token = { token: 'x', logprob: Math.log(0.5), bytes: null, top: [] }
  expect(probabilityOf({ text: 'xx', tokens: [token, token] })).toBeCloseTo(0.25)
  expect(probabilityOf({ text: 'xx', tokens: [] })).toBeNull()
})

it('[LP3] candidates are the alternatives with the chosen one marked, and it is added where it is not among them', () => {
  const top = [
    { token: ' a', logprob: Math.log(0.6) },
    { token: 'b\n', logprob: Math.log(0.3) },
  ]
  expect(candidatesOf({ token: 'b\n', logprob: Math.log(0.3), bytes: null, top }).map(({ name, share, chosen }) => [name, share, chosen])).toEqual([
    ['·a', '60.0 %', false],
    ['b⏎', '30.0 %', true],
  ])
  expect(candidatesOf({ token: 'c', logprob: Math.log(0.00001), bytes: null, top }).at(-1)).toMatchObject({ name: 'c', share: '< 0.01 %', chosen: true })
  expect(nameOf('')).toBe('(no text)')
})
