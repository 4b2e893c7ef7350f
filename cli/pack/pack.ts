import { createHash } from 'node:crypto'
import { basename, resolve } from 'node:path'
import { readModelSpec } from '../../shared/core/families.ts'
import { moeLayers } from '../../shared/core/model-spec.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import type { TensorSources } from '../../shared/core/tensor-sources.ts'
import { expertMatrices, trunkTensors } from '../../shared/core/tensors.ts'
import { canonicalJson } from '../../shared/protocol/canonical-json.ts'
import { MANIFEST_FORMAT, MANIFEST_VERSION } from '../../shared/protocol/manifest.ts'
import type { Manifest, StoredFile } from '../../shared/protocol/manifest.ts'
import { digestInput, isModelName, parseManifest } from '../../shared/protocol/manifest-parser.ts'
import { TIERS } from '../../shared/protocol/tiers.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { createExpertProber } from '../../wasm/src/expert-probe.ts'
import { loadKernelModules } from '../../wasm/src/load-from-disk.ts'
import { CliError, unwrap } from '../errors.ts'
import type { Progress } from '../progress.ts'
import { openCheckpoint } from '../safetensors/checkpoint.ts'
import type { Checkpoint } from '../safetensors/checkpoint.ts'
import { openSourceFolder, readJson } from '../source-folder.ts'
import type { SourceFolder } from '../source-folder.ts'
import { TensorEncoder } from './encoder.ts'
import { readGenerationDefaults } from './generation.ts'
import { writePackFile } from './object-writer.ts'
import type { Staging } from './staging.ts'
import { checkTensors } from './tensor-check.ts'
import { readTextFiles } from './text-files.ts'
import type { PackFile, TextFiles } from './text-files.ts'
import { writeExperts, writeTrunk } from './weights.ts'

export interface PackRequest {
  /** Folder of the checkpoint. */
  readonly from: string
  /** Model id; null: the folder's name. */
  readonly name: string | null
  /** What to pack for, in any order. */
  readonly tiers: readonly Tier[]
}

const CONFIG_BYTES_MAX = 4 * 1024 * 1024

/** The checked input of a pack: nothing is written before it is complete. */
interface Source {
  readonly spec: ModelSpec
  readonly sources: TensorSources
  readonly checkpoint: Checkpoint
  readonly generation: Manifest['generation']
}

/**
 * Packs a Hugging Face folder: reads and checks everything that can be checked without the weights' values, then writes object after object
 * into the staging folder and publishes it. Throws CliError naming the file or tensor; then nothing is published. SPEC PK1 to PK10.
 * @param stage makes the staging folder, once the input has been checked.
 */
export async function packCheckpoint(request: PackRequest, stage: () => Promise<Staging>, progress: Progress): Promise<Manifest> {
  const name = request.name ?? basename(resolve(request.from))
  if (!isModelName(name))
    throw new CliError('name-invalid', `${JSON.stringify(name)} cannot be a model id (letters, digits, '.', '_', '-', at most 96): choose one with --name`)
  const folder = await openSourceFolder(request.from)
  const warn = (message: string) => progress.warn(message)
  const files = await readTextFiles(folder, warn)
  const source = await readSource(folder, warn)
  try {
    const staging = await stage()
    try {
      const manifest = await writePack(name, packedTiers(request.tiers), source, files, staging.folder, progress)
      await staging.publish()
      return manifest
    } finally {
      staging.discard()
    }
  } finally {
    await source.checkpoint.close()
    progress.stop()
  }
}

/** q8 brings q4 along: its hi planes are q4 (SPEC PK4). */
function packedTiers(wanted: readonly Tier[]): Tier[] {
  return TIERS.filter((tier) => wanted.includes(tier) || (tier === 'q4' && wanted.includes('q8')))
}

async function readSource(folder: SourceFolder, warn: (message: string) => void): Promise<Source> {
  const config = await readJson(folder, 'config.json', CONFIG_BYTES_MAX)
  if (!config) throw new CliError('checkpoint-invalid', 'the folder has no config.json')
  const generation = (await readJson(folder, 'generation_config.json', CONFIG_BYTES_MAX))?.value ?? null
  const { spec, sources } = unwrap(readModelSpec(config.value, generation))
  const defaults = readGenerationDefaults(generation, warn)
  const checkpoint = await openCheckpoint(folder)
  try {
    await checkTensors(checkpoint, spec, sources)
  } catch (error) {
    await checkpoint.close()
    throw error
  }
  return { spec, sources, checkpoint, generation: defaults }
}

async function writePack(name: string, tiers: readonly Tier[], source: Source, files: TextFiles, folder: string, progress: Progress): Promise<Manifest> {
  const { spec, sources, checkpoint, generation } = source
  const encoder = new TensorEncoder(checkpoint, spec, tiers)
  const prober = createExpertProber(await loadKernelModules(), spec, tiers)
  const job = { spec, sources, tiers, encoder, prober, folder, onValues: (count: number, stage: string) => progress.advance(count, stage) }
  const store = async (file: PackFile | null) => file && (await writePackFile(folder, file))
  progress.start(valueCount(spec))
  const manifest = withDigest({
    format: MANIFEST_FORMAT,
    version: MANIFEST_VERSION,
    name,
    digest: '',
    spec,
    tiers,
    trunk: await writeTrunk(job),
    experts: await writeExperts(job),
    tokenizer: await storeTokenizer(files, store),
    chatTemplate: await store(files.chatTemplate),
    generation,
  })
  await writeManifest(folder, manifest)
  return manifest
}

async function storeTokenizer(files: TextFiles, store: (file: PackFile | null) => Promise<StoredFile | null>): Promise<Manifest['tokenizer']> {
  const tokenizer = await store(files.tokenizer)
  const tables = await store(files.tokenizerTables)
  return tokenizer && { tokenizer, config: await store(files.tokenizerConfig), ...(tables && { tables }) }
}

function withDigest(manifest: Manifest): Manifest {
  return { ...manifest, digest: createHash('sha256').update(digestInput(manifest)).digest('hex') }
}

/** Reads it back before it is written: a pack that no reader accepts must not exist. */
async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const bytes = new TextEncoder().encode(`${canonicalJson(manifest)}\n`)
  unwrap(parseManifest(bytes))
  await writePackFile(folder, { object: 'manifest.json', bytes })
}

/** Values that are read: the unit of progress. */
function valueCount(spec: ModelSpec): number {
  const perExpert = expertMatrices(spec).reduce((sum, m) => sum + m.rows * m.cols, 0)
  return trunkTensors(spec).reduce((sum, t) => sum + t.rows * t.cols, 0) + moeLayers(spec).length * spec.router.experts * perExpert
}
