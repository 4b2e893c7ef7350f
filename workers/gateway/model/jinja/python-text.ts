import type { RenderBudget } from './budget.ts'
import { fieldsOf, itemsOf, isUndefined, keyValue, textOf } from './values.ts'
import type { Value } from './values.ts'

/** Deeper than any value that a request or a template's literals make: a namespace that holds itself ends here. */
const DEPTH_MAX = 128

/** Python's str(): what Jinja writes for `{{ value }}`, `~` and the filter `string`. */
export function pythonStr(value: Value, budget: RenderBudget): string {
  return textOf(value) ?? (isUndefined(value) ? '' : pythonRepr(value, 0, budget))
}

function pythonRepr(value: Value, depth: number, budget: RenderBudget): string {
  if (depth > DEPTH_MAX) throw new Error('a value is nested too deeply to be written')
  const text = textOf(value)
  budget.chargePart(text?.length ?? 0)
  if (text !== null) return quoted(text)
  const items = itemsOf(value)?.map((item) => pythonRepr(item, depth + 1, budget))
  if (items) return value.type === 'TupleValue' ? `(${items.join(', ')}${items.length === 1 ? ',' : ''})` : `[${items.join(', ')}]`
  const fields = fieldsOf(value)
  if (fields)
    return `{${Array.from(fields, ([key, field]) => `${pythonRepr(keyValue(key), depth + 1, budget)}: ${pythonRepr(field, depth + 1, budget)}`).join(', ')}}`
  switch (value.type) {
    case 'NullValue':
      return 'None'
    case 'UndefinedValue':
      return 'Undefined'
    case 'BooleanValue':
      return value.value ? 'True' : 'False'
    case 'FloatValue':
      return pythonFloat(value.value as number)
    case 'IntegerValue':
      return String(value.value)
    default:
      throw new Error(`${value.type} cannot be written as text`)
  }
}

/** Python's repr of a float: the same shortest digits, with an exponent below 1e-4 and from 1e16 on. */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [mantissa = '', exponentText = ''] = value.toExponential().split('e')
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= 16) return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  const plain = exponent < 0 ? value.toFixed(mantissa.replace(/[-.]/g, '').length - exponent - 1) : String(value)
  return plain.includes('.') ? plain : `${plain}.0`
}

const ESCAPES = new Map([
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

/** Private-use characters stand for what a chat's texts hide (special-text.ts) and must come out as they are, though Python escapes them. */
const UNPRINTABLE = /[\\\p{Z}]|(?![\ue000-\uf8ff])\p{C}/gu

/** Python's repr of a string: single quotes unless only those are inside, and what cannot be printed escaped. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = text.replace(UNPRINTABLE, (character) => (character === ' ' ? character : (ESCAPES.get(character) ?? codePointEscape(character))))
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote
}

function codePointEscape(character: string): string {
  const hex = character.codePointAt(0)!.toString(16)
  return hex.length <= 2 ? `\\x${hex.padStart(2, '0')}` : hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
