/** More than the largest request that a schema accepts: 2,048 messages of several parts each. */
const DEPTH_MAX = 64
const CONTAINERS_MAX = 1 << 15
const STRINGS_MAX = 1 << 17

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENING: readonly number[] = [0x5b, 0x7b]
const CLOSING: readonly number[] = [0x5d, 0x7d]

/**
 * What makes JSON too much to parse, or null. Parsed lists, objects and strings are many times larger than their text: 4 MiB of `[[[[…` take
 * 121 MB of heap, of `{},{},…` 94 MB. Numbers are not counted: 4 MiB of them take at most 21 MB, and a list of token ids is a request.
 * @param bytes UTF-8, whose bytes above 0x7f are never brackets. Whether it is JSON at all, the parser says.
 */
export function tooMuchJson(bytes: Uint8Array): string | null {
  let depth = 0
  let containers = 0
  let strings = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (byte === QUOTE) {
      if (++strings > STRINGS_MAX) return `has more than ${STRINGS_MAX} strings`
      at = stringEnd(bytes, at + 1)
    } else if (OPENING.includes(byte)) {
      if (++depth > DEPTH_MAX) return `is nested more than ${DEPTH_MAX} deep`
      if (++containers > CONTAINERS_MAX) return `has more than ${CONTAINERS_MAX} lists and objects`
    } else if (CLOSING.includes(byte)) {
      depth--
    }
  }
  return null
}

/** Where the closing quote is; the end of the bytes if there is none. */
function stringEnd(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return at
}
