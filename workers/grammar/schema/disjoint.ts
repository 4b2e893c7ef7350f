import { typesOf } from './keywords.ts'
import { isObject } from './schema-reader.ts'
import type { JsonObject, JsonValue } from './schema-reader.ts'

/** References followed, and objects looked into, before two schemas are taken to overlap. */
const LOOKS_MAX = 4

/** Whether no value can be valid for two of the schemas. False where that is not plain to see. */
export function disjoint(schemas: readonly JsonValue[], resolve: (pointer: string) => JsonValue): boolean {
  return schemas.every((a, i) => schemas.slice(i + 1).every((b) => apart(a, b, LOOKS_MAX)))

  function apart(left: JsonValue, right: JsonValue, looks: number): boolean {
    const [a, b] = [follow(left, looks), follow(right, looks)]
    if (a === null || b === null || looks === 0) return false
    const [values, others] = [valuesOf(a), valuesOf(b)]
    if (values !== null && others !== null) return values.every((value) => !others.includes(value))
    if (values !== null || others !== null || isCombined(a) || isCombined(b)) return false
    const types = typesOf(b).flatMap((type) => (type === 'integer' ? ['number'] : [type]))
    if (!typesOf(a).some((type) => types.includes(type === 'integer' ? 'number' : type))) return true
    return tagged(a, b, looks)
  }

  /** Two objects that both must have a property, with values that are apart. */
  function tagged(a: JsonObject, b: JsonObject, looks: number): boolean {
    if (a['type'] !== 'object' || b['type'] !== 'object') return false
    const [mine, theirs] = [a['properties'], b['properties']]
    if (!isObject(mine) || !isObject(theirs)) return false
    return requiredOf(a).some(
      (name) => requiredOf(b).includes(name) && Object.hasOwn(mine, name) && Object.hasOwn(theirs, name) && apart(mine[name]!, theirs[name]!, looks - 1),
    )
  }

  function follow(schema: JsonValue, looks: number): JsonObject | null {
    let at: JsonValue = schema
    for (let i = 0; i < looks && isObject(at) && typeof at['$ref'] === 'string'; i++) at = resolve(at['$ref'])
    return isObject(at) && at['$ref'] === undefined ? at : null
  }
}

/** What const or enum allow, as JSON text: only texts of strings, numbers, booleans and null are told apart. */
function valuesOf(schema: JsonObject): readonly string[] | null {
  const values = schema['const'] !== undefined ? [schema['const']] : schema['enum']
  if (!Array.isArray(values) || values.some((value: JsonValue) => typeof value === 'object' && value !== null)) return null
  return values.map((value: JsonValue) => JSON.stringify(value))
}

function isCombined(schema: JsonObject): boolean {
  return ['const', 'enum', 'anyOf', 'oneOf', 'allOf'].some((keyword) => schema[keyword] !== undefined)
}

function requiredOf({ required }: JsonObject): readonly string[] {
  return Array.isArray(required) ? required.filter((name: JsonValue) => typeof name === 'string') : []
}
