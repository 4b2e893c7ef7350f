import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readModelSpec } from '../../shared/core/families.ts'
import { moeLayers } from '../../shared/core/model-spec.ts'
import type { TensorSource } from '../../shared/core/tensor-sources.ts'
import { unwrap } from '../errors.ts'
import { buildSafetensors } from './safetensors-file.ts'
import type { TensorData } from './safetensors-file.ts'

/** A Mixtral whose widths are no multiples of the padding: 2 layers, 3 experts, 0.02 M parameters. */
export const TINY_CONFIG: Readonly<Record<string, unknown>> = {
  model_type: 'mixtral',
  vocab_size: 50,
  hidden_size: 36,
  intermediate_size: 20,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  num_key_value_heads: 1,
  num_local_experts: 3,
  num_experts_per_tok: 2,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  hidden_act: 'silu',
  tie_word_embeddings: false,
  bos_token_id: 1,
  eos_token_id: 2,
}

/** Stored sizes and encoders of the three types; the values used here are exact in all of them. */
const STORE = {
  BF16: (values: Float32Array) => new Uint16Array(new Uint32Array(values.buffer).map((bits) => bits >>> 16)),
  F16: (values: Float32Array) => Uint16Array.from(values, f16BitsOfEighths),
  F32: (values: Float32Array) => values,
} as const

/** Every tensor that a config implies, filled with multiples of 1/8 below 16, which differ from tensor to tensor. */
export function tinyTensors(config: unknown = TINY_CONFIG, dtype: keyof typeof STORE = 'BF16'): Map<string, TensorData> {
  const { spec, sources } = unwrap(readModelSpec(config, null))
  const experts = moeLayers(spec).flatMap((layer) =>
    Array.from({ length: spec.router.experts }, (_, expert) => Object.values(sources.expert(layer, expert)) as TensorSource[]),
  )
  const tensors = new Map<string, TensorData>()
  for (const { tensor, shape } of [...sources.trunk.values(), ...experts.flat()]) {
    if (tensors.has(tensor)) continue
    const seed = 7 * tensors.size + 1
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (((i * 37 + seed) * 101) % 255) / 8 - 16)
    tensors.set(tensor, { dtype, shape, bytes: bytesOf(STORE[dtype](values)) })
  }
  return tensors
}

export interface FolderFiles {
  readonly config?: unknown
  readonly tensors?: ReadonlyMap<string, TensorData>
  /** More files by name; these win. */
  readonly extra?: Readonly<Record<string, string | Uint8Array>>
}

/** Writes a checkpoint folder and returns its path. */
export function writeFolder(path: string, { config = TINY_CONFIG, tensors = tinyTensors(config), extra = {} }: FolderFiles = {}): string {
  mkdirSync(path, { recursive: true })
  const files = { 'config.json': JSON.stringify(config), 'model.safetensors': buildSafetensors(tensors), ...extra }
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content)
  return path
}

/** Shards and index of the same tensors, dealt round. */
export function shardFiles(tensors: ReadonlyMap<string, TensorData>, shardCount: number): Record<string, string | Uint8Array> {
  const name = (shard: number) => `model-${shard + 1}-of-${shardCount}.safetensors`
  const entries = [...tensors].map(([tensor, data], index) => ({ tensor, data, shard: index % shardCount }))
  const weightMap = Object.fromEntries(entries.map(({ tensor, shard }) => [tensor, name(shard)]))
  const shards = Array.from(
    { length: shardCount },
    (_, shard) => [name(shard), buildSafetensors(new Map(entries.filter((e) => e.shard === shard).map((e) => [e.tensor, e.data])))] as const,
  )
  return { ...Object.fromEntries(shards), 'model.safetensors.index.json': JSON.stringify({ metadata: {}, weight_map: weightMap }) }
}

function bytesOf(array: Uint16Array | Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

/** |value| in 1/8 … 16 or 0, a multiple of 1/8: eight significant bits, so no rounding. */
function f16BitsOfEighths(value: number): number {
  if (value === 0) return 0
  const magnitude = Math.abs(value)
  const exponent = Math.floor(Math.log2(magnitude))
  const mantissa = (magnitude / 2 ** exponent - 1) * 1024
  return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | mantissa
}
