import { echo } from '../../shared/protocol/echo.ts'
import { EMPTY_GRAMMAR } from '../../shared/protocol/grammar-api.ts'
import { SchemaFault } from './schema/schema-fault.ts'
import { isObject, listOf, textOf } from './schema/schema-reader.ts'
import type { JsonObject, JsonValue } from './schema/schema-reader.ts'

/** Fields of each format of a structural tag that is taken, beside `type`. */
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  any_text: [],
  const_string: ['value'],
  json_schema: ['json_schema'],
  grammar: ['grammar'],
  sequence: ['elements'],
  or: ['elements'],
  tag: ['begin', 'content', 'end'],
  triggered_tags: ['triggers', 'tags', 'at_least_one', 'stop_after_first'],
  tags_with_separator: ['tags', 'separator', 'at_least_one', 'stop_after_first'],
}

/**
 * A structural tag (xgrammar's format) whose JSON schemas are grammars of ours, so that they are enforced as those of a response format are.
 * Every field is checked: xgrammar ends its whole instance where it refuses one. Of formats with grammars of their own only the grammar of nothing is taken.
 */
export function convertTag(tag: JsonValue, schemaText: (schema: JsonValue) => string): JsonValue {
  if (!isObject(tag) || tag['type'] !== 'structural_tag' || tag['format'] === undefined) throw new SchemaFault('format', 'a structural tag has type and format')
  return { type: 'structural_tag', format: convert(tag['format']) }

  function convert(format: JsonValue): JsonObject {
    if (!isObject(format)) throw new SchemaFault('format', 'it must be an object')
    const type = textOf(format, 'type') ?? ''
    const fields = Object.hasOwn(FORMATS, type) ? FORMATS[type]! : null
    if (fields === null) throw new SchemaFault('type', `'${echo(type)}' is not one of ${Object.keys(FORMATS).join(', ')}`)
    const unknown = Object.keys(format).find((field) => field !== 'type' && !fields.includes(field))
    if (unknown !== undefined) throw new SchemaFault(unknown, `it is not a field of ${type}`)
    switch (type) {
      case 'json_schema':
        return { type: 'grammar', grammar: schemaText(format['json_schema'] ?? true) }
      case 'grammar':
        if (format['grammar'] !== EMPTY_GRAMMAR) throw new SchemaFault('grammar', 'only the grammar of nothing is taken')
        return { type, grammar: EMPTY_GRAMMAR }
      case 'const_string':
        return { type, value: filled(format, 'value') }
      case 'sequence':
      case 'or':
        return { type, elements: some(format, 'elements').map(convert) }
      case 'tag':
        return convertOne(format)
      case 'triggered_tags':
        return { type, triggers: some(format, 'triggers').map(checkText), tags: some(format, 'tags').map(convertOne), ...flags(format) }
      case 'tags_with_separator':
        return { type, tags: some(format, 'tags').map(convertOne), separator: textOf(format, 'separator') ?? '', ...flags(format) }
      default:
        return { type }
    }
  }

  function convertOne(tag: JsonValue): JsonObject {
    if (!isObject(tag) || (tag['type'] ?? 'tag') !== 'tag' || tag['content'] === undefined) throw new SchemaFault('tags', 'a tag has begin, content and end')
    return { type: 'tag', begin: textOf(tag, 'begin') ?? '', content: convert(tag['content']), end: textOf(tag, 'end') ?? '' }
  }
}

function flags(format: JsonObject): JsonObject {
  return { at_least_one: format['at_least_one'] === true, stop_after_first: format['stop_after_first'] === true }
}

function some(format: JsonObject, field: string): readonly JsonValue[] {
  const list = listOf(format, field) ?? []
  if (list.length === 0) throw new SchemaFault(field, 'it must not be empty')
  return list
}

function filled(format: JsonObject, field: string): string {
  return checkText(textOf(format, field) ?? '')
}

function checkText(value: JsonValue): string {
  if (typeof value !== 'string' || value === '') throw new SchemaFault('structural tag', 'a text is missing')
  return value
}
