import { SchemaFault } from './schema-fault.ts'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
export type JsonObject = { readonly [key: string]: JsonValue }

export const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const
export type SchemaType = (typeof TYPES)[number]

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A whole number from 0 on; `absent` where the keyword is not there. */
export function countOf<T>(schema: JsonObject, keyword: string, absent: T): number | T {
  const value = schema[keyword]
  if (value === undefined) return absent
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new SchemaFault(keyword, 'it must be a whole number from 0 on')
  return value
}

export function numberOf(schema: JsonObject, keyword: string): number | null {
  const value = schema[keyword]
  if (value === undefined) return null
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new SchemaFault(keyword, 'it must be a number')
  return value
}

export function textOf(schema: JsonObject, keyword: string): string | null {
  const value = schema[keyword]
  if (value === undefined) return null
  if (typeof value !== 'string') throw new SchemaFault(keyword, 'it must be a string')
  return value
}

export function listOf(schema: JsonObject, keyword: string): readonly JsonValue[] | null {
  const value = schema[keyword]
  if (value === undefined) return null
  if (!Array.isArray(value)) throw new SchemaFault(keyword, 'it must be a list')
  return value as readonly JsonValue[]
}

export function objectOf(schema: JsonObject, keyword: string): JsonObject | null {
  const value = schema[keyword]
  if (value === undefined) return null
  if (!isObject(value)) throw new SchemaFault(keyword, 'it must be an object')
  return value
}
