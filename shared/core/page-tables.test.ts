import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createPageTables, pagesFor } from './page-tables.ts'
import type { PageTable } from './page-tables.ts'

const TOTAL = 12

/** One sequence as the engine would drive it: admit with reuse, compute, publish what was computed, release. */
interface User {
  readonly table: PageTable
  readonly tokens: number[]
  length: number
}

const arbMove = fc.oneof(
  fc.record({ kind: fc.constant('begin' as const), blocks: fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: 1, maxLength: 5 }), tail: fc.nat(15) }),
  fc.record({ kind: fc.constant('compute' as const), who: fc.nat(9), tokens: fc.integer({ min: 1, max: 40 }), fails: fc.boolean() }),
  fc.record({ kind: fc.constant('end' as const), who: fc.nat(9) }),
)

it('[SC9] no page leaks, none is written by two, and what is shared was computed by a step that succeeded with these very tokens', () => {
  let shared = 0
  fc.assert(
    fc.property(fc.array(arbMove, { minLength: 20, maxLength: 60 }), fc.boolean(), (moves, collide) => {
      const tables = createPageTables(TOTAL, { prefixCache: true, ...(collide ? { hash: () => 1 } : {}) })
      /** What is in each page: the prefix up to its end, as the naive truth. Null: being written, or garbage. */
      const content: (string | null)[] = Array(TOTAL).fill(null)
      let users: User[] = []
      for (const move of moves) {
        if (move.kind === 'begin') {
          const tokens = [...move.blocks.flatMap((b) => Array<number>(16).fill(b)), ...Array<number>(move.tail).fill(7)]
          const table = tables.open()
          const before = tables.available
          const cost = tables.cost(tokens, tokens.length - 1)
          const length = tables.reuse(table, tokens, tokens.length - 1)
          expect(length).toBeLessThan(tokens.length)
          expect(cost).toBe(pagesFor(tokens.length) - table.pages.length + (before - tables.available))
          for (const [i, page] of table.pages.entries()) expect(content[page]).toBe(tokens.slice(0, 16 * (i + 1)).join())
          shared += table.pages.length
          users.push({ table, tokens, length })
        } else {
          const user = users[move.who % users.length]
          if (!user) continue
          if (move.kind === 'compute') {
            const end = Math.min(user.tokens.length, user.length + move.tokens)
            if (!tables.grow(user.table, end)) {
              expect(pagesFor(end) - user.table.pages.length).toBeGreaterThan(tables.available)
              continue
            }
            for (const page of new Set(user.table.pages.slice(Math.floor(user.length / 16), pagesFor(end)))) {
              expect(users.filter((other) => other.table.pages.includes(page))).toEqual([user]) // it is this one's alone
              content[page] = null
            }
            if (!move.fails) {
              for (let i = Math.floor(user.length / 16); (i + 1) * 16 <= end; i++) content[user.table.pages[i]!] = user.tokens.slice(0, 16 * (i + 1)).join()
              user.length = end
              tables.publish(user.table, user.tokens, end)
              expect(user.table.nodes.length).toBe(Math.floor(end / 16))
              for (const [i, node] of user.table.nodes.entries()) expect(content[node.page]).toBe(user.tokens.slice(0, 16 * (i + 1)).join())
            }
          }
          if (move.kind === 'end' || (move.kind === 'compute' && move.fails)) {
            tables.release(user.table)
            users = users.filter((other) => other !== user)
          }
        }
        expect(tables.held).toBe(new Set(users.flatMap((user) => user.table.pages)).size)
        expect(tables.held + tables.available).toBe(TOTAL)
      }
      for (const user of users) tables.release(user.table)
      expect(tables).toMatchObject({ held: 0, available: TOTAL })
      const all = tables.open()
      expect(tables.grow(all, TOTAL * 16)).toBe(true) // every page can be had again
      expect(new Set(all.pages).size).toBe(TOTAL)
    }),
    { numRuns: 400 },
  )
  expect(shared).toBeGreaterThan(100)
})

it('[SC9] two that compute the same page keep one, and the loser reads the other copy from then on', () => {
  const tables = createPageTables(4, { prefixCache: true })
  const tokens = Array<number>(20).fill(3)
  const [a, b] = [tables.open(), tables.open()]
  for (const table of [a, b]) tables.grow(table, 20)
  b.dirtyFrom = 2
  tables.publish(a, tokens, 20)
  tables.publish(b, tokens, 20)
  expect(b.pages[0]).toBe(a.pages[0])
  expect(b.dirtyFrom).toBe(0)
  expect(tables).toMatchObject({ held: 3, available: 1 })
})

it('[SC9] pages without content give way to published ones', () => {
  const tables = createPageTables(4, { prefixCache: true })
  const tokens = Array<number>(40).fill(3)
  const [a, b] = [tables.open(), tables.open()]
  tables.grow(b, 1)
  tables.grow(a, 33)
  tables.publish(a, tokens, 33)
  expect(tables.reuse(b, tokens, 39)).toBe(32)
  expect(b.pages).toEqual(a.pages.slice(0, 2))
  expect(tables).toMatchObject({ held: 3, available: 1 })
})

it('[SC9] switched off, nothing is shared and nothing is kept', () => {
  const tables = createPageTables(4, { prefixCache: false })
  const tokens = Array<number>(40).fill(3)
  const [a, b] = [tables.open(), tables.open()]
  tables.grow(a, 33)
  tables.publish(a, tokens, 33)
  expect(tables.reuse(b, tokens, 39)).toBe(0)
  expect(tables.nextPage(b, tokens)).toBeNull()
  tables.release(a)
  expect(tables).toMatchObject({ held: 0, cached: 0, available: 4 })
})
