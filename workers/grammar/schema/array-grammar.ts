import { LIMITS } from '../../../shared/protocol/limits.ts'
import { blank } from './json-rules.ts'
import { repeat } from './rules.ts'
import type { Rules } from './rules.ts'
import { SchemaFault } from './schema-fault.ts'

export interface ArrayKeywords {
  readonly minItems: number
  /** Null: none. */
  readonly maxItems: number | null
  /** Rules of the first items. */
  readonly prefix: readonly string[]
  /** Rule of those behind; null: there are none. */
  readonly items: string | null
}

export function arrayGrammar(rules: Rules, { minItems, maxItems, prefix, items }: ArrayKeywords): string {
  if (minItems > LIMITS.schemaRepeatsMax) throw new SchemaFault('minItems', `it is ${LIMITS.schemaRepeatsMax} at most`)
  if ((maxItems ?? 0) > LIMITS.schemaRepeatsMax) throw new SchemaFault('maxItems', `it is ${LIMITS.schemaRepeatsMax} at most`)
  const most = Math.min(maxItems ?? Infinity, items === null ? prefix.length : Infinity)
  if (minItems > most) throw new SchemaFault('minItems', 'there can be fewer items only')
  const ws = blank(rules)
  const separator = `${ws} "," ${ws}`
  // From the last to the first: what can follow the items up to here.
  const listed = prefix.slice(0, most)
  const behind = most - listed.length
  let rest = items === null || behind === 0 ? '""' : tail(items, Math.max(0, minItems - listed.length), behind)
  for (let i = listed.length - 1; i >= 1; i--) {
    const item = `${separator} ${listed[i]} ${rest}`
    rest = rules.rule(i < minItems ? item : `(${item})?`)
  }
  if (most === 0) return `"[" ${ws} "]"`
  const first = listed[0] ?? items!
  if (listed.length === 0) rest = tail(items!, Math.max(0, minItems - 1), most - 1)
  return rules.rule(minItems > 0 ? `"[" ${ws} ${first} ${rest} ${ws} "]"` : `"[" ${ws} (${first} ${rest} ${ws})? "]"`)

  function tail(item: string, min: number, max: number): string {
    return repeat(rules.rule(`${separator} ${item}`), min, max === Infinity ? null : max)
  }
}
