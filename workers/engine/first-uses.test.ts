import { expect, it } from 'vitest'
import { createFirstUses } from './first-uses.ts'

const table = (...experts: number[]) => Uint32Array.from(experts.flatMap((expert) => [expert, 1]))

it('[EL1] a call is a first use until its host has answered for all that it names, and again after a fault', () => {
  const uses = createFirstUses([4, 0, 4])
  expect(uses.begin('a', 2, table(0, 3))).toBe(true)
  expect(uses.begin('a', 2, table(3))).toBe(true) // not answered yet
  uses.ended('a', 2, table(0, 3), true)
  uses.ended('a', 2, table(3), false)
  expect(uses.begin('a', 2, table(3, 0))).toBe(false)
  expect(uses.begin('a', 0, table(3))).toBe(true) // the same number in another layer
  uses.ended('a', 0, table(3), true)
  expect(uses.begin('b', 2, table(3))).toBe(true)
  uses.ended('b', 2, table(3), true)
  uses.failed('a')
  expect(uses.begin('a', 2, table(3))).toBe(true)
  uses.ended('a', 2, table(3), true)
  expect(uses.begin('b', 2, table(3))).toBe(false)
})

it('[EL1] a step is steady where no first use, fault or hedge was under way', () => {
  const uses = createFirstUses([4])
  const began = uses.mark()
  expect(began).not.toBeNull()
  uses.begin('a', 0, table(1))
  expect(uses.mark()).toBeNull()
  uses.ended('a', 0, table(1), true)
  const after = uses.mark()
  expect(after).not.toBe(began)
  uses.begin('a', 0, table(1))
  expect(uses.mark()).toBe(after)
  uses.disturbed()
  expect(uses.mark()).not.toBe(after)
  const hedged = uses.mark()
  uses.failed('a')
  expect(uses.mark()).not.toBe(hedged)
})
