import { literal, oneOf } from './rules.ts'
import { INTEGER_DIGITS } from './json-rules.ts'
import { SchemaFault } from './schema-fault.ts'

/** Where a range ends; null: it does not. */
export interface Bound {
  readonly value: number
  readonly exclusive: boolean
}

const LARGEST = 10 ** INTEGER_DIGITS - 1

/** Whole numbers of a range, in decimal, without leading zeros. */
export function integerRange(low: Bound | null, high: Bound | null): string {
  const from = low === null ? -LARGEST : firstInteger(low)
  const to = high === null ? LARGEST : -firstInteger({ value: -high.value, exclusive: high.exclusive })
  return wholeRange(from, to, 'minimum')
}

function firstInteger({ value, exclusive }: Bound): number {
  return Math.ceil(value) === value && exclusive ? value + 1 : Math.ceil(value) + 0
}

function wholeRange(from: number, to: number, keyword: string): string {
  if (from > to) throw new SchemaFault(keyword, 'no number is in the range')
  if (Math.abs(from) > LARGEST || Math.abs(to) > LARGEST) throw new SchemaFault(keyword, `bounds have at most ${INTEGER_DIGITS} digits`)
  const parts: string[] = []
  if (from < 0) parts.push(`"-" ${magnitudes(Math.max(1, -to), -from)}`)
  if (to >= 0) parts.push(magnitudes(Math.max(0, from), to))
  return oneOf(parts)
}

/** From `from` to `to`, neither negative. */
function magnitudes(from: number, to: number): string {
  const parts: string[] = []
  for (let digits = String(from).length; digits <= String(to).length; digits++) {
    const low = Math.max(from, digits === 1 ? 0 : 10 ** (digits - 1))
    parts.push(sameLength(String(low), String(Math.min(to, 10 ** digits - 1))))
  }
  return oneOf(parts)
}

/** Digit strings of one length. Digits before the first difference are fixed; behind a digit between the two all are free. */
function sameLength(low: string, high: string): string {
  if (low === high) return literal(low)
  if (/^0*$/.test(low) && /^9*$/.test(high)) return `[0-9]{${low.length}}`
  const [first, last] = [Number(low[0]), Number(high[0])]
  const rest = low.length - 1
  if (rest === 0) return `[${first}-${last}]`
  if (first === last) return `"${first}" ${sameLength(low.slice(1), high.slice(1))}`
  const parts = [`"${first}" ${sameLength(low.slice(1), '9'.repeat(rest))}`, `"${last}" ${sameLength('0'.repeat(rest), high.slice(1))}`]
  if (last - first > 1) parts.push(`[${first + 1}-${last - 1}] [0-9]{${rest}}`)
  return oneOf(parts)
}

/** Digits that a number with bounds has in all. So many are told apart by a double, so that what is written inside is read inside. */
const DECIMAL_DIGITS = 15
const OPEN_END = 999_999_999

/** A bound, its sign taken off: whole part and fraction. */
interface Decimal {
  readonly whole: number
  readonly fraction: string
  readonly exclusive: boolean
}

/** Numbers of a range, without exponents. A range that is open has 9 digits before the point, those of others fit the bounds. */
export function numberRange(low: Bound | null, high: Bound | null): string {
  const from = low ?? { value: -Math.max(OPEN_END, ...(high ? [-high.value + 1] : [])), exclusive: false }
  const to = high ?? { value: Math.max(OPEN_END, from.value + 1), exclusive: false }
  const isEmpty = from.value > to.value || (from.value === to.value && (from.exclusive || to.exclusive))
  if (isEmpty) throw new SchemaFault('minimum', 'no number is in the range')
  const parts: string[] = []
  if (from.value < 0) {
    const nearest = to.value < 0 ? { value: -to.value, exclusive: to.exclusive } : { value: 0, exclusive: to.value === 0 && to.exclusive }
    parts.push(`"-" ${decimals(nearest, { value: -from.value, exclusive: from.exclusive })}`)
  }
  if (to.value > 0 || (to.value === 0 && !to.exclusive)) parts.push(decimals(from.value < 0 ? { value: 0, exclusive: false } : from, to))
  return oneOf(parts)
}

function decimals(low: Bound, high: Bound): string {
  const [from, to] = [decimalOf(low), decimalOf(high)]
  const places = Math.max(from.fraction.length, to.fraction.length, DECIMAL_DIGITS - String(to.whole).length)
  if (String(to.whole).length + places > DECIMAL_DIGITS) throw new SchemaFault('minimum', `bounds have at most ${DECIMAL_DIGITS} digits`)
  const [f, g] = [from, to].map(({ fraction }) => fraction.padEnd(places, '0')) as [string, string]
  const some = `("." [0-9]{1,${places}})?`
  if (places === 0) return wholeRange(from.whole + Number(from.exclusive), to.whole - Number(to.exclusive), 'minimum')
  const parts: string[] = []
  if (from.whole === to.whole) parts.push(`${literal(String(from.whole))} ${fractions(f, g, from.exclusive, to.exclusive)}`)
  else {
    parts.push(`${literal(String(from.whole))} ${fractions(f, null, from.exclusive, false)}`)
    if (to.whole - from.whole > 1) parts.push(`${magnitudes(from.whole + 1, to.whole - 1)} ${some}`)
    const upper = to.exclusive && /^0*$/.test(g) ? null : fractions('0'.repeat(places), g, false, to.exclusive)
    if (upper !== null) parts.push(`${literal(String(to.whole))} ${upper}`)
  }
  return oneOf(parts)
}

/** What follows the whole part: a point and digits, or nothing, so that the fraction is from `f` to `g`; `g` null: 1, exclusive. */
function fractions(f: string, g: string | null, notLow: boolean, notHigh: boolean): string {
  const zero = /^0*$/.test(f) && !notLow && (g === null || !/^0*$/.test(g) || !notHigh)
  const digits = after(f, g, notLow, notHigh)
  if (digits === null) return '""'
  return zero ? `("." ${digits})?` : `"." ${digits}`
}

/** One digit or more of a fraction; null where no digit can be. `low` null: whatever comes is above; `high` null: below. */
function after(low: string | null, high: string | null, notLow: boolean, notHigh: boolean): string | null {
  const length = low?.length ?? high?.length ?? 0
  if (length === 0) return null
  const parts: string[] = []
  const [first, last] = [Number(low?.[0] ?? 0), Number(high?.[0] ?? 9)]
  for (let digit = first; digit <= last; digit++) {
    const restLow = low !== null && digit === first ? low.slice(1) : null
    const restHigh = high !== null && digit === last ? high.slice(1) : null
    if (restLow === null && restHigh === null) continue // below, all at once
    const atLow = restLow === null || (/^0*$/.test(restLow) && !notLow)
    const atHigh = restHigh === null || !notHigh || !/^0*$/.test(restHigh)
    const rest = length > 1 ? after(restLow, restHigh, notLow, notHigh) : null
    if (rest !== null) parts.push(atLow && atHigh ? `"${digit}" (${rest})?` : `"${digit}" ${rest}`)
    else if (atLow && atHigh) parts.push(`"${digit}"`)
  }
  const free = [low === null ? first : first + 1, high === null ? last : last - 1] as const
  if (free[0] <= free[1]) parts.push(`[${free[0]}-${free[1]}]${length > 1 ? ` [0-9]{0,${length - 1}}` : ''}`)
  return parts.length === 0 ? null : oneOf(parts)
}

function decimalOf({ value, exclusive }: Bound): Decimal {
  const text = String(value)
  if (/e/.test(text)) throw new SchemaFault('minimum', `${text} is too large or too small for a bound`)
  const [whole = '0', fraction = ''] = text.split('.')
  return { whole: Number(whole), fraction, exclusive }
}
