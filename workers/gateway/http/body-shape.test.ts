import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tooMuchJson } from './body-shape.ts'

const check = (json: string) => tooMuchJson(new TextEncoder().encode(json))

describe('tooMuchJson', () => {
  it('[AP9] allows 64 levels, 32,768 lists and objects and 131,072 strings, and not one more', () => {
    expect(check('[{"a":'.repeat(32))).toBeNull()
    expect(check('['.repeat(65))).toBe('is nested more than 64 deep')
    expect(check(`[${'{},'.repeat(32_767)}`)).toBeNull()
    expect(check(`[${'{},'.repeat(32_768)}`)).toBe('has more than 32768 lists and objects')
    expect(check('"",'.repeat(131_072))).toBeNull()
    expect(check('"",'.repeat(131_073))).toBe('has more than 131072 strings')
  })

  it('[AP9] allows numbers as many as a body holds', () => {
    expect(check(`{"prompt":[${'5,'.repeat(2_000_000)}5]}`)).toBeNull()
  })

  it('[AP9] counts nothing inside strings, whatever is escaped in them', () => {
    const arbText = fc.string({ unit: fc.constantFrom('[', '{', '"', '\\', 'é', '🙂', '\n'), maxLength: 80 })
    fc.assert(fc.property(arbText, (text) => void expect(check(JSON.stringify([text.repeat(20)]))).toBeNull()))
    expect(check(`["\\"",${'['.repeat(65)}`)).toBe('is nested more than 64 deep')
    expect(check(`"${'['.repeat(100)}`)).toBeNull() // never closed: the parser refuses it
  })
})
