import { SchemaFault } from './schema-fault.ts'
import { TYPES } from './schema-reader.ts'
import type { JsonObject, JsonValue, SchemaType } from './schema-reader.ts'

/** They say nothing about which values are valid. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  '$schema',
  '$comment',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'example',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'discriminator',
])

/** What is enforced, by type. */
const BY_TYPE = {
  object: ['properties', 'required', 'additionalProperties'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  boolean: [],
  null: [],
} as const satisfies Record<SchemaType, readonly string[]>

/** Each stands alone, beside annotations; enum and const beside `type` as well. */
const ALONE = ['$ref', 'const', 'enum', 'anyOf', 'oneOf', 'allOf'] as const

const KNOWN: ReadonlySet<string> = new Set(['type', ...ALONE, ...Object.values(BY_TYPE).flat()])

/** Keywords that would have to be enforced, with the one value that asks for nothing. */
const NEUTRAL: Readonly<Record<string, JsonValue>> = { uniqueItems: false, nullable: false, minProperties: 0, minContains: 0 }

/** Refuses the first keyword that is not known, or that another one would have to be combined with. */
export function checkKeywords(schema: JsonObject): void {
  const enforced = Object.keys(schema).filter(
    (keyword) => !ANNOTATIONS.has(keyword) && !(Object.hasOwn(NEUTRAL, keyword) && schema[keyword] === NEUTRAL[keyword]),
  )
  const unknown = enforced.find((keyword) => !KNOWN.has(keyword))
  if (unknown !== undefined) throw new SchemaFault(unknown, 'it is not supported')
  const alone = ALONE.find((keyword) => schema[keyword] !== undefined)
  if (alone === undefined) return
  const beside = enforced.find((keyword) => keyword !== alone && !(keyword === 'type' && (alone === 'enum' || alone === 'const')))
  if (beside !== undefined) throw new SchemaFault(beside, `it is not supported beside ${alone}`)
}

/** The types of a schema: those it names; without `type` those that its keywords are about; else all. A keyword of no type is refused. */
export function typesOf(schema: JsonObject): readonly SchemaType[] {
  const asked = Object.values(BY_TYPE)
    .flat()
    .filter((keyword) => schema[keyword] !== undefined)
  const about = TYPES.filter((type) => type !== 'integer' && asked.some((keyword) => (BY_TYPE[type] as readonly string[]).includes(keyword)))
  const types = schema['type'] === undefined ? (about.length > 0 ? about : TYPES.filter((type) => type !== 'integer')) : namedTypes(schema['type'])
  const stray = asked.find((keyword) => !types.some((type) => (BY_TYPE[type] as readonly string[]).includes(keyword)))
  if (stray !== undefined) throw new SchemaFault(stray, `it says nothing about type ${types.join(' or ')}`)
  return types
}

function namedTypes(type: JsonValue): readonly SchemaType[] {
  const names: readonly JsonValue[] = Array.isArray(type) ? (type as readonly JsonValue[]) : [type]
  const types = TYPES.filter((known) => names.includes(known))
  if (types.length === 0 || types.length !== new Set(names).size) throw new SchemaFault('type', `it is one of ${TYPES.join(', ')}, or a list of them`)
  return types.includes('number') ? types.filter((known) => known !== 'integer') : types
}
