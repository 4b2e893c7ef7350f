/**
 * Readers of hostile JSON: a format is written down as one reader per field, and a value that came through is new, typed and bounded.
 * A reader throws FieldFault; the parser that owns the format catches it once and returns it as an error. It never crosses a seam.
 */
export type Reader<T> = (value: unknown, path: string) => T

export class FieldFault extends Error {
  /** Where, as `trunk.q8[3].bytes`. */
  readonly field: string

  constructor(field: string, reason: string) {
    super(`${field}: ${reason}`)
    this.field = field
  }
}

/** A safe integer, bounds included. */
export function integer(min: number, max: number): Reader<number> {
  return (value, path) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value
    throw new FieldFault(path, `want an integer from ${min} to ${max}, got ${show(value)}`)
  }
}

/** A finite number, bounds included. */
export function number(min: number, max: number): Reader<number> {
  return (value, path) => {
    if (typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max) return value
    throw new FieldFault(path, `want a number from ${min} to ${max}, got ${show(value)}`)
  }
}

export const boolean: Reader<boolean> = (value, path) => {
  if (typeof value === 'boolean') return value
  throw new FieldFault(path, `want true or false, got ${show(value)}`)
}

/** A string that the whole pattern matches; the pattern bounds its length. */
export function text(pattern: RegExp): Reader<string> {
  return (value, path) => {
    if (typeof value === 'string' && pattern.test(value)) return value
    throw new FieldFault(path, `want a string like ${pattern.source}, got ${show(value)}`)
  }
}

export function oneOf<const T extends string | number>(...choices: readonly T[]): Reader<T> {
  return (value, path) => {
    const choice = choices.find((c) => c === value)
    if (choice !== undefined) return choice
    throw new FieldFault(path, `want ${choices.join(' or ')}, got ${show(value)}`)
  }
}

export function nullable<T>(reader: Reader<T>): Reader<T | null> {
  return (value, path) => (value === null ? null : reader(value, path))
}

/** A field that may be absent, and then stays so: `record` leaves it out. */
export function optional<T>(reader: Reader<T>): Reader<T> {
  return (value, path) => (value === undefined ? (undefined as T) : reader(value, path))
}

export function list<T>(reader: Reader<T>, lengthMax: number): Reader<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new FieldFault(path, `want a list, got ${show(value)}`)
    if (value.length > lengthMax) throw new FieldFault(path, `want at most ${lengthMax} entries, got ${value.length}`)
    return value.map((entry, index) => reader(entry, `${path}[${index}]`))
  }
}

/** An object with exactly these fields, but for optional ones. */
export function record<T extends object>(readers: { readonly [K in keyof T]-?: Reader<T[K]> }): Reader<T> {
  const keys = Object.keys(readers) as (keyof T & string)[]
  return (value, path) => {
    const fields = asObject(value, path)
    for (const key of Object.keys(fields)) {
      if (!Object.hasOwn(readers, key)) throw new FieldFault(path, `has an unknown field ${show(key)}`)
    }
    const read = keys.map((key) => [key, readers[key](fields[key], path ? `${path}.${key}` : key)] as const)
    return Object.fromEntries(read.filter(([, field]) => field !== undefined)) as unknown as T
  }
}

/** An object whose field `kind` says which reader it needs. */
export function variant<T extends { readonly kind: string }>(readers: { readonly [K in T['kind']]: Reader<Extract<T, { kind: K }>> }): Reader<T> {
  const kinds = Object.keys(readers) as T['kind'][]
  return (value, path) => {
    const kind = oneOf(...kinds)(asObject(value, path)['kind'], `${path}.kind`)
    return readers[kind](value, path)
  }
}

function asObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new FieldFault(path || 'the whole', `want an object, got ${show(value)}`)
}

/** What a message may say about a hostile value: its kind, and a short escaped form. */
function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return value.length > 64 ? `a string of ${value.length} characters` : JSON.stringify(value)
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object'
  return String(value)
}
