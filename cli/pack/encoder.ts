import { encodedBytes } from '../../shared/core/layout.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { encodeMatrix, encodeVector } from '../../shared/core/p8.ts'
import type { TensorSource } from '../../shared/core/tensor-sources.ts'
import { expertMatrices, tensorEncoding, trunkTensors } from '../../shared/core/tensors.ts'
import { expertEncoding, trunkTier } from '../../shared/protocol/tiers.ts'
import type { Encoding, Tier } from '../../shared/protocol/tiers.ts'
import type { Checkpoint } from '../safetensors/checkpoint.ts'

/**
 * Reads one matrix at a time and encodes it, in two buffers made once for the largest one: whatever the checkpoint's size, this is what
 * packing holds of it. SPEC PK2.
 */
export class TensorEncoder {
  readonly #checkpoint: Checkpoint
  readonly #values: Float32Array
  readonly #encoded: Uint8Array

  constructor(checkpoint: Checkpoint, spec: ModelSpec, tiers: readonly Tier[]) {
    const { values, encodedBytes: bytes } = largestTensor(spec, tiers)
    this.#checkpoint = checkpoint
    this.#values = new Float32Array(values)
    this.#encoded = new Uint8Array(bytes)
  }

  /** [rows, cols] of the checkpoint, valid until the next read. */
  async read(source: TensorSource, rows: number, cols: number): Promise<Float32Array> {
    const values = this.#values.subarray(0, rows * cols)
    await this.#checkpoint.readRows(source.tensor, source.rowOffset, rows, cols, values)
    return values
  }

  /** Encoded bytes, valid until the next encode. */
  encode(values: Float32Array, rows: number, cols: number, encoding: Encoding): Uint8Array {
    const out = this.#encoded.subarray(0, encodedBytes(encoding, rows, cols))
    if (encoding === 'f32-vector') encodeVector(values, out)
    else encodeMatrix(values, rows, cols, encoding, out)
    return out
  }
}

/** The most values and the most encoded bytes that any one tensor of a pack has. */
function largestTensor(spec: ModelSpec, tiers: readonly Tier[]): { readonly values: number; readonly encodedBytes: number } {
  const encodings = tiers.flatMap((tier) => [
    ...trunkTensors(spec).map((t) => ({ rows: t.rows, cols: t.cols, encoding: tensorEncoding(t, trunkTier(tier, 'q8')) })),
    ...expertMatrices(spec).map((m) => ({ rows: m.rows, cols: m.cols, encoding: expertEncoding(tier) })),
  ])
  return {
    values: encodings.reduce((max, e) => Math.max(max, e.rows * e.cols), 0),
    encodedBytes: encodings.reduce((max, e) => Math.max(max, encodedBytes(e.encoding, e.rows, e.cols)), 0),
  }
}
