import { LIMITS } from '../../../shared/protocol/limits.ts'
import { SchemaFault } from './schema-fault.ts'

/** The rules of a grammar in xgrammar's EBNF while it is written. */
export interface Rules {
  /** Adds a rule, or finds the one with this body. @returns its name. */
  rule(body: string): string
  /** A rule whose body is made after its name is known: recursion. Asked again with the same key it is the same rule. */
  recursive(key: string, body: (self: string) => string): string
  /** The whole grammar, beginning at `root`. */
  text(root: string): string
}

export function createRules(): Rules {
  const bodies = new Map<string, string>()
  const byBody = new Map<string, string>()
  const byKey = new Map<string, string>()
  let chars = 0

  function set(name: string, body: string): string {
    chars += name.length + body.length
    if (chars > LIMITS.grammarCharsMax) throw new SchemaFault('schema', `it is too large: its grammar has more than ${LIMITS.grammarCharsMax} characters`)
    bodies.set(name, body)
    return name
  }

  const nextName = () => `r${byBody.size + byKey.size}`
  return {
    rule(body) {
      const known = byBody.get(body)
      if (known !== undefined) return known
      const name = nextName()
      byBody.set(body, name)
      return set(name, body)
    },
    recursive(key, body) {
      const known = byKey.get(key)
      if (known !== undefined) return known
      const name = nextName()
      byKey.set(key, name)
      return set(name, body(name))
    },
    text: (root) => [`root ::= ${root}`, ...Array.from(bodies, ([name, body]) => `${name} ::= ${body}`), ''].join('\n'),
  }
}

/** Exactly this text. */
export function literal(text: string): string {
  return `"${Array.from(text, escapeCharacter).join('')}"`
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`
  const code = character.codePointAt(0)!
  return code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, '0')}` : character
}

/** One of them. */
export function oneOf(alternatives: readonly string[]): string {
  return alternatives.length === 1 ? alternatives[0]! : `(${alternatives.join(' | ')})`
}

/** `max` null: any number from `min` on. */
export function repeat(item: string, min: number, max: number | null): string {
  if (max === 0) return '""'
  if (min === 1 && max === 1) return item
  if (max === null) return min === 0 ? `(${item})*` : min === 1 ? `(${item})+` : `(${item}){${min}} (${item})*`
  return min === 0 && max === 1 ? `(${item})?` : `(${item}){${min},${max}}`
}
