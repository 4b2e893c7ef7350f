import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { readModelSpec } from '../../shared/core/families.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { packedTokenizerBytes } from '../../shared/cost/tokenizer-bytes.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { TIERS } from '../../shared/protocol/tiers.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { CliError, unwrap } from '../errors.ts'
import { readPackFolder } from '../pack-folder.ts'
import { openSourceFolder, readJson } from '../source-folder.ts'

/** What is planned: a pack, or the config.json of a checkpoint that nobody need have downloaded. */
export interface PlanSource {
  readonly name: string
  readonly spec: ModelSpec
  readonly tiers: readonly Tier[]
  /** Of the file that a gateway reads; null: none, or not known. */
  readonly tokenizerBytes: number | null
  readonly manifest: Manifest | null
}

const CONFIG = 'config.json'

export async function sourceFromPack(path: string): Promise<PlanSource> {
  const manifest = await readPackFolder(path)
  const { name, spec, tiers, tokenizer } = manifest
  return { name, spec, tiers, tokenizerBytes: tokenizer?.tables?.bytes ?? tokenizer?.tokenizer.bytes ?? null, manifest }
}

/** @param path a config.json of Hugging Face, or the folder that has it. A tokenizer.json beside it counts. */
export async function sourceFromConfig(path: string): Promise<PlanSource> {
  const isFolder = (await stat(path)).isDirectory()
  const folder = await openSourceFolder(isFolder ? path : dirname(path))
  const config = await readJson(folder, isFolder ? CONFIG : basename(path), LIMITS.tokenizerConfigBytesMax)
  if (config === null) throw new CliError('checkpoint-invalid', `${path} has no ${CONFIG}`)
  const generation = await readJson(folder, 'generation_config.json', LIMITS.tokenizerConfigBytesMax)
  const { spec } = unwrap(readModelSpec(config.value, generation?.value ?? null))
  const name = basename(isFolder ? path : path.replace(/\.json$/, ''))
  return { name, spec, tiers: TIERS, tokenizerBytes: await tokenizerBytes(folder), manifest: null }
}

async function tokenizerBytes(folder: Awaited<ReturnType<typeof openSourceFolder>>): Promise<number | null> {
  if (!(await folder.has('tokenizer.json'))) return null
  const source = await folder.open('tokenizer.json')
  await source.close()
  return packedTokenizerBytes(source.bytes)
}
