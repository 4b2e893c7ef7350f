import { moeError, type MoeErrorOf } from '../../protocol/errors.ts'

/** Where the first problem of a config and the objects inside it is kept. */
interface Findings {
  first: MoeErrorOf<'manifest-invalid'> | null
}

export interface Range {
  readonly min: number
  readonly max: number
  /** The value of an absent key; without it an absent key is refused. */
  readonly absent?: number
}

/** Longest list that a config may hold (token ids, layer numbers, layer kinds). */
const LIST_MAX = 1024

/**
 * The fields of one JSON object, read into bounded values. A null counts as an absent key, as transformers has it.
 * The first problem is kept, and a refused field answers the least allowed value: so a reader reads all it needs in one
 * straight story, computes with harmless numbers after a problem, and looks at `problem` once, at the end. Never throws.
 */
export class ConfigFields {
  readonly #values: ReadonlyMap<string, unknown>
  readonly #path: string
  readonly #findings: Findings

  /** `path` is what messages put before a key: '' or 'rope_scaling.'. */
  constructor(value: unknown, path = '', findings: Findings = { first: null }) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    this.#values = new Map(isObject ? Object.entries(value) : [])
    this.#path = path
    this.#findings = findings
    if (!isObject) this.refuse('', 'must be a JSON object')
  }

  get problem(): MoeErrorOf<'manifest-invalid'> | null {
    return this.#findings.first
  }

  /** Records a problem with `key`; `why` ends the sentence that begins with the field's name. */
  refuse(key: string, why: string): void {
    const field = `${this.#path}${key}`.replace(/\.$/, '') || 'config'
    this.#findings.first ??= moeError('manifest-invalid', `${field} ${why}`, { field })
  }

  has(key: string): boolean {
    return this.#get(key) !== undefined
  }

  integer(key: string, range: Range): number {
    const value = this.number(key, range)
    if (Number.isSafeInteger(value)) return value
    this.refuse(key, `must be an integer, not ${shown(value)}`)
    return range.min
  }

  number(key: string, { min, max, absent }: Range): number {
    const value = this.#get(key) ?? absent
    if (typeof value === 'number' && value >= min && value <= max) return value
    this.refuse(key, value === undefined ? 'is missing' : `must be a number from ${min} to ${max}, not ${shown(value)}`)
    return min
  }

  flag(key: string, absent: boolean): boolean {
    const value = this.#get(key) ?? absent
    if (typeof value === 'boolean') return value
    this.refuse(key, `must be true or false, not ${shown(value)}`)
    return absent
  }

  /** Null when absent. */
  text(key: string): string | null {
    const value = this.#get(key) ?? null
    if (value === null || typeof value === 'string') return value
    this.refuse(key, `must be a string, not ${shown(value)}`)
    return null
  }

  /** A list of integers from `min` to `max`, or a single one; empty when absent. */
  integers(key: string, { min, max }: Range): number[] {
    return this.#list(key).filter((value): value is number => {
      const fits = typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
      if (!fits) this.refuse(key, `must hold integers from ${min} to ${max}, not ${shown(value)}`)
      return fits
    })
  }

  /** True if every entry of a list is `want`; also when absent. */
  isAll(key: string, want: string): boolean {
    return this.#list(key).every((value) => value === want)
  }

  /** The object under `key`; null when absent. */
  nested(key: string): ConfigFields | null {
    return this.has(key) ? new ConfigFields(this.#get(key), `${this.#path}${key}.`, this.#findings) : null
  }

  #list(key: string): unknown[] {
    const value = this.#get(key)
    const list: unknown[] = value === undefined ? [] : Array.isArray(value) ? value : [value]
    if (list.length <= LIST_MAX) return list
    this.refuse(key, `holds ${list.length} entries, the most is ${LIST_MAX}`)
    return []
  }

  #get(key: string): unknown {
    return this.#values.get(key) ?? undefined
  }
}

/** A value as a message shows it: short, and never walked into, since a config may be nested deeper than the stack. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 64))
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object'
  return String(value)
}
