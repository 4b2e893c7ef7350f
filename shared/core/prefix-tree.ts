import { KV_PAGE_POSITIONS } from './records.ts'

/** A KV page that whoever has the same tokens may read: it is full and never written again. */
export interface PrefixNode {
  /** The page before it; null for the first. */
  readonly parent: PrefixNode | null
  /** Its own tokens, KV_PAGE_POSITIONS of them. */
  readonly ids: readonly number[]
  /** Of all tokens from the beginning to its end. */
  readonly hash: number
  readonly page: number
  /** Sequences that hold it. */
  refs: number
  children: number
}

/** Hash of a page: that of its parent (0 for none) and its own tokens, `tokens` from index `from` on. */
export type PageHash = (parent: number, tokens: readonly number[], from: number) => number

/** FNV-1a over whole ids. Only speed depends on it: a hit compares the tokens. */
export const hashPage: PageHash = (parent, tokens, from) => {
  let hash = parent ^ 0x811c9dc5
  for (let i = 0; i < KV_PAGE_POSITIONS; i++) hash = Math.imul(hash ^ tokens[from + i]!, 0x01000193)
  return hash ^ (hash >>> 15)
}

/**
 * Published KV pages by their tokens: a tree whose paths are prefixes. Who holds a node holds its ancestors too and lets the deepest go
 * first; so the node that nobody has held for the longest time is always a leaf. SPEC SC9. Idea: vLLM's automatic prefix caching.
 */
export function createPrefixTree(hash: PageHash = hashPage) {
  const byHash = new Map<number, PrefixNode[]>()
  /** Nodes that nobody holds, the longest unused first. */
  const idle = new Set<PrefixNode>()

  /** The page of `tokens` from index `from` on below `parent`, compared token for token. */
  function find(parent: PrefixNode | null, tokens: readonly number[], from: number): PrefixNode | null {
    const nodes = byHash.get(hash(parent?.hash ?? 0, tokens, from)) ?? []
    return nodes.find((node) => node.parent === parent && node.ids.every((id, i) => id === tokens[from + i])) ?? null
  }

  /** Publishes a page, held by whoever computed it. It must not be there already. */
  function insert(parent: PrefixNode | null, tokens: readonly number[], from: number, page: number): PrefixNode {
    const key = hash(parent?.hash ?? 0, tokens, from)
    const node: PrefixNode = { parent, ids: tokens.slice(from, from + KV_PAGE_POSITIONS), hash: key, page, refs: 1, children: 0 }
    byHash.set(key, [...(byHash.get(key) ?? []), node])
    if (parent) parent.children++
    return node
  }

  function hold(node: PrefixNode): void {
    if (node.refs++ === 0) idle.delete(node)
  }

  function letGo(node: PrefixNode): void {
    if (node.refs === 0) throw new Error(`KV page ${node.page} is let go, but nobody holds it`)
    if (--node.refs === 0) idle.add(node)
  }

  /** Forgets the page that was unused for the longest time and gives it; null where all are held. */
  function evict(): number | null {
    const [node] = idle
    if (!node) return null
    if (node.children > 0) throw new Error(`KV page ${node.page} has successors and is unused for longer than they are`)
    idle.delete(node)
    const others = byHash.get(node.hash)?.filter((other) => other !== node) ?? []
    if (others.length > 0) byHash.set(node.hash, others)
    else byHash.delete(node.hash)
    if (node.parent) node.parent.children--
    return node.page
  }

  /** Nothing that is published is found any more. Pages stay until they are let go and evicted. */
  function forget(): void {
    byHash.clear()
  }

  return {
    find,
    insert,
    hold,
    letGo,
    evict,
    forget,
    hash,
    /** Pages that nobody holds. */
    get idle() {
      return idle.size
    },
  }
}
