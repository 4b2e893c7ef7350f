/** Characters of a class: of ASCII each by itself; beyond it all, or those named. */
export class CharacterSet {
  readonly ascii = new Set<number>()
  readonly others = new Set<string>()
  allOthers = false
  /** It has less than what is meant: characters beyond ASCII cannot be taken out one by one. */
  narrowed = false

  static of(...characters: readonly string[]): CharacterSet {
    const set = new CharacterSet()
    for (const character of characters) {
      const code = character.codePointAt(0)!
      if (code < 0x80) set.ascii.add(code)
      else set.others.add(character)
    }
    return set
  }

  addAll(set: CharacterSet): void {
    for (const code of set.ascii) this.ascii.add(code)
    for (const character of set.others) this.others.add(character)
    this.allOthers ||= set.allOthers
    this.narrowed ||= set.narrowed
  }

  /** Where characters beyond ASCII are named, or left out already, it has none of them: never more than what is meant. */
  negated(): CharacterSet {
    const set = new CharacterSet()
    for (let code = 0; code < 0x80; code++) if (!this.ascii.has(code)) set.ascii.add(code)
    set.narrowed = this.narrowed || this.others.size > 0
    set.allOthers = !this.allOthers && !set.narrowed
    return set
  }

  /** The code point, where it is one. */
  single(): number | null {
    if (this.allOthers || this.ascii.size + this.others.size !== 1) return null
    return this.ascii.values().next().value ?? this.others.values().next().value!.codePointAt(0)!
  }
}

export const DIGITS = CharacterSet.of(...'0123456789')
export const WORD = CharacterSet.of(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_')
/** Those of ASCII. */
export const SPACES = CharacterSet.of(' ', '\t', '\n', '\v', '\f', '\r')
SPACES.narrowed = true
