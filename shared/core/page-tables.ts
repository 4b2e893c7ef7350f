import { createKvPages } from './kv-pages.ts'
import { createPrefixTree } from './prefix-tree.ts'
import type { PageHash, PrefixNode } from './prefix-tree.ts'
import { KV_PAGE_POSITIONS } from './records.ts'

/** The KV pages of one sequence. */
export interface PageTable {
  /** The page of each KV_PAGE_POSITIONS positions, in order of position. */
  readonly pages: number[]
  /** The published ones, from the first page on; the pages behind them belong to this sequence alone. */
  readonly nodes: PrefixNode[]
  /** Entries from here on changed since the table was last written to where the kernels read it. */
  dirtyFrom: number
}

export interface PageTableOptions {
  /** Whether equal prefixes share pages, also after the sequence that computed them has gone. */
  readonly prefixCache: boolean
  readonly hash?: PageHash
}

/** Pages that `positions` take. */
export function pagesFor(positions: number): number {
  return Math.ceil(positions / KV_PAGE_POSITIONS)
}

/**
 * Gives pages to sequences as they grow and lets equal prefixes share them. A page is free, or one sequence's own, or published: read by any
 * number of sequences, kept when the last has gone, and taken again when no free page is left. SPEC SC2, SC9.
 */
export function createPageTables(total: number, options: PageTableOptions) {
  const free = createKvPages(total)
  const tree = createPrefixTree(options.hash)

  function open(): PageTable {
    return { pages: [], nodes: [], dirtyFrom: 0 }
  }

  /** Makes room for `positions`. False where the pages do not suffice: then the table is as it was. */
  function grow(table: PageTable, positions: number): boolean {
    const count = pagesFor(positions) - table.pages.length
    if (count > free.free + tree.idle) return false
    while (free.free < count) free.release([tree.evict()!])
    if (count > 0) table.pages.push(...free.take(count)!)
    return true
  }

  /**
   * Takes over published pages of `tokens` behind those that the table has published, as long as they end at or before position `end`.
   * What the table had for itself is given back then: nothing may be in it.
   * @returns the positions that need not be computed.
   */
  function reuse(table: PageTable, tokens: readonly number[], end: number): number {
    for (let next = findNext(table, tokens, end); next; next = findNext(table, tokens, end)) {
      const index = table.nodes.length
      tree.hold(next)
      free.release(table.pages.splice(index))
      table.pages.push(next.page)
      table.nodes.push(next)
      table.dirtyFrom = Math.min(table.dirtyFrom, index)
    }
    return table.nodes.length * KV_PAGE_POSITIONS
  }

  /** Publishes the pages that `length` positions fill. Where another was first with the same page, its copy serves both: the bits are the same (NU2). */
  function publish(table: PageTable, tokens: readonly number[], length: number): void {
    if (!options.prefixCache) return
    for (let index = table.nodes.length; (index + 1) * KV_PAGE_POSITIONS <= length; index++) {
      const parent = table.nodes.at(-1) ?? null
      const from = index * KV_PAGE_POSITIONS
      const own = table.pages[index]!
      const first = tree.find(parent, tokens, from)
      if (first) {
        tree.hold(first)
        table.pages[index] = first.page
        table.dirtyFrom = Math.min(table.dirtyFrom, index)
        free.release([own])
      }
      table.nodes.push(first ?? tree.insert(parent, tokens, from, own))
    }
  }

  /** Gives all pages back; the table is empty. Published ones stay, the last of them being the first to be forgotten. */
  function release(table: PageTable): void {
    free.release(table.pages.splice(table.nodes.length))
    for (const node of table.nodes.toReversed()) tree.letGo(node)
    table.pages.length = 0
    table.nodes.length = 0
    table.dirtyFrom = 0
  }

  /** Pages that a new sequence of these tokens would take from the available ones; it may read published pages up to position `end`. */
  function cost(tokens: readonly number[], end: number): number {
    const probe = open()
    let held = 0
    for (let next = findNext(probe, tokens, end); next; next = findNext(probe, tokens, end)) {
      probe.nodes.push(next)
      if (next.refs > 0) held++
    }
    return pagesFor(tokens.length) - held
  }

  /** Names the page that the table would publish next, if its tokens are known: equal tokens give equal names. Null without a prefix cache. */
  function nextPage(table: PageTable, tokens: readonly number[]): number | null {
    const from = table.nodes.length * KV_PAGE_POSITIONS
    if (!options.prefixCache || from + KV_PAGE_POSITIONS > tokens.length) return null
    return tree.hash(table.nodes.at(-1)?.hash ?? 0, tokens, from)
  }

  function findNext({ nodes }: PageTable, tokens: readonly number[], end: number): PrefixNode | null {
    const from = nodes.length * KV_PAGE_POSITIONS
    return from + KV_PAGE_POSITIONS <= end ? tree.find(nodes.at(-1) ?? null, tokens, from) : null
  }

  return {
    total,
    open,
    grow,
    reuse,
    publish,
    release,
    cost,
    nextPage,
    /** After a fault: what was published may be spoiled, and nobody is given it any more. */
    forget: tree.forget,
    /** Pages that can be had at once: free ones, and cached ones that nobody holds. */
    get available() {
      return free.free + tree.idle
    },
    /** Pages that sequences hold. */
    get held() {
      return total - free.free - tree.idle
    },
    /** Published pages that nobody holds. */
    get cached() {
      return tree.idle
    },
  }
}

export type PageTables = ReturnType<typeof createPageTables>
