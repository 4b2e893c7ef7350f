import fc from 'fast-check'
import { expect, it } from 'vitest'
import { canonicalJson } from './canonical-json.ts'

it('[PK1] says the same value in the same bytes, whatever the order of its keys', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).toReversed())
      expect(canonicalJson(reversed)).toBe(canonicalJson(value))
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

it('[PK1] sorts keys by code unit at every depth and writes no spaces', () => {
  expect(canonicalJson({ b: [{ z: 1, a: null }], ä: 'x', B: 1.5 })).toBe('{"B":1.5,"b":[{"a":null,"z":1}],"ä":"x"}')
})

it('[PK1] throws on what JSON cannot say', () => {
  for (const value of [undefined, Number.NaN, Infinity, { a: undefined }, [() => 1]]) expect(() => canonicalJson(value)).toThrow(TypeError)
})
