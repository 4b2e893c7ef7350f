import { blank } from './json-rules.ts'
import { literal, oneOf } from './rules.ts'
import type { Rules } from './rules.ts'
import { SchemaFault } from './schema-fault.ts'

/** A property as it is written: its name, and the rule of its value. */
export interface PropertyRule {
  readonly name: string
  readonly value: string
  readonly required: boolean
}

/**
 * An object with its properties in the order of the schema, those that are not required left out at will.
 * @param additional rule of the values of other properties, which come last; null: there are none.
 */
export function objectGrammar(rules: Rules, properties: readonly PropertyRule[], additional: string | null): string {
  const ws = blank(rules)
  const separator = `${ws} "," ${ws}`
  const others =
    additional === null
      ? null
      : `${otherName(
          rules,
          properties.map(({ name }) => name),
        )} ${ws} ":" ${ws} ${additional}`
  // From the last property to the first: what can follow when something was written before (`later`), and when nothing was (`first`).
  let later = others === null ? '""' : rules.rule(`(${separator} ${others})*`)
  let first: string | null = others === null ? null : rules.rule(`${others} (${separator} ${others})*`)
  let mayBeEmpty = true
  for (const { name, value, required } of properties.toReversed()) {
    const property = `${literal(JSON.stringify(name))} ${ws} ":" ${ws} ${value}`
    const begun = `${property} ${later}`
    first = rules.rule(required || first === null ? begun : oneOf([begun, first]))
    later = rules.rule(required ? `${separator} ${begun}` : `(${separator} ${property})? ${later}`)
    mayBeEmpty &&= !required
  }
  if (first === null) return `"{" ${ws} "}"`
  return rules.rule(mayBeEmpty ? `"{" ${ws} (${first} ${ws})? "}"` : `"{" ${ws} ${first} ${ws} "}"`)
}

/** A property's name that is none of these: a repeated one would replace what was checked. Without escapes, which could write the same name in another way. */
function otherName(rules: Rules, names: readonly string[]): string {
  if (names.some((name) => name.length > NAME_CHARS_MAX))
    throw new SchemaFault('additionalProperties', `it is not supported beside names of more than ${NAME_CHARS_MAX} characters`)
  return rules.rule(`"\\"" ${otherThan(rules, names)} "\\""`)
}

/** Each character is a rule. */
const NAME_CHARS_MAX = 256

const REST = '[^"\\\\\\x00-\\x1f]*'

/** A text that differs from each of these, which begin alike: it leaves them at a character, goes on behind the end of one, or ends inside. */
function otherThan(rules: Rules, names: readonly string[]): string {
  if (names.length === 0) return REST
  const byFirst = Map.groupBy(
    names.filter((name) => name !== ''),
    (name) => String.fromCodePoint(name.codePointAt(0)!),
  )
  const parts = names.includes('') ? [] : ['""']
  const ascii = Array.from(byFirst.keys()).filter((character) => character <= '\x7f')
  // A class cannot leave out characters beyond ASCII: a name that has some ends the branch at ASCII.
  const leaves = ascii.length === byFirst.size ? `[^"\\\\\\x00-\\x1f${ascii.map(hex).join('')}]` : `[${asciiOther(ascii)}]`
  parts.push(`${leaves} ${REST}`)
  for (const [character, group] of byFirst) {
    if (character === '"' || character === '\\' || character < ' ') continue // cannot be written without an escape
    parts.push(
      `${literal(character)} ${otherThan(
        rules,
        group.map((name) => name.slice(character.length)),
      )}`,
    )
  }
  return rules.rule(oneOf(parts))
}

function asciiOther(taken: readonly string[]): string {
  const free = Array.from({ length: 0x5f }, (_, i) => String.fromCharCode(0x20 + i)).filter(
    (character) => character !== '"' && character !== '\\' && !taken.includes(character),
  )
  return free.map(hex).join('')
}

function hex(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
}
