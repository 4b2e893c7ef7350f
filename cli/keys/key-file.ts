import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { formatKeyList, isKeyDigest, parseKeyList } from '../../shared/protocol/key-list.ts'
import type { KeyEntry } from '../../shared/protocol/key-list.ts'
import { CliError } from '../errors.ts'
import { parseJson } from '../load/fetch-text.ts'
import { readBounded } from '../read-bounded.ts'

/** The keys of one server, as hashes: nobody can make a key of them. */
export interface KeyFile {
  readonly keys: readonly KeyEntry[]
  /** SHA-256 of the admin's key, in hex; null: none. */
  readonly admin: string | null
}

/** In the state folder: what `isomoe dev` reads if it is there. */
export const DEV_KEYS_FILE = 'keys.json'

export const NO_KEYS: KeyFile = { keys: [], admin: null }

/** `keys`: entries of a list as the server reads it, one a line. */
const FileSchema = z.strictObject({ version: z.literal(1), keys: z.array(z.string()), admin: z.string().refine(isKeyDigest).nullable() })
const FILE_BYTES_MAX = 64 * 1024
/** Hashes, but who may call is nobody's business. */
const OWNER_ONLY = 0o600

/** The keys in a file; null where there is none. */
export async function readKeyFile(path: string): Promise<KeyFile | null> {
  let text: string
  try {
    text = (await readBounded(path, FILE_BYTES_MAX)).toString()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  const file = FileSchema.safeParse(parseJson(text))
  if (!file.success) throw new CliError('keys-invalid', `${path} is no file of keys`)
  const keys = parseKeyList(file.data.keys.join('\n'))
  if (!keys.ok) throw new CliError('keys-invalid', `${path}: ${keys.error}`)
  return { keys: keys.value, admin: file.data.admin }
}

/** Writes the keys, whole or not at all; null removes the file. */
export async function writeKeyFile(path: string, file: KeyFile | null): Promise<void> {
  if (file === null) return rm(path, { force: true })
  const list = checkKeyList(file.keys)
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.draft`
  await writeFile(draft, `${JSON.stringify({ version: 1, keys: list.split('\n').filter(Boolean), admin: file.admin }, null, 2)}\n`, { mode: OWNER_ONLY })
  await rename(draft, path)
}

/** The list as the server reads it. What it would refuse is refused here. */
export function checkKeyList(keys: readonly KeyEntry[]): string {
  const list = formatKeyList(keys)
  const readable = parseKeyList(list)
  if (!readable.ok) throw new CliError('keys-invalid', readable.error)
  return list
}

/** The gateway's secrets that say who may call; null: not set. */
export function keySecrets({ keys, admin }: KeyFile): { readonly API_KEYS: string | null; readonly ADMIN_KEY: string | null } {
  return { API_KEYS: keys.length === 0 ? null : formatKeyList(keys), ADMIN_KEY: admin }
}
