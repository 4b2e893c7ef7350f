/**
 * Free list of KV pages, lowest id first. Ids are indexes below `total`; a page that is taken has one owner: a sequence, or the prefix tree for
 * all that read it.
 */
export interface KvPages {
  readonly total: number
  readonly free: number
  /** Exactly `count` pages, or null when fewer are free. */
  take(count: number): number[] | null
  /** Gives pages back. Giving back a page that is free is a fault of ours and throws. */
  release(pages: readonly number[]): void
}

export function createKvPages(total: number): KvPages {
  const free = Array.from({ length: total }, (_, i) => total - 1 - i)
  const taken = new Set<number>()
  return {
    total,
    get free() {
      return free.length
    },
    take(count) {
      if (count > free.length) return null
      const pages = Array.from({ length: count }, () => free.pop()!)
      for (const page of pages) taken.add(page)
      return pages
    },
    release(pages) {
      for (const page of pages) {
        if (!taken.delete(page)) throw new Error(`KV page ${page} is released but not taken`)
        free.push(page)
      }
    },
  }
}
