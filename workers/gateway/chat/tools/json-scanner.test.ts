import fc from 'fast-check'
import { expect, it } from 'vitest'
import { JsonScanner } from './json-scanner.ts'
import { JsonStringDecoder } from './json-string-decoder.ts'

it('[TC3] finds the end of any JSON value, however it and what follows are cut', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('', ' '), fc.constantFrom('}', '\n</x>', ', "a"', ']'), fc.nat(), (value, space, rest, cut) => {
      const json = JSON.stringify(value)
      const text = `${space}${json}${rest}`
      const scanner = new JsonScanner()
      const at = cut % text.length
      const first = scanner.take(text.slice(0, at))
      const taken = first < at ? first : first + scanner.take(text.slice(at))
      expect(text.slice(0, taken)).toBe(space + json)
      expect(scanner.done).toBe(true)
    }),
  )
})

it('[TC3] takes nothing of what is no JSON value', () => {
  const scanner = new JsonScanner()
  expect([scanner.take(' }'), scanner.done]).toEqual([1, true])
})

it('[TC3] resolves the escapes of JSON strings in pieces of one character', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '\u0001', 'é', '🙂', '\u2028') }), (text) => {
      const decoder = new JsonStringDecoder()
      const escaped = JSON.stringify(text).replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      expect([...escaped].map((unit) => decoder.push(unit)).join('')).toBe(text)
    }),
  )
})
