import type { EngineMemory } from './engine-memory.ts'

/**
 * One ragged batch: the tokens of a step in order of slice, as parallel arrays made once and refilled. Positions, tables and pages lie in the
 * engine's memory, where kernels read them. Tokens of a sequence follow each other, positions ascending: they share reads of its pages.
 * A token attends to positions 0..position of its sequence's page table.
 */
export interface StepBatch {
  /** Tokens in use. */
  tokens: number
  readonly ids: Int32Array
  readonly positions: Int32Array
  /** Address of the page table of each token's sequence. */
  readonly tables: Uint32Array
  /** Address of the KV page that takes each token's keys and values. */
  readonly pages: Uint32Array
  /** Tokens whose logits are wanted, ascending. */
  logitsOf: number[]
}

export function createStepBatch(memory: EngineMemory): StepBatch {
  const { arena, buffer, stepTokens } = memory
  return {
    tokens: 0,
    ids: new Int32Array(stepTokens),
    positions: arena.i32(buffer.positions, stepTokens),
    tables: arena.u32(buffer.tables, stepTokens),
    pages: arena.u32(buffer.pages, stepTokens),
    logitsOf: [],
  }
}
