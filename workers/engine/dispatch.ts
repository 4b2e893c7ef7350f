import type { Placement } from '../../shared/placement/placement.ts'
import { createRunFrame } from '../../shared/protocol/frame.ts'
import type { RunHeader } from '../../shared/protocol/frame.ts'
import { activationBytes } from '../../wasm/src/linear.ts'
import type { EngineMemory } from './engine-memory.ts'

/** What one host is asked in one layer of one step. Pair = token of the step · topK + slot; experts ascend by slot. */
export interface HostCall {
  readonly host: number
  readonly header: RunHeader
  readonly frame: Uint8Array
  /** The step's pair behind each pair of the frame. */
  readonly pairs: Uint32Array
}

/**
 * Splits the pairs of a layer over hosts and builds one frame for each host touched.
 * Reads the router's choice and the layer's activations from the engine's memory; `nextSequence` numbers the frames.
 */
export function buildCalls(memory: EngineMemory, placement: Placement, layer: number, tokens: number, nextSequence: () => number): HostCall[] {
  const { topK, experts } = memory.spec.router
  const ids = memory.arena.i32(memory.buffer.routerIds, tokens * topK)
  const hostOf = placement.layers[layer]!
  const pairsOf: number[][] = placement.hosts.map(() => [])
  for (const pair of sortByExpert(ids, experts)) pairsOf[hostOf[ids[pair]!]![0]!]!.push(pair)
  return pairsOf.flatMap((pairs, host) => (pairs.length > 0 ? [buildCall(memory, placement, layer, host, Uint32Array.from(pairs), ids, nextSequence())] : []))
}

/** Copies a reply's rows to their pairs. @param rows [pairs, rowBytes] */
export function storeRows(memory: EngineMemory, call: HostCall, rows: Uint8Array): void {
  const rowBytes = memory.stride.normed
  const all = memory.arena.u8(memory.buffer.rows, memory.stepTokens * memory.stride.rows)
  for (let i = 0; i < call.pairs.length; i++) all.set(rows.subarray(i * rowBytes, (i + 1) * rowBytes), call.pairs[i]! * rowBytes)
}

function buildCall(memory: EngineMemory, placement: Placement, layer: number, host: number, pairs: Uint32Array, ids: Int32Array, sequence: number): HostCall {
  const { topK } = memory.spec.router
  const counts = new Map<number, number>()
  for (const pair of pairs) counts.set(ids[pair]!, (counts.get(ids[pair]!) ?? 0) + 1)
  const used = Uint32Array.from(new Set(Array.from(pairs, (pair) => Math.floor(pair / topK)))).sort()
  const place = new Map(Array.from(used, (token, index) => [token, index]))
  const quantized = memory.tier !== 'f32'
  const rowBytes = activationBytes(quantized ? 'q8' : 'f32-matrix', memory.spec.hidden)
  const header = { sequence, layer, epoch: placement.epoch, tokens: used.length, pairs: pairs.length, experts: counts.size, rowBytes }
  const { frame, experts, pairTokens, activations } = createRunFrame(header)
  let at = 0
  for (const [expert, count] of counts) {
    experts[at++] = expert
    experts[at++] = count
  }
  for (let i = 0; i < pairs.length; i++) pairTokens[i] = place.get(Math.floor(pairs[i]! / topK))!
  const source = quantized ? memory.buffer.normedQ : memory.buffer.normed
  for (let i = 0; i < used.length; i++) activations.set(memory.arena.u8(source + used[i]! * rowBytes, rowBytes), i * rowBytes)
  return { host, header, frame, pairs }
}

/** Pairs in order of expert, then of token: a counting sort. */
function sortByExpert(ids: Int32Array, experts: number): Uint32Array {
  const next = new Uint32Array(experts + 1)
  for (const id of ids) next[id + 1]!++
  for (let e = 0; e < experts; e++) next[e + 1]! += next[e]!
  const order = new Uint32Array(ids.length)
  for (let pair = 0; pair < ids.length; pair++) order[next[ids[pair]!]!++] = pair
  return order
}
