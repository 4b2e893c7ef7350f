import { createHash } from 'node:crypto'
import { hiPlaneBytes } from '../../shared/core/layout.ts'
import { moeLayers } from '../../shared/core/model-spec.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import type { TensorSources } from '../../shared/core/tensor-sources.ts'
import { expertMatrices, tensorEncoding, trunkTensors } from '../../shared/core/tensors.ts'
import type { ExpertEntry, Manifest, StoredRange, TrunkEntry } from '../../shared/protocol/manifest.ts'
import { expertRangeBytes } from '../../shared/protocol/pack-layout.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { probeStored } from '../../wasm/src/expert-probe.ts'
import type { ExpertProber } from '../../wasm/src/expert-probe.ts'
import type { TensorEncoder } from './encoder.ts'
import { createObject } from './object-writer.ts'
import type { ObjectWriter } from './object-writer.ts'

/** What writing the weights needs. */
export interface WeightsJob {
  readonly spec: ModelSpec
  readonly sources: TensorSources
  readonly tiers: readonly Tier[]
  readonly encoder: TensorEncoder
  readonly prober: ExpertProber
  /** The folder that the objects go to. */
  readonly folder: string
  readonly onValues: (count: number, stage: string) => void
}

/** Writes trunk.q8.bin (tiers q8 and q4) and trunk.f32.bin; each tensor is read once for both. */
export async function writeTrunk(job: WeightsJob): Promise<Manifest['trunk']> {
  const entries: Record<'q8' | 'f32', TrunkEntry[]> = { q8: [], f32: [] }
  const q8 = job.tiers.includes('q4') ? await createObject(job.folder, 'trunk.q8.bin') : null
  const f32 = job.tiers.includes('f32') ? await createObject(job.folder, 'trunk.f32.bin') : null
  try {
    for (const tensor of trunkTensors(job.spec)) {
      const { name, rows, cols } = tensor
      const values = await job.encoder.read(job.sources.trunk.get(name)!, rows, cols)
      for (const [tier, object] of [
        ['q8', q8],
        ['f32', f32],
      ] as const) {
        if (!object) continue
        const encoding = tensorEncoding(tensor, tier)
        const bytes = job.encoder.encode(values, rows, cols, encoding)
        const range = object.reserve(bytes.byteLength)
        const hiBytes = encoding === 'q8' ? hiPlaneBytes(rows, cols) : 0
        await range.append(bytes.subarray(0, hiBytes))
        const hiSha256 = encoding === 'q8' ? range.checksum() : null
        await range.append(bytes.subarray(hiBytes))
        entries[tier].push({ ...range.finish(), hiSha256, name, encoding, rows, cols })
      }
      job.onValues(rows * cols, 'trunk')
    }
  } finally {
    await q8?.close()
    await f32?.close()
  }
  return entries
}

/** Writes experts-<layer>.bin (hi and lo planes) and experts-<layer>.f32.bin of every MoE layer. */
export async function writeExperts(job: WeightsJob): Promise<ExpertEntry[]> {
  const entries: ExpertEntry[] = []
  for (const layer of moeLayers(job.spec)) {
    const planes = job.tiers.includes('q4') ? await createObject(job.folder, `experts-${layer}.bin`) : null
    const f32 = job.tiers.includes('f32') ? await createObject(job.folder, `experts-${layer}.f32.bin`) : null
    try {
      for (let expert = 0; expert < job.spec.router.experts; expert++) entries.push(await writeExpert(job, layer, expert, planes, f32))
    } finally {
      await planes?.close()
      await f32?.close()
    }
  }
  return entries
}

/**
 * One expert: the hi planes of gate, up and down, then their lo planes. A matrix comes out of the encoder as hi then lo, and each half goes
 * straight to its own range, so q4 reads one piece. What was written is read back once, for the probe: the only time that an expert is held whole.
 */
async function writeExpert(job: WeightsJob, layer: number, expert: number, planes: ObjectWriter | null, full: ObjectWriter | null): Promise<ExpertEntry> {
  const bytes = expertRangeBytes(job.spec)
  const nested = job.tiers.includes('q8')
  const hi = planes?.reserve(bytes.hi)
  const lo = nested ? planes?.reserve(bytes.lo, 1) : undefined
  const f32 = full?.reserve(bytes.f32)
  const sources = job.sources.expert(layer, expert)
  for (const { name, rows, cols } of expertMatrices(job.spec)) {
    const values = await job.encoder.read(sources[name], rows, cols)
    if (hi) {
      const encoded = job.encoder.encode(values, rows, cols, nested ? 'q8' : 'q4')
      await hi.append(encoded.subarray(0, hiPlaneBytes(rows, cols)))
      await lo?.append(encoded.subarray(hiPlaneBytes(rows, cols)))
    }
    await f32?.append(job.encoder.encode(values, rows, cols, 'f32-matrix'))
    job.onValues(rows * cols, `experts, layer ${layer + 1} of ${job.spec.layers.length}`)
  }
  const ranges = { hi: hi?.finish() ?? null, lo: lo?.finish() ?? null, f32: f32?.finish() ?? null }
  const read = (range: StoredRange, into: Uint8Array) => (range === ranges.f32 ? full : planes)!.read(range, into)
  const sha256Hex = (row: Uint8Array) => createHash('sha256').update(row).digest('hex')
  return { layer, expert, ...ranges, probe: await probeStored(job.prober, ranges, job.tiers, read, sha256Hex) }
}
