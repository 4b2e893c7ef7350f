/** A number of a JSON text that JavaScript would write differently: Python keeps 6.0 a float, and integers whole above 2^53. */
export class ExactNumber {
  readonly value: number | bigint
  readonly isFloat: boolean

  constructor(value: number | bigint, isFloat: boolean) {
    this.value = value
    this.isFloat = isFloat
  }
}

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown

/** JSON as Python reads it: `6.0` and `1e3` are floats, integers have all their digits. @throws SyntaxError of JSON.parse. */
export function parseExactJson(text: string): unknown {
  const revive: Reviver = (_, value, { source }) => (typeof value === 'number' && source !== undefined ? exactNumber(value, source) : value)
  return JSON.parse(text, revive as (this: unknown, key: string, value: unknown) => unknown)
}

function exactNumber(value: number, source: string): number | ExactNumber {
  if (/[.eE]/.test(source)) return Number.isInteger(value) ? new ExactNumber(value, true) : value
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return value
  return new ExactNumber(Object.is(value, -0) ? 0 : BigInt(source), false)
}
