import { ANY_TEXT, NOTHING, optional, tag } from '../structural-tag.ts'
import type { JsonSchema, Structure } from '../structural-tag.ts'

/** Arguments as named fields: `open(name)`, the value, `close`. A string stands as it is, any other value as JSON. */
export interface FieldStyle {
  readonly open: (name: string, isString: boolean) => string
  readonly close: string
}

/** A field of a tool's arguments. */
export interface ArgumentField {
  readonly name: string
  readonly isString: boolean
  readonly isRequired: boolean
  readonly schema: JsonSchema | boolean
}

/** Marks would not be told from names that hold them. */
const FIELD_NAME = /^[^<>"=\n]+$/
/** Keywords by which an object may have fields that `properties` does not name. */
const FIELDS_ELSEWHERE = ['$ref', 'allOf', 'anyOf', 'oneOf', 'if', 'patternProperties'] as const

/** The fields in the order of the schema, which is the order that they are written in. */
export function argumentFields(schema: JsonSchema): ArgumentField[] {
  const { properties, required, $defs, definitions } = schema
  if (!isSchema(properties)) return []
  const shared = { ...($defs !== undefined && { $defs }), ...(definitions !== undefined && { definitions }) }
  return Object.entries(properties).map(([name, value]): ArgumentField => {
    const field = isSchema(value) ? { ...shared, ...value } : value !== false
    return { name, isString: isString(field), isRequired: Array.isArray(required) && required.includes(name), schema: field }
  })
}

/** What keeps a schema from being written as fields; null: nothing. */
export function fieldsProblem({ close }: FieldStyle, schema: JsonSchema): string | null {
  const elsewhere = FIELDS_ELSEWHERE.find((keyword) => schema[keyword] !== undefined)
  if (elsewhere !== undefined) return `this model writes arguments as named fields: ${elsewhere} cannot stand beside properties`
  const fields = argumentFields(schema)
  if (fields.some(({ name }) => !FIELD_NAME.test(name))) return 'this model writes arguments as named fields: a name has a character that ends its mark'
  const isCut = (value: string): boolean => (value + close).indexOf(close) !== value.length
  if (fields.some((field) => texts(field).some(isCut))) return 'this model writes arguments as named fields: a value has the mark that ends it'
  return null
}

export function fieldsStructure(style: FieldStyle, schema: JsonSchema): Structure {
  const elements = argumentFields(schema).map((field) => {
    const written = tag(style.open(field.name, field.isString), valueStructure(field), style.close)
    return field.isRequired ? written : optional(written)
  })
  return elements.length === 0 ? NOTHING : { type: 'sequence', elements }
}

/** Of what a schema says of a string, only `enum` and `const` hold: the others are about JSON's strings. */
function valueStructure(field: ArgumentField): Structure {
  const { isString: text, schema } = field
  if (!text) return { type: 'json_schema', json_schema: schema }
  if (!isSchema(schema) || constants(schema).length === 0) return ANY_TEXT
  return { type: 'or', elements: texts(field).map((value) => (value === '' ? NOTHING : { type: 'const_string', value })) }
}

/** What a field of strings may be, where its schema counts it up. */
function texts({ isString: text, schema }: ArgumentField): readonly string[] {
  return text && isSchema(schema) ? constants(schema).filter((value) => typeof value === 'string') : []
}

function isString(schema: JsonSchema | boolean): boolean {
  if (!isSchema(schema)) return false
  const values = constants(schema)
  return schema['type'] === 'string' || (schema['type'] === undefined && values.length > 0 && values.every((value) => typeof value === 'string'))
}

function constants(schema: JsonSchema): readonly unknown[] {
  if (Array.isArray(schema['enum'])) return schema['enum']
  return schema['const'] === undefined ? [] : [schema['const']]
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
