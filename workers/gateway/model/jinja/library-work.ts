import type { RenderBudget } from './budget.ts'
import type { FilterArguments } from './filters.ts'
import { fieldsOf, isUndefined, itemsOf, keyValue, textOf } from './values.ts'
import type { Value } from './values.ts'

/** Filters that look at no more than a count or an end of what they are given, or whose own code here charges part by part. */
const UNCHARGED_FILTERS = new Set(['length', 'count', 'first', 'last', 'default', 'safe', 'string', 'tojson'])
/** The search compares at most this much of a text at each place; longer ones pay for each such part. */
const SEARCH_CHARS = 256

/** Charges for what the library's filter will go through: its result may be nothing. */
export function chargeFilter(name: string, operand: Value, { positional, named }: FilterArguments, budget: RenderBudget): void {
  if (UNCHARGED_FILTERS.has(name)) return
  budget.chargeWhole(operand)
  for (const argument of positional) budget.chargeWhole(argument)
  const items = itemsOf(operand)
  switch (name) {
    case 'sort':
      return chargeSort(items ?? [], named.get('attribute') ?? positional[2], budget)
    case 'dictsort': {
      const fields = fieldsOf(operand)
      return chargeSort([...(fields?.values() ?? []), ...Array.from(fields?.keys() ?? [], keyValue)], undefined, budget)
    }
    case 'map':
      for (const item of items ?? []) attributeOf(item, named.get('attribute'), budget)
      return
    case 'selectattr':
    case 'rejectattr':
      for (const item of items ?? []) budget.chargeWhole(attributeOf(item, positional[0], budget))
  }
}

/** Charges for looking for one text in another. */
export function chargeSearch(text: string, sought: string, budget: RenderBudget): void {
  for (let from = 0; from <= sought.length; from += SEARCH_CHARS) budget.chargeChars(text.length)
}

/** Each of n items is compared some log2(n) times, by its lower case. */
function chargeSort(items: readonly Value[], attribute: Value | undefined, budget: RenderBudget): void {
  const comparisons = 2 * Math.ceil(Math.log2(items.length + 1))
  for (const item of items) {
    const sortedBy = attributeOf(item, attribute, budget)
    for (let turn = 0; turn < comparisons; turn++) budget.chargePart(textOf(sortedBy)?.length ?? 0)
  }
}

/** What the library finds under a path as `a.b`, in dicts. */
function attributeOf(item: Value, path: Value | undefined, budget: RenderBudget): Value {
  const names = path === undefined || isUndefined(path) ? [] : String(path.value).split('.')
  let value = item
  for (const name of names) {
    budget.chargePart(name.length)
    value = fieldsOf(value)?.get(name) ?? value
  }
  return value
}
