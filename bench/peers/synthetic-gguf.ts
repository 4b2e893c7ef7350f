import { existsSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { benchFolder, cacheKey } from '../cache.ts'
import { blockScale, centerNibbles, createBlockPool, createRandom32, randomFloats } from '../synthetic/random-blocks.ts'
import type { BlockPool, Random32 } from '../synthetic/random-blocks.ts'
import type { SyntheticShape } from '../synthetic/shape.ts'
import { byteTokenizer } from './byte-tokenizer.ts'
import { GGML_TYPES, ggufHeader, paddingBytes, tensorBytes } from './gguf.ts'
import type { GgmlType, GgufTensor, GgufValue } from './gguf.ts'

/** Raised when the same seed would give other bytes. */
const GENERATOR_VERSION = 2
const SEED = 1
/** As in the synthetic pack. */
const ROUTER_WIDTH = 0.1
/** `general.file_type`: what most tensors are. */
const FILE_TYPE = { q4_0: 2, q8_0: 7 } as const

export type PeerWeights = 'q4_0' | 'q8_0'

/** A GGUF file of random weights in `shape` with every matrix but the routers in `weights`. Made once and kept; same shape, same bytes. */
export async function syntheticGguf(shape: SyntheticShape, weights: PeerWeights): Promise<string> {
  const path = join(benchFolder(), 'gguf', `${cacheKey({ shape, version: GENERATOR_VERSION, seed: SEED })}-${weights}.gguf`)
  if (existsSync(path)) return path
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.draft-${process.pid}`
  await writeSyntheticGguf(shape, weights, draft)
  await rename(draft, path)
  return path
}

export async function writeSyntheticGguf(shape: SyntheticShape, weights: PeerWeights, path: string): Promise<void> {
  const random = createRandom32(SEED)
  const pool = createBlockPool(random, GGML_TYPES[weights].blockBytes, quantBlock(weights, shape.hidden))
  const tensors = shapeTensors(shape, weights)
  const file = await open(path, 'w')
  try {
    await file.writeFile(ggufHeader(shapeMetadata(shape, weights), tensors))
    for (const tensor of tensors) {
      for (const part of tensorParts(tensor, pool, random)) await file.writeFile(part)
      await file.writeFile(new Uint8Array(paddingBytes(tensor)))
    }
  } finally {
    await file.close()
  }
}

const HEAD = 'output.weight'
/** Tokens of single bytes that are no characters by themselves. */
const HALF_CHARACTERS = { from: 128, to: 256 } as const

/** Tensors as llama.cpp names them, fastest dimension first. */
export function shapeTensors(shape: SyntheticShape, weights: PeerWeights): GgufTensor[] {
  const { hidden, vocab, headDim, experts, expertWidth } = shape
  const qRows = shape.heads * headDim
  const kvRows = shape.kvHeads * headDim
  const tensor = (name: string, type: GgmlType, ...dims: number[]): GgufTensor => ({ name, type, dims })
  const layers = Array.from({ length: shape.layers }, (_, layer) => [
    tensor(`blk.${layer}.attn_norm.weight`, 'f32', hidden),
    tensor(`blk.${layer}.attn_q.weight`, weights, hidden, qRows),
    tensor(`blk.${layer}.attn_k.weight`, weights, hidden, kvRows),
    tensor(`blk.${layer}.attn_v.weight`, weights, hidden, kvRows),
    tensor(`blk.${layer}.attn_output.weight`, weights, qRows, hidden),
    tensor(`blk.${layer}.attn_q_norm.weight`, 'f32', headDim),
    tensor(`blk.${layer}.attn_k_norm.weight`, 'f32', headDim),
    tensor(`blk.${layer}.ffn_norm.weight`, 'f32', hidden),
    tensor(`blk.${layer}.ffn_gate_inp.weight`, 'f32', hidden, experts),
    tensor(`blk.${layer}.ffn_gate_exps.weight`, weights, hidden, expertWidth, experts),
    tensor(`blk.${layer}.ffn_up_exps.weight`, weights, hidden, expertWidth, experts),
    tensor(`blk.${layer}.ffn_down_exps.weight`, weights, expertWidth, hidden, experts),
  ])
  const embedding = tensor('token_embd.weight', weights, hidden, vocab)
  return [embedding, ...layers.flat(), tensor('output_norm.weight', 'f32', hidden), tensor(HEAD, weights, hidden, vocab)]
}

function shapeMetadata(shape: SyntheticShape, weights: PeerWeights): Map<string, GgufValue> {
  const a = 'qwen3moe'
  return new Map<string, GgufValue>([
    ['general.architecture', { string: a }],
    ['general.name', { string: 'synthetic-moe' }],
    ['general.file_type', { u32: FILE_TYPE[weights] }],
    [`${a}.block_count`, { u32: shape.layers }],
    [`${a}.context_length`, { u32: shape.context }],
    [`${a}.embedding_length`, { u32: shape.hidden }],
    [`${a}.feed_forward_length`, { u32: shape.expertWidth }],
    [`${a}.expert_feed_forward_length`, { u32: shape.expertWidth }],
    [`${a}.expert_count`, { u32: shape.experts }],
    [`${a}.expert_used_count`, { u32: shape.topK }],
    [`${a}.attention.head_count`, { u32: shape.heads }],
    [`${a}.attention.head_count_kv`, { u32: shape.kvHeads }],
    [`${a}.attention.key_length`, { u32: shape.headDim }],
    [`${a}.attention.value_length`, { u32: shape.headDim }],
    [`${a}.attention.layer_norm_rms_epsilon`, { f32: 1e-6 }],
    [`${a}.rope.freq_base`, { f32: 10000 }],
    [`${a}.vocab_size`, { u32: shape.vocab }],
    ...byteTokenizer(shape.vocab),
  ])
}

/** The scale of a block is its first two bytes, f16. A q4_0 block then has nibbles around 8, a q8_0 block int8 around 0, 16 times as fine. */
function quantBlock(weights: PeerWeights, hidden: number): (block: Uint8Array) => void {
  const scale = f16Bits(weights === 'q4_0' ? blockScale(hidden) : blockScale(hidden) / 16)
  return (block) => {
    block[0] = scale & 255
    block[1] = scale >> 8
    if (weights === 'q4_0') centerNibbles(block.subarray(2))
  }
}

/** Bits of a normal f16 below `value`. */
export function f16Bits(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!
  const exponent = ((bits >>> 23) & 255) - 112
  if (exponent < 1 || exponent > 30) throw new RangeError(`${value} is not a normal f16`)
  return ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 1023)
}

function* tensorParts(tensor: GgufTensor, pool: BlockPool, random: Random32): Iterable<Uint8Array> {
  if (tensor.name === HEAD) return yield* headParts(tensor, pool)
  if (tensor.type !== 'f32') return yield* pool.cut(tensorBytes(tensor))
  const count = tensorBytes(tensor) / 4
  const values = tensor.dims.length === 1 ? new Float32Array(count).fill(1) : randomFloats(random, count, ROUTER_WIDTH)
  yield new Uint8Array(values.buffer)
}

/** The head never chooses half a character: its rows are zero. wllama 3.8.1 loses its place in an answer that is not UTF-8 and fails from then on. */
function* headParts(head: GgufTensor, pool: BlockPool): Iterable<Uint8Array> {
  const rowBytes = tensorBytes(head) / head.dims[1]!
  const { from, to } = HALF_CHARACTERS
  yield* pool.cut(from * rowBytes)
  yield new Uint8Array((to - from) * rowBytes)
  yield* pool.cut((head.dims[1]! - to) * rowBytes)
}
