import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { writePackFile, createObject } from '../../cli/pack/object-writer.ts'
import type { ObjectWriter } from '../../cli/pack/object-writer.ts'
import { readPackFolder } from '../../cli/pack-folder.ts'
import { encodedBytes, HI_RECORD_BYTES, hiPlaneBytes, LO_RECORD_BYTES, loPlaneBytes } from '../../shared/core/layout.ts'
import { moeLayers } from '../../shared/core/model-spec.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { encodeMatrix } from '../../shared/core/p8.ts'
import { tensorEncoding, trunkTensors } from '../../shared/core/tensors.ts'
import type { TrunkTensor } from '../../shared/core/tensors.ts'
import { canonicalJson } from '../../shared/protocol/canonical-json.ts'
import { MANIFEST_FORMAT, MANIFEST_VERSION } from '../../shared/protocol/manifest.ts'
import type { ExpertEntry, Manifest, StoredRange, TrunkEntry } from '../../shared/protocol/manifest.ts'
import { digestInput } from '../../shared/protocol/manifest-parser.ts'
import { expertRangeBytes, RANGE_ALIGN_BYTES } from '../../shared/protocol/pack-layout.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { createExpertProber, probeStored } from '../../wasm/src/expert-probe.ts'
import { loadKernelModules } from '../../wasm/src/load-from-disk.ts'
import { benchFolder, cacheKey } from '../cache.ts'
import { blockScale, centerNibbles, createBlockPool, createRandom32, randomFloats } from './random-blocks.ts'
import type { BlockPool, Random32 } from './random-blocks.ts'
import { specOf } from './shape.ts'
import type { SyntheticShape } from './shape.ts'

/** Raised when the same seed would give other bytes, or the manifest has other fields. */
const GENERATOR_VERSION = 3
const SEED = 1
const TIERS: readonly Tier[] = ['q8', 'q4']
/** Width of the router's weights: logits of deviation about 1 at hidden 1024, so that routing spreads. */
const ROUTER_WIDTH = 0.1

interface Pools {
  readonly random: Random32
  readonly hi: BlockPool
  readonly lo: BlockPool
}

/** A pack (tiers q8 and q4) of random weights in `shape`. Made once and kept; same shape, same bytes. */
export async function syntheticPack(shape: SyntheticShape): Promise<{ readonly folder: string; readonly manifest: Manifest }> {
  const folder = join(benchFolder(), 'packs', cacheKey({ shape, version: GENERATOR_VERSION, seed: SEED }))
  if (!existsSync(folder)) {
    const draft = `${folder}.draft-${process.pid}`
    await rm(draft, { recursive: true, force: true })
    await mkdir(draft, { recursive: true })
    await writeSyntheticPack(shape, draft)
    await mkdir(dirname(folder), { recursive: true })
    await rename(draft, folder)
  }
  return { folder, manifest: await readPackFolder(folder) }
}

/** Writes the pack into an empty folder. */
export async function writeSyntheticPack(shape: SyntheticShape, folder: string): Promise<void> {
  const spec = specOf(shape)
  const random = createRandom32(SEED)
  const pools = {
    random,
    hi: createBlockPool(random, HI_RECORD_BYTES, hiRecord(blockScale(shape.hidden))),
    lo: createBlockPool(random, LO_RECORD_BYTES, () => undefined),
  }
  const draft: Manifest = {
    format: MANIFEST_FORMAT,
    version: MANIFEST_VERSION,
    name: 'synthetic-moe',
    digest: '',
    spec,
    tiers: TIERS,
    trunk: { q8: await writeTrunk(spec, pools, folder), f32: [] },
    experts: await writeExperts(spec, pools, folder),
    tokenizer: null,
    chatTemplate: null,
    generation: { temperature: null, topP: null, topK: null, minP: null },
  }
  const digest = createHash('sha256').update(digestInput(draft)).digest('hex')
  await writePackFile(folder, { object: 'manifest.json', bytes: new TextEncoder().encode(`${canonicalJson({ ...draft, digest })}\n`) })
}

/** Centred nibbles, and after them the same bf16 in both halves of the four words of scales. */
function hiRecord(scale: number): (record: Uint8Array) => void {
  const bf16 = new Uint32Array(Float32Array.of(scale).buffer)[0]! >>> 16
  return (record) => {
    centerNibbles(record.subarray(0, LO_RECORD_BYTES))
    new Uint16Array(record.buffer, record.byteOffset + LO_RECORD_BYTES, 8).fill(bf16)
  }
}

async function writeTrunk(spec: ModelSpec, pools: Pools, folder: string): Promise<TrunkEntry[]> {
  const object = await createObject(folder, 'trunk.q8.bin')
  const entries: TrunkEntry[] = []
  try {
    for (const tensor of trunkTensors(spec)) {
      const encoding = tensorEncoding(tensor, 'q8')
      const { name, rows, cols } = tensor
      const range = object.reserve(encodedBytes(encoding, rows, cols))
      let hiSha256: string | null = null
      let done = 0
      for (const part of trunkParts(tensor, pools)) {
        await range.append(part)
        done += part.byteLength
        if (encoding === 'q8' && done === hiPlaneBytes(rows, cols)) hiSha256 = range.checksum()
      }
      entries.push({ ...range.finish(), hiSha256, name, encoding, rows, cols })
    }
  } finally {
    await object.close()
  }
  return entries
}

function* trunkParts(tensor: TrunkTensor, { random, hi, lo }: Pools): Iterable<Uint8Array> {
  const { rows, cols } = tensor
  const encoding = tensorEncoding(tensor, 'q8')
  if (encoding === 'q8') {
    yield* hi.cut(hiPlaneBytes(rows, cols))
    yield* lo.cut(loPlaneBytes(rows, cols))
    return
  }
  const bytes = new Uint8Array(encodedBytes(encoding, rows, cols))
  if (encoding === 'f32-matrix') encodeMatrix(randomFloats(random, rows * cols, ROUTER_WIDTH), rows, cols, encoding, bytes)
  else new Float32Array(bytes.buffer, 0, cols).fill(1) // norms
  yield bytes
}

async function writeExperts(spec: ModelSpec, pools: Pools, folder: string): Promise<ExpertEntry[]> {
  const bytes = expertRangeBytes(spec)
  const prober = createExpertProber(await loadKernelModules(), spec, TIERS)
  const sha256Hex = (row: Uint8Array) => createHash('sha256').update(row).digest('hex')
  const entries: ExpertEntry[] = []
  for (const layer of moeLayers(spec)) {
    const object = await createObject(folder, `experts-${layer}.bin`)
    try {
      for (let expert = 0; expert < spec.router.experts; expert++) {
        const hi = await writeRange(object, bytes.hi, pools.hi.cut(bytes.hi))
        const lo = await writeRange(object, bytes.lo, pools.lo.cut(bytes.lo), 1)
        const ranges = { hi, lo, f32: null }
        const probe = await probeStored(prober, ranges, TIERS, (range, into) => object.read(range, into), sha256Hex)
        entries.push({ layer, expert, ...ranges, probe })
      }
    } finally {
      await object.close()
    }
  }
  return entries
}

async function writeRange(object: ObjectWriter, bytes: number, parts: Iterable<Uint8Array>, align = RANGE_ALIGN_BYTES): Promise<StoredRange> {
  const range = object.reserve(bytes, align)
  for (const part of parts) await range.append(part)
  return range.finish()
}
