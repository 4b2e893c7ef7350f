import { createKvPages } from './kv-pages.ts'
import { KV_PAGE_POSITIONS } from './records.ts'

/** The KV pages of one sequence. */
export interface PageTable {
  /** The page of each KV_PAGE_POSITIONS positions, in order of position. */
  readonly pages: number[]
  /** Entries from here on changed since the table was last written to where the kernels read it. */
  dirtyFrom: number
}

/** Pages that `positions` take. */
export function pagesFor(positions: number): number {
  return Math.ceil(positions / KV_PAGE_POSITIONS)
}

/** Gives pages to sequences as they grow. SPEC SC2. */
export function createPageTables(total: number) {
  const free = createKvPages(total)

  function open(): PageTable {
    return { pages: [], dirtyFrom: 0 }
  }

  /** Makes room for `positions`. False where the pages do not suffice: then the table is as it was. */
  function grow(table: PageTable, positions: number): boolean {
    const taken = free.take(Math.max(0, pagesFor(positions) - table.pages.length))
    if (!taken) return false
    table.pages.push(...taken)
    return true
  }

  /** Gives all pages back; the table is empty. */
  function release(table: PageTable): void {
    free.release(table.pages)
    table.pages.length = 0
    table.dirtyFrom = 0
  }

  return {
    total,
    open,
    grow,
    release,
    /** Pages that can be had at once. */
    get available() {
      return free.free
    },
    /** Pages that sequences hold. */
    get held() {
      return total - free.free
    },
  }
}

export type PageTables = ReturnType<typeof createPageTables>
