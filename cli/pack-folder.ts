import { createHash } from 'node:crypto'
import type { Manifest, StoredFile, StoredRange } from '../shared/protocol/manifest.ts'
import { LIMITS } from '../shared/protocol/limits.ts'
import { checkDigest, parseManifest } from '../shared/protocol/manifest-parser.ts'
import { CliError, unwrap } from './errors.ts'
import { openSourceFolder } from './source-folder.ts'
import type { SourceFolder } from './source-folder.ts'

const MANIFEST_FILE = 'manifest.json'

/** Reads a pack on disk: manifest, its digest, and that every object is there in full. Checksums of ranges are for those who load them. */
export async function readPackFolder(path: string): Promise<Manifest> {
  const folder = await openSourceFolder(path)
  if (!(await folder.has(MANIFEST_FILE))) throw new CliError('manifest-invalid', `${path} is not a pack: it has no ${MANIFEST_FILE}`)
  const manifest = unwrap(parseManifest(await readWhole(folder, MANIFEST_FILE, LIMITS.manifestBytesMax)))
  unwrap(await checkDigest(manifest, (bytes) => createHash('sha256').update(bytes).digest('hex')))
  for (const [object, bytes] of objectSizes(manifest)) await checkObject(folder, object, bytes)
  return manifest
}

/** Every object that a manifest names, ascending. */
export function objectNames(manifest: Manifest): string[] {
  return [...objectSizes(manifest).keys()].sort()
}

/** Bytes of all that a manifest names, without the manifest and the gaps. */
export function manifestBytes(manifest: Manifest): number {
  return storedEntries(manifest).reduce((sum, entry) => sum + entry.bytes, 0)
}

/** Object → its least size: the end of its last range. */
function objectSizes(manifest: Manifest): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const entry of storedEntries(manifest)) {
    const end = ('offset' in entry ? entry.offset : 0) + entry.bytes
    sizes.set(entry.object, Math.max(end, sizes.get(entry.object) ?? 0))
  }
  return sizes
}

function storedEntries({ trunk, experts, tokenizer, chatTemplate }: Manifest): (StoredRange | StoredFile)[] {
  const ranges = [...trunk.q8, ...trunk.f32, ...experts.flatMap((e) => [e.hi, e.lo, e.f32])]
  return [...ranges, tokenizer?.tokenizer, tokenizer?.config, tokenizer?.tables, chatTemplate].filter((entry) => entry !== null && entry !== undefined)
}

async function checkObject(folder: SourceFolder, object: string, bytes: number): Promise<void> {
  if (!(await folder.has(object))) throw new CliError('weights-missing', `${object} is missing`)
  const source = await folder.open(object)
  await source.close()
  if (source.bytes < bytes) throw new CliError('weights-corrupt', `${object} is truncated: it has ${source.bytes} of ${bytes} bytes`)
}

async function readWhole(folder: SourceFolder, file: string, bytesMax: number): Promise<Uint8Array> {
  const source = await folder.open(file)
  try {
    if (source.bytes > bytesMax) throw new CliError('manifest-invalid', `${file} has ${source.bytes} bytes, at most ${bytesMax} are allowed`)
    const bytes = new Uint8Array(source.bytes)
    await source.read(bytes, 0)
    return bytes
  } finally {
    await source.close()
  }
}
