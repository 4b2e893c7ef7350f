const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' }

/** The text of one JSON string that comes in pieces, its quotes among them. Never throws: what is no escape stands for itself. */
export class JsonStringDecoder {
  #begun = false
  #held = ''

  push(piece: string): string {
    let raw = this.#held + piece
    if (!this.#begun) {
      raw = raw.trimStart()
      if (raw === '') return ''
      raw = raw.slice(1)
      this.#begun = true
    }
    let text = ''
    let at = 0
    while (at < raw.length) {
      const length = unitLength(raw, at)
      if (at + length > raw.length) break
      text += decodeUnit(raw.slice(at, at + length))
      at += length
    }
    this.#held = raw.slice(at)
    return text.toWellFormed()
  }
}

/** Units of what stands at `at`: a character, an escape, or the two escapes of a surrogate pair. Past the end: not all of it is there yet. */
function unitLength(raw: string, at: number): number {
  if (raw[at] !== '\\') return 1
  if (at + 1 < raw.length && raw[at + 1] !== 'u') return 2
  if (at + 6 > raw.length || !/^[dD][89abAB]/.test(raw.slice(at + 2))) return 6
  const follower = raw.slice(at + 6, at + 8)
  return '\\u'.startsWith(follower) ? 12 : 6
}

function decodeUnit(unit: string): string {
  if (unit === '"') return ''
  if (!unit.startsWith('\\')) return unit
  if (unit[1] !== 'u') return ESCAPES[unit.charAt(1)] ?? unit.slice(1)
  const codes = unit.length === 12 ? [unit.slice(2, 6), unit.slice(8)] : [unit.slice(2)]
  return String.fromCharCode(...codes.map((code) => parseInt(code, 16)))
}
