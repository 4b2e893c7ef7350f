import { LIMITS } from './limits.ts'
import { err, ok } from './result.ts'
import type { Result } from './result.ts'

/** What a key may use; null: no bound of its own. */
export interface KeyLimits {
  readonly requestsPerMin: number | null
  /** Tokens of prompts and answers together. */
  readonly tokensPerMin: number | null
  /** Requests under way at once. */
  readonly concurrent: number | null
  /** New tokens of a sequence. */
  readonly maxTokens: number | null
}

/** One API key, as the server knows it. */
export interface KeyEntry {
  readonly name: string
  /** SHA-256 of the key's UTF-8, 64 lower-case hex digits. */
  readonly sha256: string
  readonly limits: KeyLimits
}

export const NO_LIMITS: KeyLimits = { requestsPerMin: null, tokensPerMin: null, concurrent: null, maxTokens: null }

/** Each limit by its name in a list. */
const LIMIT_NAMES = { rpm: 'requestsPerMin', tpm: 'tokensPerMin', concurrent: 'concurrent', max_tokens: 'maxTokens' } as const satisfies Record<
  string,
  keyof KeyLimits
>

const NAME = new RegExp(`^[a-z0-9][a-z0-9._-]{0,${LIMITS.keyNameChars - 1}}$`)
const DIGEST = /^[0-9a-f]{64}$/

/**
 * Reads a list of keys: entries `name:sha256` or `name:sha256:rpm=60,tpm=10000,concurrent=4,max_tokens=512`, between them white space.
 * @returns the entries, may be none; or what is wrong, by the entry's number and never in its words: the text is a secret. SPEC KY1.
 */
export function parseKeyList(text: string): Result<readonly KeyEntry[], string> {
  if (text.length > LIMITS.keyListBytesMax) return err(`the list has more than ${LIMITS.keyListBytesMax} characters`)
  const entries: KeyEntry[] = []
  for (const [i, item] of text.split(/\s+/).filter(Boolean).entries()) {
    const [name = '', sha256 = '', limits = '', ...more] = item.split(':')
    const wrong = (what: string) => err(`entry ${i + 1} ${what}`)
    if (!isKeyName(name)) return wrong(`has no name of 1 to ${LIMITS.keyNameChars} lower-case letters, digits, '.', '_' and '-'`)
    if (!isKeyDigest(sha256)) return wrong('has no sha256 of 64 lower-case hex digits')
    if (more.length > 0) return wrong('has more than name, sha256 and limits')
    if (entries.some((entry) => entry.name === name)) return wrong('has the name of another')
    if (entries.some((entry) => entry.sha256 === sha256)) return wrong('has the sha256 of another')
    const parsed = parseKeyLimits(limits)
    if (!parsed.ok) return wrong(parsed.error)
    entries.push({ name, sha256, limits: parsed.value })
  }
  return ok(entries)
}

/** The list that `parseKeyList` reads back, one entry a line. */
export function formatKeyList(entries: readonly KeyEntry[]): string {
  return entries
    .map(({ name, sha256, limits }) => {
      const text = formatKeyLimits(limits)
      return `${name}:${sha256}${text === '' ? '' : `:${text}`}\n`
    })
    .join('')
}

/** `rpm=60,tpm=10000`; empty: none. */
export function parseKeyLimits(text: string): Result<KeyLimits, string> {
  const limits: { -readonly [K in keyof KeyLimits]: KeyLimits[K] } = { ...NO_LIMITS }
  if (text === '') return ok(limits)
  for (const item of text.split(',')) {
    const [, name = '', value = ''] = /^([a-z_]+)=([0-9]{1,10})$/.exec(item) ?? []
    if (!isLimitName(name)) return err(`has a limit that is none of ${Object.keys(LIMIT_NAMES).join(', ')} with a whole number`)
    const field = LIMIT_NAMES[name]
    if (limits[field] !== null) return err(`has ${name} twice`)
    if (Number(value) < 1 || Number(value) > LIMITS.keyLimitMax) return err(`has a ${name} that is not from 1 to ${LIMITS.keyLimitMax}`)
    limits[field] = Number(value)
  }
  return ok(limits)
}

export function formatKeyLimits(limits: KeyLimits): string {
  return Object.entries(LIMIT_NAMES)
    .filter(([, field]) => limits[field] !== null)
    .map(([name, field]) => `${name}=${limits[field]}`)
    .join(',')
}

export function isKeyName(text: string): boolean {
  return NAME.test(text)
}

export function isKeyDigest(text: string): boolean {
  return DIGEST.test(text)
}

function isLimitName(name: string): name is keyof typeof LIMIT_NAMES {
  return Object.hasOwn(LIMIT_NAMES, name)
}
