const VALUE_BEGIN = /[{["\-0-9tfn]/
const SCALAR = /[-+.0-9a-zA-Z]/
const SPACE = /\s/

/** Finds where one JSON value ends in text that comes in pieces. It does not check the value: the grammar has. */
export class JsonScanner {
  #state: 'before' | 'inside' | 'scalar' | 'done' = 'before'
  #depth = 0
  #inString = false
  #escaped = false

  get done(): boolean {
    return this.#state === 'done'
  }

  /** True once there is something that may be a value: at the end of the text a number is whole. */
  get mayEnd(): boolean {
    return this.#state === 'done' || this.#state === 'scalar'
  }

  /** How many units of the text belong to the value. It is done where that is less than all, or the value closed. */
  take(text: string): number {
    for (let at = 0; at < text.length; at++) {
      if (this.#state === 'done') return at
      if (this.#takes(text.charAt(at))) continue
      this.#state = 'done'
      return at
    }
    return text.length
  }

  /** False for a unit behind the value. */
  #takes(unit: string): boolean {
    switch (this.#state) {
      case 'before':
        return SPACE.test(unit) || this.#begins(unit)
      case 'scalar':
        return SCALAR.test(unit)
      case 'inside':
        this.#step(unit)
        return true
      case 'done':
        return false
    }
  }

  #begins(unit: string): boolean {
    if (!VALUE_BEGIN.test(unit)) return false
    this.#state = unit === '{' || unit === '[' || unit === '"' ? 'inside' : 'scalar'
    if (this.#state === 'inside') this.#step(unit)
    return true
  }

  #step(unit: string): void {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false
      else if (unit === '\\') this.#escaped = true
      else if (unit === '"') this.#inString = false
    } else if (unit === '"') this.#inString = true
    else if (unit === '{' || unit === '[') this.#depth++
    else if (unit === '}' || unit === ']') this.#depth--
    if (!this.#inString && this.#depth === 0) this.#state = 'done'
  }
}
