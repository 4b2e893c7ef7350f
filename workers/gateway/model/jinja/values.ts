import { Environment } from '@huggingface/jinja'
import type { Interpreter } from '@huggingface/jinja'
import { ExactNumber } from './exact-json.ts'

/** A value while a template runs. The library exports neither its classes nor their types: kinds are told by name, classes taken from samples. */
export type Value = ReturnType<Interpreter['evaluate']>
type ValueClass = new (value?: unknown) => Value

export const IntegerValue = classOf(1)
export const FloatValue = classOf(0.5)
export const StringValue = classOf('')
export const BooleanValue = classOf(true)
export const NullValue = classOf(null)
export const UndefinedValue = classOf(undefined)
export const ArrayValue = classOf([])
export const ObjectValue = classOf({})
export const FunctionValue = classOf(() => null)

/** Deeper values are refused: a request's body has at most 64 levels, and the JSON text of a tool call must not have more. */
const DEPTH_MAX = 64

function classOf(sample: unknown): ValueClass {
  return new Environment().set('sample', sample).constructor as ValueClass
}

/** A string's text, or null for other values. */
export function textOf(value: Value): string | null {
  return value.type === 'StringValue' ? (value.value as string) : null
}

/** The items of a list or tuple, or null for other values. */
export function itemsOf(value: Value): readonly Value[] | null {
  return value.type === 'ArrayValue' || value.type === 'TupleValue' ? (value.value as Value[]) : null
}

/** The fields of a dict, or null for other values. Keys are strings, or numbers where a template has written them so. */
export function fieldsOf(value: Value): ReadonlyMap<string | number, Value> | null {
  return value.type === 'ObjectValue' ? (value.value as Map<string, Value>) : null
}

export function isUndefined(value: Value): boolean {
  return value.type === 'UndefinedValue'
}

/** What Python's `for` over an undefined value, or a filter on it, takes as empty. */
export function isNothing(value: Value): boolean {
  return value.type === 'UndefinedValue' || value.type === 'NullValue'
}

export function keyValue(key: string | number): Value {
  return typeof key === 'string' ? new StringValue(key) : new IntegerValue(key)
}

/** JSON, with numbers as JavaScript's or exact, as values of a template. @throws Error if it is too deep. */
export function toValue(input: unknown, depth = 0): Value {
  if (depth > DEPTH_MAX) throw new Error(`values may be nested ${DEPTH_MAX} deep`)
  if (input === null) return new NullValue()
  if (input instanceof ExactNumber) return input.isFloat ? new FloatValue(input.value) : new IntegerValue(input.value)
  if (Array.isArray(input)) return new ArrayValue(input.map((item) => toValue(item, depth + 1)))
  switch (typeof input) {
    case 'string':
      return new StringValue(input)
    case 'boolean':
      return new BooleanValue(input)
    case 'number':
      return Number.isInteger(input) ? new IntegerValue(input) : new FloatValue(input)
    case 'object':
      return new ObjectValue(new Map(Object.entries(input).map(([key, value]) => [key, toValue(value, depth + 1)])))
    default:
      return new UndefinedValue()
  }
}
