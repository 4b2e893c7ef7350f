import type { Split } from '../../shared/placement/splitter.ts'
import { createRunFrame } from '../../shared/protocol/frame.ts'
import type { RunHeader } from '../../shared/protocol/frame.ts'
import { activationBytes } from '../../wasm/src/linear.ts'
import type { EngineMemory } from './engine-memory.ts'
import { HOST_WORDS } from './host-set.ts'
import type { HostGroup, LayerTable } from './layer-table.ts'

/** What one host is asked in one layer of one step. */
export interface HostCall {
  readonly host: number
  readonly header: RunHeader
  readonly frame: Uint8Array
  /** Where the reply's rows go: this row of the engine's `rows` buffer and those that follow. */
  readonly firstRow: number
  /** Every expert that it asks for has another replica. */
  readonly elsewhere: boolean
}

/** What a build is about: a layer of one epoch. */
export interface LayerStep {
  readonly layer: number
  readonly epoch: number
  readonly table: LayerTable
  readonly tokens: number
}

/**
 * Splits the (token, expert) pairs of a layer over hosts and builds one frame for each host touched. Rows are ordered by host, expert,
 * token, so that each reply is one copy; `rowOf` tells the combine where each pair's row is. An expert's tokens are shared over its replicas
 * in the order of the batch: the first ones go to the lowest host.
 * One a lane: its tables are made once, and `build` allocates nothing but the frames.
 * @param load [layers][experts] counts every pair; its owner empties it.
 */
export function createDispatch(memory: EngineMemory, split: Split, load: readonly Uint32Array[]) {
  const { arena, buffer, stride, stepTokens } = memory
  const { topK, experts } = memory.spec.router
  const quantized = memory.tier !== 'f32'
  const source = quantized ? buffer.normedQ : buffer.normed
  const rowBytes = activationBytes(quantized ? 'q8' : 'f32-matrix', memory.spec.hidden)
  const ids = arena.i32(buffer.routerIds, stepTokens * topK)
  const rowOf = arena.u32(buffer.rowOf, stepTokens * topK)
  const gather = arena.u32(buffer.gather, stepTokens)
  const rows = arena.u8(buffer.rows, stepTokens * stride.rows)
  /** Pairs of each expert. */
  const counts = new Uint32Array(experts)
  /** [slots] of a replica: its pairs, its next row, and the row after its last. A slot is an expert where no expert has a second replica. */
  let shares = new Uint32Array(experts)
  let next = new Uint32Array(experts)
  let end = new Uint32Array(experts)
  /** The slot that takes an expert's next pair. */
  const slotOf = new Uint32Array(experts)
  /** Token behind each row; place of each token in the frame that is being built. */
  const tokenOf = new Uint32Array(stepTokens * topK)
  const place = new Int32Array(stepTokens)
  /** [tokens][HOST_WORDS] the hosts that each token of the step was sent to. */
  const sentTo = new Uint32Array(stepTokens * HOST_WORDS)

  /** A step begins: nothing of it was sent anywhere. */
  function begin(): void {
    sentTo.fill(0)
  }

  /** Reads the router's choice and the layer's activations from the engine's memory; `nextSequence` numbers the frames. */
  function build({ layer, epoch, table, tokens }: LayerStep, nextSequence: () => number): HostCall[] {
    const pairs = tokens * topK
    counts.fill(0)
    for (let pair = 0; pair < pairs; pair++) counts[ids[pair]!]!++
    const single = table.split.replicated.length === 0
    if (!single) shareOut(table)
    const share = single ? counts : shares
    let row = 0
    for (const { slots } of table.groups) {
      for (let i = 0; i < slots.length; i++) {
        const slot = slots[i]!
        next[slot] = row
        row += share[slot]!
        end[slot] = row
      }
    }
    if (single) placeRows(pairs)
    else placeSharedRows(table, pairs)
    return buildCalls(table, share, { layer, epoch, tokens }, nextSequence)
  }

  function shareOut(table: LayerTable): void {
    if (table.slots > shares.length) {
      shares = new Uint32Array(table.slots)
      next = new Uint32Array(table.slots)
      end = new Uint32Array(table.slots)
    }
    split(table.split, counts, shares)
  }

  function placeRows(pairs: number): void {
    for (let pair = 0; pair < pairs; pair++) {
      const at = next[ids[pair]!]!++
      rowOf[pair] = at
      tokenOf[at] = Math.floor(pair / topK)
    }
  }

  function placeSharedRows({ split: { first } }: LayerTable, pairs: number): void {
    slotOf.set(first.subarray(0, experts))
    for (let pair = 0; pair < pairs; pair++) {
      const expert = ids[pair]!
      let slot = slotOf[expert]!
      while (next[slot] === end[slot]) slot++ // the shares of an expert add up to its pairs: one of its slots has room
      slotOf[expert] = slot
      const at = next[slot]!++
      rowOf[pair] = at
      tokenOf[at] = Math.floor(pair / topK)
    }
  }

  function buildCalls(table: LayerTable, share: Uint32Array, step: Omit<LayerStep, 'table'>, nextSequence: () => number): HostCall[] {
    const { layer, epoch, tokens } = step
    const { first } = table.split
    const routed = load[layer]!
    const calls: HostCall[] = []
    let firstRow = 0
    for (const group of table.groups) {
      let touched = 0
      let hostPairs = 0
      let alone = 0
      for (let i = 0; i < group.slots.length; i++) {
        const count = share[group.slots[i]!]!
        if (count === 0) continue
        const expert = group.experts[i]!
        touched++
        hostPairs += count
        routed[expert]! += count
        if (first[expert + 1]! - first[expert]! === 1) alone++
      }
      if (hostPairs === 0) continue
      const used = numberTokens(firstRow, hostPairs)
      noteHost(group.host, used)
      const header = { sequence: nextSequence(), layer, epoch, tokens: used, pairs: hostPairs, experts: touched, rowBytes }
      calls.push({ host: group.host, header, frame: buildFrame(header, group, share, firstRow, tokens), firstRow, elsewhere: alone === 0 })
      firstRow += hostPairs
    }
    return calls
  }

  /** Numbers the tokens of a host's rows in order of appearance; leaves that order in `gather`. */
  function numberTokens(firstRow: number, count: number): number {
    place.fill(-1)
    let used = 0
    for (let row = firstRow; row < firstRow + count; row++) {
      const token = tokenOf[row]!
      if (place[token]! >= 0) continue
      place[token] = used
      gather[used++] = token
    }
    return used
  }

  /** The tokens in `gather` go to the host. */
  function noteHost(host: number, used: number): void {
    const bit = 1 << (host & 31)
    for (let i = 0; i < used; i++) sentTo[gather[i]! * HOST_WORDS + (host >>> 5)]! |= bit
  }

  function addHosts(token: number, into: Uint32Array): void {
    for (let word = 0; word < HOST_WORDS; word++) into[word]! |= sentTo[token * HOST_WORDS + word]!
  }

  function buildFrame(header: RunHeader, group: HostGroup, share: Uint32Array, firstRow: number, tokens: number): Uint8Array {
    const { frame, experts: table, pairTokens, activations } = createRunFrame(header)
    let at = 0
    for (let i = 0; i < group.slots.length; i++) {
      const count = share[group.slots[i]!]!
      if (count === 0) continue
      table[at++] = group.experts[i]!
      table[at++] = count
    }
    for (let i = 0; i < header.pairs; i++) pairTokens[i] = place[tokenOf[firstRow + i]!]!
    // One token is in its place already; more are brought together first. The block buffer is free between attention and the next layer.
    if (tokens > 1) memory.kernels.gather_rows(source, rowBytes, buffer.gather, header.tokens, buffer.block, rowBytes)
    activations.set(arena.u8(tokens > 1 ? buffer.block : source, header.tokens * rowBytes))
    return frame
  }

  /** Copies rows to their place. @param reply [pairs, row bytes] */
  function store(firstRow: number, reply: Uint8Array): void {
    rows.set(reply, firstRow * stride.normed)
  }

  return { begin, build, store, addHosts }
}
