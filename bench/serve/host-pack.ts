import { encodedBytes } from '../../shared/core/layout.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { tensorEncoding, trunkTensors } from '../../shared/core/tensors.ts'
import { canonicalJson } from '../../shared/protocol/canonical-json.ts'
import { digestInput } from '../../shared/protocol/manifest-parser.ts'
import { MANIFEST_FORMAT, MANIFEST_VERSION } from '../../shared/protocol/manifest.ts'
import type { ExpertEntry, Manifest, StoredRange, TrunkEntry } from '../../shared/protocol/manifest.ts'
import { expertRangeBytes } from '../../shared/protocol/pack-layout.ts'
import { sha256Hex } from '../../test/fixtures/memory-store.ts'
import { createRandom32 } from '../synthetic/random-blocks.ts'
import type { Random32 } from '../synthetic/random-blocks.ts'

/** 4 layers of 13 experts of 1.6 MiB: 52 of them are 83 MiB, as much as the arena of one host takes. */
const HOST_SPEC: ModelSpec = {
  family: 'olmoe',
  vocab: 64,
  hidden: 1024,
  context: 64,
  attention: { heads: 8, kvHeads: 8, headDim: 128, scale: 1 / Math.sqrt(128), qkvBias: false, outputBias: false, qkNorm: 'none', clip: null },
  norm: { kind: 'rms', eps: 1e-5 },
  rope: { kind: 'default', theta: 10000 },
  layers: Array.from({ length: 4 }, () => ({ window: null, ffn: { kind: 'moe' as const } })),
  router: { experts: 13, topK: 2, score: 'softmax', order: 'score-then-topk', normalize: true, scale: 1, selectionBias: false, groups: null },
  expert: { activation: 'swiglu', width: 512 },
  shared: null,
  multipliers: { embedding: 1, residual: 1, logitsDivisor: 1 },
  tiedHead: true,
  tokens: { bos: null, eos: [2] },
}

/** Experts that fill one host, for measuring how they are loaded. The trunk is in the manifest but is not made: no engine runs on it. */
export interface HostPack {
  readonly manifest: Manifest
  readonly manifestBytes: Uint8Array
  readonly objects: ReadonlyMap<string, Uint8Array>
  readonly expertBytes: number
}

/** Weights are pseudo-random bytes with real checksums; two packs are alike in every byte. Their values mean nothing. */
export function buildHostPack(): HostPack {
  const random = createRandom32(1)
  const objects = new Map<string, Uint8Array>()
  const experts: ExpertEntry[] = []
  const { hi, lo } = expertRangeBytes(HOST_SPEC)
  const bytes = hi + lo
  for (const layer of HOST_SPEC.layers.keys()) {
    const name = `experts-${layer}.bin`
    const object = randomBytes(random, bytes * HOST_SPEC.router.experts)
    objects.set(name, object)
    for (let expert = 0; expert < HOST_SPEC.router.experts; expert++) {
      const at = expert * bytes
      experts.push({ layer, expert, hi: rangeOf(name, object, at, hi), lo: rangeOf(name, object, at + hi, lo), f32: null, probe: NOT_PROBED })
    }
  }
  const draft: Manifest = {
    format: MANIFEST_FORMAT,
    version: MANIFEST_VERSION,
    name: 'one-host',
    digest: '',
    spec: HOST_SPEC,
    tiers: ['q8', 'q4'],
    trunk: { q8: trunkOf(HOST_SPEC), f32: [] },
    experts,
    tokenizer: null,
    chatTemplate: null,
    generation: { temperature: null, topP: null, topK: null, minP: null },
  }
  const manifest = { ...draft, digest: sha256Hex(digestInput(draft)) }
  return { manifest, manifestBytes: Buffer.from(canonicalJson(manifest)), objects, expertBytes: bytes * experts.length }
}

/** Random bytes are no weights: nobody probes them. */
const NOT_PROBED = { q8: '0'.repeat(16), q4: '0'.repeat(16), f32: null }

/** Of a trunk that no engine loads. */
const NOT_READ = '0'.repeat(64)

function trunkOf(spec: ModelSpec): TrunkEntry[] {
  let offset = 0
  return trunkTensors(spec).map((tensor) => {
    const encoding = tensorEncoding(tensor, 'q8')
    const bytes = encodedBytes(encoding, tensor.rows, tensor.cols)
    const hiSha256 = encoding === 'q8' ? NOT_READ : null
    const { name, rows, cols } = tensor
    const entry = { name, encoding, rows, cols, hiSha256, object: 'trunk.q8.bin', offset, bytes, sha256: NOT_READ }
    offset += Math.ceil(bytes / 64) * 64
    return entry
  })
}

function rangeOf(object: string, bytes: Uint8Array, offset: number, length: number): StoredRange {
  return { object, offset, bytes: length, sha256: sha256Hex(bytes.subarray(offset, offset + length)) }
}

/** Nothing on the way to the arena may find them compressible. */
function randomBytes(random: Random32, bytes: number): Uint8Array {
  return new Uint8Array(Uint32Array.from({ length: bytes / 4 }, random).buffer)
}
