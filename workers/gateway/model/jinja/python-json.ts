import type { RenderBudget } from './budget.ts'
import { pythonFloat } from './python-text.ts'
import { fieldsOf, itemsOf, textOf } from './values.ts'
import type { Value } from './values.ts'

export interface JsonOptions {
  /** Spaces a level; null: all on one line. */
  readonly indent: number | null
  readonly ensureAscii: boolean
  readonly sortKeys: boolean
  /** Between items, and between key and value; null: Python's own. */
  readonly separators: readonly [string, string] | null
}

export const PLAIN_JSON: JsonOptions = { indent: null, ensureAscii: false, sortKeys: false, separators: null }

const DEPTH_MAX = 128

/** Python's json.dumps, as the filter `tojson` of chat templates calls it. @throws Error for what has no JSON. */
export function pythonJson(value: Value, options: JsonOptions, budget: RenderBudget): string {
  const [itemSeparator, keySeparator] = options.separators ?? [options.indent === null ? ', ' : ',', ': ']
  const write = (part: Value, depth: number): string => {
    if (depth > DEPTH_MAX) throw new Error('a value is nested too deeply for JSON')
    const text = textOf(part)
    budget.chargePart(text?.length ?? 0)
    if (text !== null) return jsonText(text, options.ensureAscii)
    const items = itemsOf(part)
    if (items)
      return block(
        '[]',
        items.map((item) => write(item, depth + 1)),
        depth,
      )
    const fields = fieldsOf(part)
    if (fields) {
      const entries = Array.from(fields, ([key, field]) => ({ key: String(key), field }))
      if (options.sortKeys) entries.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
      return block(
        '{}',
        entries.map(({ key, field }) => {
          budget.chargePart(key.length + keySeparator.length)
          return jsonText(key, options.ensureAscii) + keySeparator + write(field, depth + 1)
        }),
        depth,
      )
    }
    return jsonScalar(part)
  }
  const block = (brackets: string, parts: readonly string[], depth: number): string => {
    budget.chargeChars(parts.length * (itemSeparator.length + (options.indent ?? 0) * (depth + 1)))
    if (options.indent === null || parts.length === 0) return brackets[0] + parts.join(itemSeparator) + brackets[1]
    const newLine = `\n${' '.repeat(options.indent * depth)}`
    const inner = newLine + ' '.repeat(options.indent)
    return brackets[0] + inner + parts.join(itemSeparator + inner) + newLine + brackets[1]
  }
  return write(value, 0)
}

function jsonScalar(value: Value): string {
  switch (value.type) {
    case 'NullValue':
      return 'null'
    case 'BooleanValue':
    case 'IntegerValue':
      return String(value.value)
    case 'FloatValue':
      return jsonFloat(value.value as number)
    default:
      throw new Error(`Object of type ${value.type.replace('Value', '')} is not JSON serializable`)
  }
}

function jsonFloat(value: number): string {
  if (Number.isFinite(value)) return pythonFloat(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity'
}

/** All but private-use characters, which stand for what a chat's texts hide: special-text.ts. */
const NOT_ASCII = /[\x7f-\udfff\uf900-\uffff]/g

function jsonText(text: string, ensureAscii: boolean): string {
  const json = JSON.stringify(text)
  return ensureAscii ? json.replace(NOT_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`) : json
}
