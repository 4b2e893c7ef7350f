import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createKvPages } from './kv-pages.ts'

it('[SC2] a page belongs to one sequence at a time, and none is lost', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.array(fc.tuple(fc.boolean(), fc.nat(8))), (total, moves) => {
      const pages = createKvPages(total)
      const held: number[][] = []
      for (const [take, n] of moves) {
        const taken = take ? pages.take(n) : null
        if (taken) held.push(taken)
        else if (!take && held.length > 0) pages.release(held.splice(n % held.length, 1)[0]!)
        const all = held.flat()
        expect(new Set(all).size).toBe(all.length)
        expect(all.every((page) => page >= 0 && page < total)).toBe(true)
        expect(pages.free).toBe(total - all.length)
      }
    }),
  )
})

it('[SC2] gives all pages asked for or none', () => {
  const pages = createKvPages(3)
  expect(pages.take(4)).toBeNull()
  expect(pages.free).toBe(3)
})

it('[SC4] releasing a page twice is a fault', () => {
  const pages = createKvPages(2)
  const taken = pages.take(1)!
  pages.release(taken)
  expect(() => pages.release(taken)).toThrow(/not taken/)
})
