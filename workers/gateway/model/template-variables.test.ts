import { describe, expect, it } from 'vitest'
import { templateVariables } from './template-variables.ts'

describe('templateVariables', () => {
  it('[TX4] takes few names with plain values', () => {
    const given = { enable_thinking: false, reasoning_effort: 'low', budget: 3, x: null }
    expect(templateVariables(given)).toEqual(given)
  })

  it.each<[unknown]>([
    [[]],
    [null],
    ['x'],
    [{ messages: 'x' }],
    [{ strftime_now: 'x' }],
    [{ True: false }],
    [{ range: 1 }],
    [{ bos_token: '' }],
    [{ 'a b': 1 }],
    [{ '': 1 }],
    [{ a: [] }],
    [{ a: {} }],
    [{ a: '\ud800' }],
    [{ a: 'x'.repeat(257) }],
    [{ ['a'.repeat(257)]: 1 }],
    [Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`a${index}`, 1]))],
  ])('[TX4] refuses %j', (given) => {
    expect(templateVariables(given)).toEqual(expect.any(String))
  })

  it('[TX4] takes names of JavaScript as names', () => {
    expect(templateVariables(JSON.parse('{"constructor": 1, "__proto__x": 2}'))).toEqual({ constructor: 1, __proto__x: 2 })
  })
})
