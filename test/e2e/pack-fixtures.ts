import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { parseManifest } from '../../shared/protocol/manifest-parser.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const OUT = join(ROOT, '.isomoe/fixture-packs')
const FAMILIES = ['mixtral', 'mixtral_swa', 'olmoe', 'qwen2_moe', 'qwen3_moe', 'qwen3_moe_nonorm', 'granitemoe', 'granitemoeshared'] as const

/** A checkpoint with goldens: one of the default set, or the same family in odd sizes. */
export interface Fixture {
  readonly model: string
  readonly folder: string
  readonly pack: string
}

export const FIXTURES: readonly Fixture[] = FAMILIES.map((name) => fixtureAt('models', name, name))
export const AWKWARD_FIXTURES: readonly Fixture[] = FAMILIES.map((name) => fixtureAt('models-awkward', name, `${name}-awkward`))
export const DEMO_PACK = join(ROOT, 'models/demo')

export function fixturePack(name: (typeof FAMILIES)[number]): string {
  return join(OUT, name)
}

/** Packs every golden checkpoint with the command line, as a user would. Deterministic, so a pack that is there is the same pack. */
export default async function packFixtures(): Promise<void> {
  for (const { model, folder, pack } of [...FIXTURES, ...AWKWARD_FIXTURES]) {
    if (await isPacked(pack)) continue
    await promisify(execFile)(process.execPath, [join(ROOT, 'bin/isomoe.mjs'), 'pack', folder, '--out', pack, '--name', model, '--tiers', 'f32,q8'])
  }
}

/** Packs of an older run may have other tiers, or another manifest. */
async function isPacked(pack: string): Promise<boolean> {
  const path = join(pack, 'manifest.json')
  if (!existsSync(path)) return false
  const manifest = parseManifest(await readFile(path))
  return manifest.ok && manifest.value.tiers.includes('q8') && manifest.value.tiers.includes('f32')
}

function fixtureAt(set: string, folder: string, model: string): Fixture {
  return { model, folder: join(ROOT, 'test/fixtures', set, folder), pack: join(OUT, model) }
}
