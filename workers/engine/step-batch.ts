/**
 * One ragged batch: the tokens of a step in order of slice, as parallel arrays made once and refilled.
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

export function createStepBatch(stepTokens: number): StepBatch {
  return {
    tokens: 0,
    ids: new Int32Array(stepTokens),
    positions: new Int32Array(stepTokens),
    tables: new Uint32Array(stepTokens),
    pages: new Uint32Array(stepTokens),
    logitsOf: [],
  }
}
