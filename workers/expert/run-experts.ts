import { padCols } from '../../shared/core/layout.ts'
import { HOST_ROWS } from '../../shared/core/scratch.ts'
import { createRowsFrame } from '../../shared/protocol/frame.ts'
import type { RunFrame } from '../../shared/protocol/frame.ts'
import { swiglu } from '../../wasm/src/swiglu.ts'
import type { SwigluWeights } from '../../wasm/src/swiglu.ts'
import type { HostMemory } from './host-memory.ts'

/**
 * Runs one frame: for each expert, its tokens through the expert, HOST_ROWS at a time.
 * @param weights of each expert of the frame, all resident.
 * @returns the reply frame: one unweighted row [hidden] a pair, in the frame's order. Nothing is summed here: SPEC NU4.
 */
export function runExperts(memory: HostMemory, frame: RunFrame, weights: readonly SwigluWeights[], isolateId: string): Uint8Array {
  const rowBytes = padCols(memory.spec.hidden) * 4
  const reply = createRowsFrame(frame, rowBytes, isolateId)
  let pair = 0
  for (let i = 0; i < frame.experts; i++) {
    const end = pair + frame.expertPairs[i]!
    for (; pair < end; pair += HOST_ROWS) runRows(memory, weights[i]!, frame, pair, Math.min(end - pair, HOST_ROWS), reply.rows)
    pair = end
  }
  return reply.frame
}

function runRows(memory: HostMemory, weights: SwigluWeights, frame: RunFrame, firstPair: number, tokens: number, rows: Uint8Array): void {
  const { kernels, arena, scratch, encoding } = memory
  const outBytes = padCols(memory.spec.hidden) * 4
  const into = encoding === 'f32-matrix' ? scratch.x : scratch.xQ
  const x = arena.u8(into, tokens * frame.rowBytes)
  for (let i = 0; i < tokens; i++) {
    const at = frame.pairTokens[firstPair + i]! * frame.rowBytes
    x.set(frame.activations.subarray(at, at + frame.rowBytes), i * frame.rowBytes)
  }
  const activations = { f32: scratch.x, f32Stride: frame.rowBytes, q8: scratch.xQ, q8Stride: frame.rowBytes }
  swiglu(kernels, weights, activations, scratch, scratch.out, outBytes, tokens)
  rows.set(arena.u8(scratch.out, tokens * outBytes), firstPair * outBytes)
}
