import { isKeyName } from '../../shared/protocol/key-list.ts'
import type { KeyLimits } from '../../shared/protocol/key-list.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { CliError } from '../errors.ts'
import { keySecrets, NO_KEYS, readKeyFile, writeKeyFile } from './key-file.ts'
import type { KeyFile } from './key-file.ts'
import { newKey } from './new-key.ts'
import type { PushSecrets } from './push-secrets.ts'

/** Where keys are kept: a file, and a deployed script that has the same as secrets (null: none). Secrets cannot be read back, so the file is the truth. */
export interface KeyPlace {
  readonly file: string
  readonly script: string | null
  readonly push: PushSecrets
}

/** Adds a key; it is given once and kept by nobody. What could not be deployed is not in the file either. */
export async function addKey(place: KeyPlace, name: string, limits: KeyLimits): Promise<string> {
  if (!isKeyName(name)) throw new CliError('name-invalid', `a key's name has 1 to ${LIMITS.keyNameChars} lower-case letters, digits, '.', '_' and '-'`)
  const before = await readKeyFile(place.file)
  const { keys, admin } = before ?? NO_KEYS
  if (keys.some((entry) => entry.name === name)) throw new CliError('key-exists', `${place.file} has a key ${name}: revoke it first, or choose another name`)
  const { key, sha256 } = newKey('imk_')
  await replace(place, before, { keys: [...keys, { name, sha256, limits }], admin })
  return key
}

/** Sets the admin's key, in the place of the one before. */
export async function setAdminKey(place: KeyPlace): Promise<string> {
  const before = await readKeyFile(place.file)
  const { key, sha256 } = newKey('ima_')
  await replace(place, before, { ...(before ?? NO_KEYS), admin: sha256 })
  return key
}

/** Takes a key out. The file loses it whether or not it could be deployed: the next push takes it away. */
export async function revokeKey(place: KeyPlace, name: string): Promise<void> {
  const before = (await readKeyFile(place.file)) ?? NO_KEYS
  const keys = before.keys.filter((entry) => entry.name !== name)
  if (keys.length === before.keys.length) throw new CliError('key-unknown', `${place.file} has no key ${name}`)
  const after = { ...before, keys }
  await writeKeyFile(place.file, after)
  try {
    await push(place, after)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    throw new CliError(error.code, `${name} is still let in, run isomoe keys push again: ${error.message}`)
  }
}

/** Gives the deployed script what the file has. */
export async function pushKeys(place: KeyPlace): Promise<KeyFile> {
  const file = await readKeyFile(place.file)
  if (file === null) throw new CliError('key-unknown', `${place.file} is not there`)
  await push(place, file)
  return file
}

async function replace(place: KeyPlace, before: KeyFile | null, after: KeyFile): Promise<void> {
  await writeKeyFile(place.file, after)
  try {
    await push(place, after)
  } catch (error) {
    await writeKeyFile(place.file, before)
    throw error
  }
}

async function push({ script, push: pushSecrets }: KeyPlace, file: KeyFile): Promise<void> {
  if (script !== null) await pushSecrets(script, keySecrets(file))
}
