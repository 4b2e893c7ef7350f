import { moeError } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { isKeyDigest, parseKeyList } from '../../../shared/protocol/key-list.ts'
import type { KeyLimits } from '../../../shared/protocol/key-list.ts'
import { parseOrigins } from '../../../shared/protocol/origins.ts'
import { err, ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import { oneOfSetting } from '../../settings.ts'

/** Who is let in where no keys are set: nobody, or this machine. */
export const ACCESS_MODES = ['keys', 'loopback'] as const
export type AccessMode = (typeof ACCESS_MODES)[number]

/** The settings of a deployment, as they are. */
export interface AccessVars {
  readonly ACCESS: string
  /** Secret: a list of keys (shared/protocol/key-list.ts). */
  readonly API_KEYS?: string
  /** Secret: sha256 of the admin's key, 64 hex digits. */
  readonly ADMIN_KEY?: string
  /** Origins of browsers' pages, between them commas, or `*`. */
  readonly CORS_ORIGINS?: string
}

/** A key that is let in. */
export interface KnownKey {
  readonly name: string
  /** SHA-256 of it. */
  readonly digest: Uint8Array
  readonly limits: KeyLimits
}

/** Who may call. A list that cannot be read is an error for every request that would need it: never open. SPEC KY1, KY2. */
export interface AccessSettings {
  readonly mode: AccessMode
  /** May be none. */
  readonly apiKeys: Result<readonly KnownKey[], MoeError>
  /** Digest of the admin's key; null: none is set. */
  readonly adminKey: Result<Uint8Array | null, MoeError>
  readonly corsOrigins: readonly string[]
}

/** Reads them once an isolate. Throws for what is no secret and wrong, as other settings do. */
export function readAccess(vars: AccessVars): AccessSettings {
  return {
    mode: oneOfSetting('ACCESS', vars.ACCESS, ACCESS_MODES),
    apiKeys: readApiKeys(vars.API_KEYS ?? ''),
    adminKey: readAdminKey(vars.ADMIN_KEY?.trim() ?? ''),
    corsOrigins: readOrigins(vars.CORS_ORIGINS ?? ''),
  }
}

function readApiKeys(text: string): AccessSettings['apiKeys'] {
  const parsed = parseKeyList(text)
  if (!parsed.ok) return unreadable('API_KEYS', parsed.error)
  return ok(parsed.value.map(({ name, sha256, limits }) => ({ name, digest: fromHex(sha256), limits })))
}

function readAdminKey(text: string): AccessSettings['adminKey'] {
  if (text === '') return ok(null)
  return isKeyDigest(text) ? ok(fromHex(text)) : unreadable('ADMIN_KEY', 'it is no sha256 of 64 lower-case hex digits')
}

function unreadable(setting: string, reason: string) {
  return err(moeError('keys-invalid', `The setting ${setting} of this server cannot be read: ${reason}. Nobody is let in until it is right.`, { setting }))
}

function readOrigins(text: string): readonly string[] {
  const origins = parseOrigins(text)
  if (!origins.ok) throw new Error(`setting CORS_ORIGINS ${origins.error}`)
  return origins.value
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16))
}
