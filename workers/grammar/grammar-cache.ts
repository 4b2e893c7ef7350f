/** Compiled grammars by their text, at most so many and so many characters of them: what was asked for longest ago goes first. */
export interface GrammarCache<T> {
  find(key: string): T | null
  add(key: string, value: T): void
  clear(): void
  readonly size: number
}

export interface CacheBounds {
  readonly entriesMax: number
  readonly charsMax: number
}

/** @param dispose frees what leaves the cache. */
export function createGrammarCache<T>({ entriesMax, charsMax }: CacheBounds, dispose: (value: T) => void): GrammarCache<T> {
  /** Oldest use first. */
  const entries = new Map<string, T>()
  let chars = 0

  function remove(key: string, value: T): void {
    entries.delete(key)
    chars -= key.length
    dispose(value)
  }

  return {
    find(key) {
      const value = entries.get(key)
      if (value === undefined) return null
      entries.delete(key)
      entries.set(key, value)
      return value
    },
    add(key, value) {
      if (entries.has(key)) throw new Error('it is in the cache already')
      entries.set(key, value)
      chars += key.length
      for (const [oldest, old] of entries) {
        if ((entries.size <= entriesMax && chars <= charsMax) || oldest === key) break
        remove(oldest, old)
      }
    },
    /** Without disposing: what they belonged to is gone. */
    clear() {
      entries.clear()
      chars = 0
    },
    get size() {
      return entries.size
    },
  }
}
