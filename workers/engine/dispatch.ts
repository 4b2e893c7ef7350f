import type { Placement } from '../../shared/placement/placement.ts'
import { createRunFrame } from '../../shared/protocol/frame.ts'
import type { RunHeader } from '../../shared/protocol/frame.ts'
import { activationBytes } from '../../wasm/src/linear.ts'
import type { EngineMemory } from './engine-memory.ts'

/** What one host is asked in one layer of one step. */
export interface HostCall {
  readonly host: number
  readonly header: RunHeader
  readonly frame: Uint8Array
  /** Where the reply's rows go: this row of the engine's `rows` buffer and those that follow. */
  readonly firstRow: number
}

/**
 * Splits the (token, expert) pairs of a layer over hosts and builds one frame for each host touched. Rows are ordered by host, expert,
 * token, so that each reply is one copy; `rowOf` tells the combine where each pair's row is.
 * One a lane: its tables are made once, and `build` allocates nothing but the frames.
 */
export function createDispatch(memory: EngineMemory, placement: Placement) {
  const { arena, buffer, stride, stepTokens } = memory
  const { topK, experts } = memory.spec.router
  const quantized = memory.tier !== 'f32'
  const source = quantized ? buffer.normedQ : buffer.normed
  const rowBytes = activationBytes(quantized ? 'q8' : 'f32-matrix', memory.spec.hidden)
  const ids = arena.i32(buffer.routerIds, stepTokens * topK)
  const rowOf = arena.u32(buffer.rowOf, stepTokens * topK)
  const gather = arena.u32(buffer.gather, stepTokens)
  const rows = arena.u8(buffer.rows, stepTokens * stride.rows)
  const hostsOfLayer = placement.layers.map((layer) => groupByHost(layer, placement.hosts.length))
  /** Pairs of each expert; the next row of each expert. */
  const counts = new Uint32Array(experts)
  const next = new Uint32Array(experts)
  /** Token behind each row; place of each token in the frame that is being built. */
  const tokenOf = new Uint32Array(stepTokens * topK)
  const place = new Int32Array(stepTokens)

  /** Reads the router's choice and the layer's activations from the engine's memory; `nextSequence` numbers the frames. */
  function build(layer: number, tokens: number, nextSequence: () => number): HostCall[] {
    const pairs = tokens * topK
    counts.fill(0)
    for (let pair = 0; pair < pairs; pair++) counts[ids[pair]!]!++
    let row = 0
    for (const { experts: held } of hostsOfLayer[layer]!) {
      for (const expert of held) {
        next[expert] = row
        row += counts[expert]!
      }
    }
    for (let pair = 0; pair < pairs; pair++) {
      const at = next[ids[pair]!]!++
      rowOf[pair] = at
      tokenOf[at] = Math.floor(pair / topK)
    }
    const calls: HostCall[] = []
    let firstRow = 0
    for (const { host, experts: held } of hostsOfLayer[layer]!) {
      let touched = 0
      let hostPairs = 0
      for (const expert of held) {
        if (counts[expert] === 0) continue
        touched++
        hostPairs += counts[expert]!
      }
      if (hostPairs === 0) continue
      const used = numberTokens(firstRow, hostPairs)
      const header = { sequence: nextSequence(), layer, epoch: placement.epoch, tokens: used, pairs: hostPairs, experts: touched, rowBytes }
      calls.push({ host, header, frame: buildFrame(header, held, firstRow, tokens), firstRow })
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

  function buildFrame(header: RunHeader, held: Uint32Array, firstRow: number, tokens: number): Uint8Array {
    const { frame, experts: table, pairTokens, activations } = createRunFrame(header)
    let at = 0
    for (const expert of held) {
      if (counts[expert] === 0) continue
      table[at++] = expert
      table[at++] = counts[expert]!
    }
    for (let i = 0; i < header.pairs; i++) pairTokens[i] = place[tokenOf[firstRow + i]!]!
    // One token is in its place already; more are brought together first. The block buffer is free between attention and the next layer.
    if (tokens > 1) memory.kernels.gather_rows(source, rowBytes, buffer.gather, header.tokens, buffer.block, rowBytes)
    activations.set(arena.u8(tokens > 1 ? buffer.block : source, header.tokens * rowBytes))
    return frame
  }

  /** Copies a reply's rows to their place. @param reply [pairs, row bytes] */
  function store(call: HostCall, reply: Uint8Array): void {
    rows.set(reply, call.firstRow * stride.normed)
  }

  return { build, store }
}

/** The experts of one layer by the host that is asked for them, hosts and experts ascending. */
function groupByHost(layer: readonly (readonly number[])[], hosts: number): { readonly host: number; readonly experts: Uint32Array }[] {
  const held = Array.from({ length: hosts }, (): number[] => [])
  layer.forEach((replicas, expert) => held[replicas[0]!]!.push(expert))
  return held.flatMap((experts, host) => (experts.length > 0 ? [{ host, experts: Uint32Array.from(experts) }] : []))
}
