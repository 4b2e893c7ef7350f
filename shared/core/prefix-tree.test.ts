import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createPrefixTree, hashPage } from './prefix-tree.ts'
import type { PrefixNode } from './prefix-tree.ts'

const page = (id: number) => Array<number>(16).fill(id)

it('[SC9] finds a page below its parent only, token for token, also when all hashes collide', () => {
  for (const hash of [hashPage, () => 0]) {
    const tree = createPrefixTree(hash)
    const a = tree.insert(null, page(1), 0, 10)
    const b = tree.insert(a, [...page(1), ...page(2)], 16, 11)
    expect(tree.find(null, page(1), 0)).toBe(a)
    expect(tree.find(a, [...page(1), ...page(2)], 16)).toBe(b)
    expect(tree.find(null, page(2), 0)).toBeNull()
    expect(tree.find(b, [...page(1), ...page(2), ...page(1)], 32)).toBeNull()
    expect(tree.find(null, [...page(1).slice(1), 2], 0)).toBeNull()
  }
})

it('[SC9] the hash tells prefixes apart: no two of a hundred thousand neighbouring pages alike by more than chance', () => {
  const seen = new Set<number>()
  for (let i = 0; i < 100_000; i++)
    seen.add(
      hashPage(
        0,
        Array.from({ length: 16 }, (_, k) => (k === i % 16 ? i : 7)),
        0,
      ),
    )
  expect(seen.size).toBeGreaterThan(99_900) // by chance about one pair of 100,000 in 2^32
})

it('[SC9] evicts what was unused for longest, leaves first, and never what is held', () => {
  const tree = createPrefixTree()
  const long = [...page(1), ...page(2), ...page(3)]
  const a = tree.insert(null, long, 0, 0)
  const b = tree.insert(a, long, 16, 1)
  const c = tree.insert(b, long, 32, 2)
  const other = tree.insert(null, page(9), 0, 3)
  for (const node of [c, b, a]) tree.letGo(node)
  tree.letGo(other)
  for (const node of [a, b]) tree.hold(node) // used again: only its end is old
  expect(tree.evict()).toBe(2)
  for (const node of [b, a]) tree.letGo(node)
  expect([tree.evict(), tree.evict(), tree.evict(), tree.evict()]).toEqual([3, 1, 0, null])
  expect(tree.find(null, long, 0)).toBeNull()
})

it('[SC9] letting go what nobody holds is a fault', () => {
  const tree = createPrefixTree()
  const node = tree.insert(null, page(1), 0, 0)
  tree.letGo(node)
  expect(() => tree.letGo(node)).toThrow(/nobody/)
})

it('[SC9] behaves as a map from prefixes to pages', () => {
  const arbPath = fc.array(fc.nat(2), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(fc.array(fc.record({ path: arbPath, evict: fc.nat(3) }), { maxLength: 40 }), fc.boolean(), (moves, collide) => {
      const tree = collide ? createPrefixTree(() => 5) : createPrefixTree()
      const model = new Map<string, number>()
      let nextPage = 0
      for (const { path, evict } of moves) {
        const tokens = path.flatMap(page)
        const held: PrefixNode[] = []
        for (let depth = 0; depth < path.length; depth++) {
          const key = path.slice(0, depth + 1).join()
          const parent = held.at(-1) ?? null
          const found = tree.find(parent, tokens, depth * 16)
          expect(found?.page).toBe(model.get(key))
          if (found) tree.hold(found)
          else model.set(key, nextPage)
          held.push(found ?? tree.insert(parent, tokens, depth * 16, nextPage++))
        }
        for (const node of held.toReversed()) tree.letGo(node)
        for (let i = 0; i < evict; i++) {
          const evicted = tree.evict()
          const key = [...model].find(([, p]) => p === evicted)?.[0]
          if (evicted === null) expect(model.size).toBe(0)
          else {
            expect([...model.keys()].some((other) => other.startsWith(`${key},`))).toBe(false) // a leaf
            model.delete(key!)
          }
        }
        expect(tree.idle).toBe(model.size)
      }
    }),
  )
})

it('[FA3] what is forgotten is found by nobody, and its pages come back', () => {
  const tree = createPrefixTree()
  const tokens = Array.from({ length: 32 }, (_, i) => i)
  const first = tree.insert(null, tokens, 0, 7)
  const second = tree.insert(first, tokens, 16, 8)
  tree.forget()
  expect(tree.find(null, tokens, 0)).toBe(null)
  tree.letGo(second)
  tree.letGo(first)
  expect([tree.evict(), tree.evict(), tree.evict()]).toEqual([8, 7, null])
})
