import { LIMITS } from '../../../shared/protocol/limits.ts'
import { atMost, exactly } from './bounded-repeat.ts'
import { CharacterSet, DIGITS, SPACES, WORD } from './character-set.ts'
import { setGrammar } from './character-grammar.ts'
import { stringCharacters } from './json-rules.ts'
import { oneOf, repeat } from './rules.ts'
import type { Rules } from './rules.ts'
import { SchemaFault } from './schema-fault.ts'

/**
 * The strings of JSON, without their quotes, that match a regular expression of ECMAScript. It may match anywhere unless it is anchored.
 * Alternatives, groups, classes and quantifiers are taken; lookaround, backreferences, \b, \p and anchors inside are refused.
 */
export function patternGrammar(rules: Rules, pattern: string): string {
  return new PatternReader(rules, pattern).read()
}

class PatternReader {
  readonly #rules: Rules
  /** By code points. */
  readonly #source: readonly string[]
  #at = 0
  #depth = 0

  constructor(rules: Rules, pattern: string) {
    this.#rules = rules
    this.#source = Array.from(pattern)
  }

  read(): string {
    const any = stringCharacters(this.#rules)
    const parts: string[] = []
    do {
      const fromStart = this.#take('^')
      const items = this.#sequence()
      const toEnd = this.#take('$')
      parts.push([...(fromStart ? [] : [any]), ...items, ...(toEnd ? [] : [any])].join(' ') || '""')
    } while (this.#take('|'))
    if (this.#at < this.#source.length) throw this.#refuse(`'${this.#source[this.#at]}' is not supported here`)
    return oneOf(parts)
  }

  #alternatives(): string {
    const parts: string[] = []
    do parts.push(this.#sequence().join(' ') || '""')
    while (this.#take('|'))
    return `(${parts.join(' | ')})`
  }

  #sequence(): string[] {
    const items: string[] = []
    for (let next = this.#peek(); next !== undefined && next !== '|' && next !== ')' && next !== '$'; next = this.#peek())
      items.push(this.#quantified(this.#atom()))
    return items
  }

  #atom(): string {
    const next = this.#next()
    if (next === '(') return this.#group()
    if (next === '[') return setGrammar(this.#rules, this.#set())
    if (next === '.') return setGrammar(this.#rules, CharacterSet.of('\n', '\r').negated())
    if (next === '\\') return setGrammar(this.#rules, this.#escape())
    if ('^*+?{}]'.includes(next)) throw this.#refuse(`'${next}' is not supported here`)
    return setGrammar(this.#rules, CharacterSet.of(next))
  }

  #group(): string {
    if (this.#take('?') && !this.#take(':')) throw this.#refuse('lookaround and named groups are not supported')
    if (++this.#depth > LIMITS.schemaDepthMax) throw this.#refuse('it is nested too deep')
    const inside = this.#alternatives()
    if (!this.#take(')')) throw this.#refuse('a group is not closed, or an anchor stands inside one')
    this.#depth--
    return inside
  }

  #quantified(atom: string): string {
    const [min, max] = this.#quantifier() ?? [1, 1]
    this.#take('?') // lazy: the same strings
    const item = this.#rules.rule(atom)
    if (max === null || max === 1) return repeat(item, min, max)
    return `(${exactly(this.#rules, item, min)} ${atMost(this.#rules, item, max - min)})`
  }

  #quantifier(): readonly [min: number, max: number | null] | null {
    if (this.#take('*')) return [0, null]
    if (this.#take('+')) return [1, null]
    if (this.#take('?')) return [0, 1]
    if (!this.#take('{')) return null
    const min = this.#count()
    const max = this.#take(',') ? (this.#peek() === '}' ? null : this.#count()) : min
    if (!this.#take('}') || (max !== null && max < min)) throw this.#refuse('a repetition is not valid')
    return [min, max]
  }

  #count(): number {
    let digits = ''
    while (/^[0-9]$/.test(this.#peek() ?? '')) digits += this.#next()
    const count = Number(digits)
    if (digits === '' || count > LIMITS.schemaRepeatsMax) throw this.#refuse(`a repetition is from 0 to ${LIMITS.schemaRepeatsMax}`)
    return count
  }

  /** Behind its opening bracket. */
  #set(): CharacterSet {
    const negated = this.#take('^')
    const set = new CharacterSet()
    while (!this.#take(']')) {
      const from = this.#setItem()
      if (this.#peek() !== '-' || this.#source[this.#at + 1] === ']') {
        set.addAll(from)
        continue
      }
      this.#next()
      const [first, last] = [from.single(), this.#setItem().single()]
      if (first === null || last === null || first > last) throw this.#refuse('a range of a class is not valid')
      if (last > 0x7f) throw this.#refuse('a class has a range beyond ASCII')
      for (let code = first; code <= last; code++) set.addAll(CharacterSet.of(String.fromCodePoint(code)))
    }
    return negated ? set.negated() : set
  }

  #setItem(): CharacterSet {
    const next = this.#next()
    return next === '\\' ? this.#escape() : CharacterSet.of(next)
  }

  /** Behind its backslash. */
  #escape(): CharacterSet {
    const next = this.#next()
    switch (next) {
      case 'd':
        return DIGITS
      case 'D':
        return DIGITS.negated()
      case 'w':
        return WORD
      case 'W':
        return WORD.negated()
      case 's':
        return SPACES
      case 'S':
        return SPACES.negated()
      case 'n':
      case 'r':
      case 't':
      case 'f':
      case 'v':
        return CharacterSet.of({ n: '\n', r: '\r', t: '\t', f: '\f', v: '\v' }[next])
      case 'x':
        return CharacterSet.of(this.#hex(2))
      case 'u':
        return CharacterSet.of(this.#hex(4))
    }
    if (/^[a-zA-Z0-9]$/.test(next)) throw this.#refuse(`\\${next} is not supported`)
    return CharacterSet.of(next)
  }

  #hex(digits: number): string {
    const code = Array.from({ length: digits }, () => this.#next()).join('')
    if (!/^[0-9a-fA-F]+$/.test(code) || /^[dD][89a-fA-F]..$/.test(code)) throw this.#refuse('an escape is not valid')
    return String.fromCodePoint(parseInt(code, 16))
  }

  #peek(): string | undefined {
    return this.#source[this.#at]
  }

  #next(): string {
    const next = this.#source[this.#at++]
    if (next === undefined) throw this.#refuse('it ends too early')
    return next
  }

  #take(character: string): boolean {
    if (this.#source[this.#at] !== character) return false
    this.#at++
    return true
  }

  #refuse(reason: string): SchemaFault {
    return new SchemaFault('pattern', reason)
  }
}
