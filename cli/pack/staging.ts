import { existsSync, renameSync, rmSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { MANIFEST_FORMAT } from '../../shared/protocol/manifest.ts'
import { CliError } from '../errors.ts'

/** A folder beside the target that becomes the target as a whole, or vanishes. */
export interface Staging {
  /** Where to write. */
  readonly folder: string
  /** Puts the folder in the place of the target, whose README.md is kept. */
  publish(): Promise<void>
  /** Removes all of it; safe after publish, and from a signal handler. */
  discard(): void
}

/** Files that a pack, of this version or another, may consist of. */
const PACK_FILE = /^(manifest\.json|README\.md|tokenizer\.json|tokenizer_config\.json|chat_template\.jinja|trunk\.(q8|f32)\.bin|experts-\d+(\.f32)?\.bin)$/

/** Refuses a target that holds anything but a pack: what is published replaces it. */
export async function stageOutput(out: string): Promise<Staging> {
  const target = await realpath(out).catch(() => resolve(out))
  await checkReplaceable(target, out)
  await mkdir(dirname(target), { recursive: true })
  const root = await mkdtemp(join(dirname(target), `.${basename(target)}.packing-`))
  const folder = join(root, 'pack')
  const replaced = join(root, 'replaced')
  await mkdir(folder) // mkdtemp's own folder is for its owner only: a pack is not
  return {
    folder,
    publish: async () => {
      const readme = join(target, 'README.md')
      if (existsSync(readme)) await copyFile(readme, join(folder, 'README.md'))
      swap(target, folder, replaced)
      rmSync(root, { recursive: true, force: true })
    },
    discard: () => rmSync(root, { recursive: true, force: true }),
  }
}

async function checkReplaceable(target: string, out: string): Promise<void> {
  if (!existsSync(target)) return
  if (!(await stat(target)).isDirectory()) throw new CliError('out-refused', `${out} exists and is not a folder`)
  const files = await readdir(target)
  if (files.length === 0) return
  const foreign = files.find((file) => !PACK_FILE.test(file))
  if (foreign !== undefined) throw new CliError('out-refused', `${out} holds ${foreign}, which is not part of a pack: choose another folder`)
  if (!(await isPack(target))) throw new CliError('out-refused', `${out} is neither empty nor an isomoe pack: choose another folder`)
}

async function isPack(folder: string): Promise<boolean> {
  const file = join(folder, 'manifest.json')
  if (!existsSync(file)) return false
  const text = await readFile(file, 'utf8')
  return text.includes(`"format":"${MANIFEST_FORMAT}"`) // not parsed: a pack of another version is replaced, too
}

/** Without an await in between, so that no signal handler of ours runs while the target is away. */
function swap(target: string, folder: string, replaced: string): void {
  const exists = existsSync(target)
  if (exists) renameSync(target, replaced)
  try {
    renameSync(folder, target)
  } catch (error) {
    if (exists) renameSync(replaced, target)
    throw error
  }
}
