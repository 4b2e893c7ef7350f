import { encodedBytes, hiPlaneBytes } from '../../shared/core/layout.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { encodeMatrix } from '../../shared/core/p8.ts'
import { expertMatrices, trunkTensors } from '../../shared/core/tensors.ts'
import type { TrunkTensor } from '../../shared/core/tensors.ts'
import { tensorEncoding } from '../../shared/placement/budget.ts'
import { canonicalJson } from '../../shared/protocol/canonical-json.ts'
import { MANIFEST_FORMAT, MANIFEST_VERSION } from '../../shared/protocol/manifest.ts'
import type { ExpertEntry, Manifest, StoredRange, TrunkEntry } from '../../shared/protocol/manifest.ts'

/** Two layers of four experts, hidden 40 and width 24: small, and no width a multiple of 32. */
export const TINY_SPEC: ModelSpec = {
  family: 'olmoe',
  vocab: 48,
  hidden: 40,
  context: 64,
  attention: { heads: 2, kvHeads: 1, headDim: 20, scale: 1 / Math.sqrt(20), qkvBias: false, outputBias: false, qkNorm: 'none', clip: null },
  norm: { kind: 'rms', eps: 1e-5 },
  rope: { kind: 'default', theta: 10000 },
  layers: Array.from({ length: 2 }, () => ({ window: null, ffn: { kind: 'moe' as const } })),
  router: { experts: 4, topK: 2, score: 'softmax', order: 'score-then-topk', normalize: true, scale: 1, selectionBias: false, groups: null },
  expert: { activation: 'swiglu', width: 24 },
  shared: null,
  multipliers: { embedding: 1, residual: 1, logitsDivisor: 1 },
  tiedHead: true,
  tokens: { bos: null, eos: [2] },
}

const ALIGN = 64

/** A q8 pack of random weights as objects by name, manifest.json included; made here because workerd tests have no disk. */
export async function buildTinyPack(): Promise<Map<string, Uint8Array>> {
  const random = createRandom(1)
  const objects = new Map<string, Uint8Array>()
  const trunk = await storeTrunk(objects, random)
  const experts: ExpertEntry[] = []
  for (const layer of TINY_SPEC.layers.keys()) experts.push(...(await storeExperts(objects, layer, random)))
  const draft: Manifest = {
    format: MANIFEST_FORMAT,
    version: MANIFEST_VERSION,
    name: 'tiny',
    digest: '',
    spec: TINY_SPEC,
    tiers: ['q8', 'q4'],
    trunk: { q8: trunk, f32: [] },
    experts,
    tokenizer: null,
    chatTemplate: null,
    generation: { temperature: null, topP: null, topK: null, minP: null },
  }
  const encode = (manifest: Manifest) => new TextEncoder().encode(canonicalJson(manifest))
  return objects.set('manifest.json', encode({ ...draft, digest: await sha256(encode(draft)) }))
}

async function storeTrunk(objects: Map<string, Uint8Array>, random: () => number): Promise<TrunkEntry[]> {
  const tensors = trunkTensors(TINY_SPEC)
  const object = new Uint8Array(tensors.reduce((sum, t) => sum + aligned(bytesOf(t)), 0))
  const entries: TrunkEntry[] = []
  let offset = 0
  for (const tensor of tensors) {
    const { name, rows, cols } = tensor
    const encoding = tensorEncoding(tensor, 'q8')
    const bytes = object.subarray(offset, offset + bytesOf(tensor))
    const values = Float32Array.from({ length: rows * cols }, () => (tensor.kind === 'vector' ? 1 : random()))
    if (encoding === 'f32-vector') bytes.set(new Uint8Array(values.buffer))
    else encodeMatrix(values, rows, cols, encoding, bytes)
    entries.push({ name, encoding, rows, cols, ...(await rangeOf('trunk.q8.bin', offset, bytes)) })
    offset += aligned(bytes.byteLength)
  }
  objects.set('trunk.q8.bin', object)
  return entries
}

async function storeExperts(objects: Map<string, Uint8Array>, layer: number, random: () => number): Promise<ExpertEntry[]> {
  const name = `experts-${layer}.bin`
  const matrices = expertMatrices(TINY_SPEC)
  const hiBytes = matrices.reduce((sum, m) => sum + hiPlaneBytes(m.rows, m.cols), 0)
  const bytes = matrices.reduce((sum, m) => sum + encodedBytes('q8', m.rows, m.cols), 0)
  const object = new Uint8Array(aligned(bytes) * TINY_SPEC.router.experts)
  const entries: ExpertEntry[] = []
  for (let expert = 0; expert < TINY_SPEC.router.experts; expert++) {
    const start = expert * aligned(bytes)
    let hi = start
    let lo = start + hiBytes
    for (const { rows, cols } of matrices) {
      const encoded = new Uint8Array(encodedBytes('q8', rows, cols))
      encodeMatrix(Float32Array.from({ length: rows * cols }, random), rows, cols, 'q8', encoded)
      const plane = hiPlaneBytes(rows, cols)
      object.set(encoded.subarray(0, plane), hi)
      object.set(encoded.subarray(plane), lo)
      hi += plane
      lo += encoded.byteLength - plane
    }
    const range = (from: number, to: number) => rangeOf(name, from, object.subarray(from, to))
    entries.push({ layer, expert, hi: await range(start, start + hiBytes), lo: await range(start + hiBytes, start + bytes), f32: null })
  }
  objects.set(name, object)
  return entries
}

async function rangeOf(object: string, offset: number, bytes: Uint8Array): Promise<StoredRange> {
  return { object, offset, bytes: bytes.byteLength, sha256: await sha256(bytes) }
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function bytesOf(tensor: TrunkTensor): number {
  return encodedBytes(tensorEncoding(tensor, 'q8'), tensor.rows, tensor.cols)
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGN) * ALIGN
}

/** Uniform in ±0.5, by a 32-bit congruential generator: the weights need no more. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32 - 0.5
  }
}
