import type { RenderBudget } from './budget.ts'
import { chargeSearch } from './library-work.ts'
import { PLAIN_JSON, pythonJson } from './python-json.ts'
import { pythonStrip } from './python-strip.ts'
import { pythonStr } from './python-text.ts'
import { ArrayValue, IntegerValue, StringValue, fieldsOf, isNothing, isUndefined, itemsOf, keyValue, textOf } from './values.ts'
import type { Value } from './values.ts'

/** Arguments of a filter, evaluated. */
export interface FilterArguments {
  readonly positional: readonly Value[]
  readonly named: ReadonlyMap<string, Value>
}

/** Filters that take anything as text. */
const TEXT_FILTERS = new Set(['trim', 'upper', 'lower', 'title', 'capitalize', 'replace', 'indent'])
/** Filters that an undefined value passes as empty. */
const LIST_FILTERS = new Set(['list', 'join', 'selectattr', 'rejectattr', 'map', 'sort', 'unique', 'reverse', 'items'])

/** What a filter gives where the library is wrong or has no bound; otherwise the operand that the library shall filter. */
export type FilterOutcome = { readonly value: Value } | { readonly operand: Value }

/** @throws TypeError where Python would refuse; TemplateBoundError. */
export function applyFilter(name: string, operand: Value, { positional, named }: FilterArguments, budget: RenderBudget): FilterOutcome {
  const argument = (index: number, key: string): Value | undefined => positional[index] ?? named.get(key)
  switch (name) {
    case 'string':
      return text(pythonStr(operand, budget))
    case 'trim':
      return text(pythonStrip(pythonStr(operand, budget), { left: true, right: true }, optionalText(argument(0, 'chars'))))
    case 'tojson':
      return text(json(operand, named, budget))
    case 'length':
    case 'count':
      return isUndefined(operand) ? { value: new IntegerValue(0) } : { operand }
    case 'join':
      return text(join(operand, optionalText(argument(0, 'd')) ?? '', budget))
    case 'replace':
      boundReplace(pythonStr(operand, budget), positional, budget)
      break
    case 'indent': {
      const width = positional[0] ?? named.get('width')
      const spaces = typeof width?.value === 'number' ? width.value : 4
      const subject = pythonStr(operand, budget)
      budget.chargeChars(subject.length + spaces * subject.split('\n').length)
      break
    }
    case 'dictsort': {
      const sorted = sortByNumber(operand)
      if (sorted) return { value: sorted }
      break
    }
    case 'selectattr':
    case 'rejectattr':
      if (isNothing(operand)) return { value: new ArrayValue([]) } // Jinja asks for truth first
      break
  }
  if (TEXT_FILTERS.has(name) && textOf(operand) === null) return { operand: new StringValue(pythonStr(operand, budget)) }
  if (LIST_FILTERS.has(name) && isUndefined(operand)) return { value: new ArrayValue([]) }
  if (name === 'list') return { operand: listOf(operand, budget) }
  if ((name === 'first' || name === 'last') && itemsOf(operand)?.length === 0) throw new TypeError(`No ${name} item, sequence was empty.`)
  return { operand }
}

function text(value: string): FilterOutcome {
  return { value: new StringValue(value) }
}

function optionalText(value: Value | undefined): string | null {
  return value === undefined ? null : textOf(value)
}

function json(operand: Value, named: ReadonlyMap<string, Value>, budget: RenderBudget): string {
  const pair = named.get('separators')
  const [item, key] = (pair === undefined ? null : itemsOf(pair)?.map((part) => textOf(part) ?? '')) ?? []
  const indent = named.get('indent')?.value ?? null
  if (indent !== null && (typeof indent !== 'number' || indent < 0 || indent > 16)) throw new TypeError('indent must be a number from 0 to 16')
  const written = pythonJson(
    operand,
    {
      ...PLAIN_JSON,
      indent,
      ensureAscii: named.get('ensure_ascii')?.value === true,
      sortKeys: named.get('sort_keys')?.value === true,
      separators: item === undefined || key === undefined ? null : [item, key],
    },
    budget,
  )
  budget.chargeChars(written.length)
  return written
}

function join(operand: Value, separator: string, budget: RenderBudget): string {
  const parts = (itemsOf(listOf(operand, budget)) ?? []).map((part) => pythonStr(part, budget))
  budget.chargeChars(parts.reduce((sum, part) => sum + part.length + separator.length, 0))
  return parts.join(separator)
}

/** A string as the list of its characters, a dict as that of its keys; all else as it is. */
export function listOf(operand: Value, budget: RenderBudget): Value {
  const string = textOf(operand)
  if (string !== null) budget.chargeValues(string.length)
  if (string !== null) return new ArrayValue(Array.from(string, (character) => new StringValue(character)))
  const fields = fieldsOf(operand)
  return fields ? new ArrayValue(Array.from(fields.keys(), keyValue)) : operand
}

/** The library sorts string keys only. */
function sortByNumber(operand: Value): Value | null {
  const entries = Array.from(fieldsOf(operand) ?? [])
  if (!entries.some(([key]) => typeof key === 'number')) return null
  entries.sort(([a], [b]) => Number(a) - Number(b))
  return new ArrayValue(entries.map(([key, field]) => new ArrayValue([keyValue(key), field])))
}

/** Charges for the text that a replacement will make, before it is made. */
export function boundReplace(subject: string, args: readonly Value[], budget: RenderBudget): void {
  const [before, after] = [optionalText(args[0]), optionalText(args[1])]
  if (before === null || after === null) return
  chargeSearch(subject, before, budget)
  const found = before === '' ? subject.length + 1 : subject.split(before).length - 1
  budget.chargeChars(subject.length + found * after.length)
}

/** Charges for the search, and as many pieces as a split can make. */
export function chargeSplit(subject: string, separator: Value | undefined, budget: RenderBudget): void {
  const between = optionalText(separator) ?? ''
  chargeSearch(subject, between, budget)
  budget.chargeValues(between === '' ? Math.ceil(subject.length / 2) : Math.floor(subject.length / between.length))
}
