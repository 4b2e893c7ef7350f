import { echo } from '../../../shared/protocol/echo.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { arrayGrammar } from './array-grammar.ts'
import { disjoint } from './disjoint.ts'
import { anyArray, anyInteger, anyNumber, anyObject, anyValue } from './json-rules.ts'
import { checkKeywords, typesOf } from './keywords.ts'
import { integerRange, numberRange } from './number-range.ts'
import type { Bound } from './number-range.ts'
import { objectGrammar } from './object-grammar.ts'
import { literal, oneOf } from './rules.ts'
import type { Rules } from './rules.ts'
import { SchemaFault } from './schema-fault.ts'
import { countOf, isObject, listOf, numberOf, objectOf, textOf } from './schema-reader.ts'
import type { JsonObject, JsonValue, SchemaType } from './schema-reader.ts'
import { stringGrammar } from './string-grammar.ts'

/** Where a schema stands: references that lead to it without a character written, which may not lead back. */
type Trail = readonly string[]

/**
 * Writes the values that a JSON schema describes as a grammar. What is taken is enforced exactly or more narrowly (no property that is not
 * named, unless the schema asks for others); what cannot be enforced throws a SchemaFault with the keyword's name. Ours, because xgrammar's
 * own converter takes `minimum: 3` and writes 2 (docs/design/structured-output.md).
 * @returns the rule of the schema.
 */
export function convertSchema(rules: Rules, root: JsonValue): string {
  return valueOf(root, [])

  function valueOf(schema: JsonValue, trail: Trail): string {
    if (schema === true) return anyValue(rules)
    if (schema === false) throw new SchemaFault('false', 'no value is valid')
    if (!isObject(schema)) throw new SchemaFault('schema', 'a schema is an object or a boolean')
    checkKeywords(schema)
    if (schema['$ref'] !== undefined) return reference(textOf(schema, '$ref')!, trail)
    if (schema['const'] !== undefined) return constants('const', [schema['const']], schema)
    if (schema['enum'] !== undefined) return constants('enum', listOf(schema, 'enum')!, schema)
    for (const keyword of ['anyOf', 'oneOf', 'allOf'] as const) {
      if (schema[keyword] !== undefined) return combination(keyword, listOf(schema, keyword)!, trail)
    }
    return rules.rule(oneOf(typesOf(schema).map((type) => typed(type, schema))))
  }

  function reference(pointer: string, trail: Trail): string {
    if (trail.includes(pointer)) throw new SchemaFault('$ref', `${echo(pointer)} leads to itself`)
    const target = resolve(pointer)
    return rules.recursive(pointer, () => valueOf(target, [...trail, pointer]))
  }

  /** Inside this document only. */
  function resolve(pointer: string): JsonValue {
    if (!/^#(\/|$)/.test(pointer)) throw new SchemaFault('$ref', 'it must begin with #/')
    let at: JsonValue | undefined = root
    for (const part of pointer.split('/').slice(1)) {
      const name = decodePart(part)
      at = Array.isArray(at) ? (at as readonly JsonValue[])[Number(name)] : isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined
    }
    if (at === undefined) throw new SchemaFault('$ref', `there is no ${echo(pointer)}`)
    return at
  }

  function constants(keyword: 'const' | 'enum', values: readonly JsonValue[], schema: JsonObject): string {
    if (values.length > LIMITS.schemaEnumMax) throw new SchemaFault(keyword, `it has at most ${LIMITS.schemaEnumMax} values`)
    const types = schema['type'] === undefined ? null : typesOf(schema)
    const valid = values.filter((value) => types === null || types.some((type) => isOf(value, type)))
    if (valid.length === 0) throw new SchemaFault(keyword, 'none of its values is of the type')
    return rules.rule(oneOf(valid.map((value) => literal(JSON.stringify(value)))))
  }

  function combination(keyword: 'anyOf' | 'oneOf' | 'allOf', schemas: readonly JsonValue[], trail: Trail): string {
    if (schemas.length === 0 || schemas.length > LIMITS.schemaEnumMax) throw new SchemaFault(keyword, `it has from 1 to ${LIMITS.schemaEnumMax} schemas`)
    if (keyword === 'allOf' && schemas.length > 1) throw new SchemaFault(keyword, 'it is supported with one schema only')
    if (keyword === 'oneOf' && !disjoint(schemas, resolve)) throw new SchemaFault(keyword, 'it is supported where no value can be valid twice; use anyOf')
    return rules.rule(oneOf(schemas.map((schema) => valueOf(schema, trail))))
  }

  function typed(type: SchemaType, schema: JsonObject): string {
    switch (type) {
      case 'object':
        return object(schema)
      case 'array':
        return array(schema)
      case 'string':
        return stringGrammar(rules, {
          minLength: countOf(schema, 'minLength', 0),
          maxLength: countOf(schema, 'maxLength', null),
          pattern: textOf(schema, 'pattern'),
          format: textOf(schema, 'format'),
        })
      case 'integer': {
        const { low, high } = range(schema)
        return low === null && high === null ? anyInteger(rules) : rules.rule(integerRange(low, high))
      }
      case 'number': {
        const { low, high } = range(schema)
        return low === null && high === null ? anyNumber(rules) : rules.rule(numberRange(low, high))
      }
      case 'boolean':
        return rules.rule('"true" | "false"')
      case 'null':
        return literal('null')
    }
  }

  function object(schema: JsonObject): string {
    const additional = schema['additionalProperties']
    const named = objectOf(schema, 'properties') ?? {}
    const required = (listOf(schema, 'required') ?? []).map((name) => {
      if (typeof name !== 'string') throw new SchemaFault('required', 'it must be a list of names')
      return name
    })
    const isOpen = additional === undefined ? schema['properties'] === undefined : additional !== false
    if (isOpen && Object.keys(named).length === 0 && required.length === 0 && (additional === undefined || additional === true)) return anyObject(rules)
    const unnamed = required.filter((name) => !Object.hasOwn(named, name))
    if (unnamed.length > 0 && !isOpen) throw new SchemaFault('required', `'${echo(unnamed[0]!)}' is not among the properties`)
    const others = isOpen ? valueOf(additional ?? true, []) : null
    const properties = [
      ...Object.entries(named).map(([name, value]) => ({ name, value: valueOf(value, []), required: required.includes(name) })),
      ...Array.from(new Set(unnamed), (name) => ({ name, value: others!, required: true })),
    ]
    if (properties.filter((property) => !property.required).length > LIMITS.schemaOptionalMax)
      throw new SchemaFault('required', `an object has at most ${LIMITS.schemaOptionalMax} properties that are not required`)
    return objectGrammar(rules, properties, others)
  }

  function array(schema: JsonObject): string {
    const prefix = listOf(schema, 'prefixItems') ?? []
    const items = schema['items']
    if (Array.isArray(items)) throw new SchemaFault('items', 'a list of schemas is called prefixItems')
    const minItems = countOf(schema, 'minItems', 0)
    const maxItems = countOf(schema, 'maxItems', null)
    if (prefix.length === 0 && (items === undefined || items === true) && minItems === 0 && maxItems === null) return anyArray(rules)
    return arrayGrammar(rules, {
      minItems,
      maxItems,
      prefix: prefix.map((item) => valueOf(item, [])),
      items: items === false ? null : valueOf(items ?? true, []),
    })
  }
}

function range(schema: JsonObject): { readonly low: Bound | null; readonly high: Bound | null } {
  const bound = (inclusive: string, exclusive: string, tighter: (a: number, b: number) => boolean): Bound | null => {
    const [at, beyond] = [numberOf(schema, inclusive), numberOf(schema, exclusive)]
    if (at === null) return beyond === null ? null : { value: beyond, exclusive: true }
    return beyond !== null && !tighter(at, beyond) ? { value: beyond, exclusive: true } : { value: at, exclusive: false }
  }
  return { low: bound('minimum', 'exclusiveMinimum', (a, b) => a > b), high: bound('maximum', 'exclusiveMaximum', (a, b) => a < b) }
}

function isOf(value: JsonValue, type: SchemaType): boolean {
  switch (type) {
    case 'object':
      return isObject(value)
    case 'array':
      return Array.isArray(value)
    case 'integer':
      return Number.isInteger(value)
    case 'null':
      return value === null
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === type
  }
}

/** RFC 6901, in a fragment. */
function decodePart(part: string): string {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    throw new SchemaFault('$ref', 'it is not well-formed')
  }
}
