import type { RenderBudget } from './budget.ts'
import { fieldsOf, itemsOf, textOf } from './values.ts'
import type { Value } from './values.ts'

const NUMBERS = new Set(['IntegerValue', 'FloatValue', 'BooleanValue'])

/** Python's ==: by value, lists and dicts item by item; text never equals a number. */
export function pythonEquals(a: Value, b: Value, budget: RenderBudget): boolean {
  budget.chargePart(0)
  if (NUMBERS.has(a.type) && NUMBERS.has(b.type)) return (a.value as unknown) == b.value // == and not ===: 2n == 2, true == 1, as in Python
  const [items, others] = [itemsOf(a), itemsOf(b)]
  if (items && others) return a.type === b.type && items.length === others.length && items.every((item, index) => pythonEquals(item, others[index]!, budget))
  const [fields, otherFields] = [fieldsOf(a), fieldsOf(b)]
  if (fields && otherFields)
    return (
      fields.size === otherFields.size && Array.from(fields).every(([key, field]) => otherFields.has(key) && pythonEquals(field, otherFields.get(key)!, budget))
    )
  if (a.type !== b.type) return false
  const [text, other] = [textOf(a), textOf(b)]
  if (text !== null && text.length === other?.length) budget.chargeChars(text.length)
  return a.value === b.value
}
