import type { CharacterSet } from './character-set.ts'
import { literal, oneOf } from './rules.ts'
import type { Rules } from './rules.ts'
import { SchemaFault } from './schema-fault.ts'

const SHORT_ESCAPES: Readonly<Record<number, string>> = { 0x08: '\\b', 0x09: '\\t', 0x0a: '\\n', 0x0c: '\\f', 0x0d: '\\r', 0x22: '\\"', 0x5c: '\\\\' }

/**
 * One character of a set as it is written in a string of JSON. xgrammar's classes know no ranges beyond ASCII, so a class with all of those is
 * written as what it has not.
 */
export function setGrammar(rules: Rules, set: CharacterSet): string {
  const plain = Array.from(set.ascii).filter((code) => code >= 0x20 && code !== 0x22 && code !== 0x5c)
  const escaped = Array.from(set.ascii).filter((code) => !plain.includes(code))
  const parts: string[] = []
  if (set.allOthers) parts.push(`[^${ranges(Array.from({ length: 0x80 }, (_, code) => code).filter((code) => !plain.includes(code)))}]`)
  else if (plain.length > 0) parts.push(`[${ranges(plain)}]`)
  if (!set.allOthers) parts.push(...Array.from(set.others, literal))
  parts.push(...escaped.map((code) => literal(SHORT_ESCAPES[code] ?? `\\u${code.toString(16).padStart(4, '0')}`)))
  if (parts.length === 0) throw new SchemaFault('pattern', 'a class is empty')
  return parts.length === 1 ? parts[0]! : rules.rule(oneOf(parts))
}

/** Of codes in any order, hex: nothing in a class needs an escape of its own then. */
function ranges(codes: readonly number[]): string {
  const sorted = codes.toSorted((a, b) => a - b)
  let text = ''
  for (let from = 0; from < sorted.length;) {
    let to = from
    while (sorted[to + 1] === sorted[to]! + 1) to++
    text += to === from ? hex(sorted[from]!) : `${hex(sorted[from]!)}-${hex(sorted[to]!)}`
    from = to + 1
  }
  return text
}

function hex(code: number): string {
  return `\\x${code.toString(16).padStart(2, '0')}`
}
