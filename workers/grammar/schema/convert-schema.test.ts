import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { BYTES, BYTES_STOP, loadXgrammar } from '../../../test/fixtures/load-xgrammar.ts'
import { MIB } from '../../../shared/protocol/limits.ts'
import { grammarText } from '../grammar-text.ts'
import { createXgrammar } from '../xgrammar.ts'
import type { CompiledGrammar, Xgrammar } from '../xgrammar.ts'

let xgrammar: Xgrammar

beforeAll(async () => {
  xgrammar = await createXgrammar(await loadXgrammar(64 * MIB), BYTES, [BYTES_STOP])
})

function compile(schema: unknown): CompiledGrammar {
  const text = grammarText({ kind: 'json-schema', schema: JSON.stringify(schema) })
  if (!text.ok) throw new Error(text.error.message)
  return xgrammar.compile(text.value)
}

function accepts(grammar: CompiledGrammar, text: string): boolean {
  const matcher = grammar.match([])
  const whole = [...new TextEncoder().encode(text), BYTES_STOP].every((id) => matcher.accept(id))
  matcher.dispose()
  return whole
}

function refusal(schema: unknown): string {
  const text = grammarText({ kind: 'json-schema', schema: typeof schema === 'string' ? schema : JSON.stringify(schema) })
  if (text.ok) throw new Error(`taken: ${JSON.stringify(schema)}`)
  expect(text.error).toMatchObject({ code: 'invalid-request', details: { param: 'response_format', reason: 'unsupported_parameter' } })
  return text.error.message
}

/** Schema, values that are written, values that are not. */
const CASES: readonly (readonly [schema: unknown, good: readonly unknown[], bad: readonly unknown[]])[] = [
  [{}, [1, 'a', {}, [], null, true, { a: [1, { b: 'c' }] }], []],
  [true, [1, 'a'], []],
  [{ type: 'string' }, ['', 'aé😀"\\\n\u0001'], [1]],
  [{ type: 'string', minLength: 2, maxLength: 3 }, ['ab', 'abc', 'éé', '\n\n', '😀😀'], ['a', 'abcd', 'é']],
  [{ type: 'string', minLength: 2 }, ['ab', 'abcdef'], ['a']],
  [{ type: 'string', maxLength: 0 }, [''], ['a']],
  [{ type: 'string', minLength: 16, maxLength: 37 }, [16, 17, 31, 32, 33, 37].map((n) => 'x'.repeat(n)), [0, 15, 38, 48].map((n) => 'x'.repeat(n))],
  [{ type: 'string', minLength: 33 }, ['x'.repeat(33), 'x'.repeat(99)], ['x'.repeat(32)]],
  [{ type: 'string', pattern: '^a+b$' }, ['ab', 'aab'], ['b', 'abc', 'xab']],
  [{ type: 'string', pattern: 'a+b' }, ['ab', 'xxabyy', 'é"ab'], ['b']],
  [{ type: 'string', pattern: '^a|b$' }, ['ax', 'xb'], ['xa', 'bx']],
  [{ type: 'string', pattern: '^[a-z]{2,4}$' }, ['ab', 'abcd'], ['a', 'abcde', 'AB']],
  [{ type: 'string', pattern: '^\\d{3}-\\w+\\.?$' }, ['123-a_1', '123-a.'], ['12-a', '123-']],
  [{ type: 'string', pattern: '^(?:a|b(c|d)*)\\.c$' }, ['a.c', 'bcdc.c'], ['axc', 'c.c']],
  [{ type: 'string', pattern: '^a"b\\\\$' }, ['a"b\\'], ['ab']],
  [{ type: 'string', pattern: '^a.c$' }, ['abc', 'aéc', 'a"c', 'a😀c'], ['ac', 'a\nc']],
  [{ type: 'string', pattern: '^[^a\\]\\-]$' }, ['b', '"', '\n', 'é'], ['a', ']', '-']],
  [{ type: 'string', pattern: '^[^é]$' }, ['b'], ['é']],
  [{ type: 'string', pattern: '^[é\\u20ac-]\\x41$' }, ['éA', '€A', '-A'], ['aA']],
  [{ type: 'string', pattern: '^\\s\\S[\\s\\d]$' }, [' a1', '\ta\n'], ['aaa', '   ']],
  [{ type: 'string', pattern: '^$' }, [''], ['a']],
  [{ type: 'string', format: 'date' }, ['2024-02-03', '2024-12-31'], ['2024-02-31', '2024-13-01', '2024-1-1']],
  [{ type: 'string', format: 'date-time' }, ['2024-02-03T12:30:00Z', '2024-02-03T12:30:00.25+01:00'], ['2024-02-03', '2024-02-03T25:00:00Z']],
  [{ type: 'string', format: 'time' }, ['12:30:00Z'], ['12:30']],
  [{ type: 'string', format: 'duration' }, ['P1D', 'PT5M3S', 'P2DT3H4S'], ['P', 'PT', '1D']],
  [{ type: 'string', format: 'email' }, ['a@b.com', 'a.b+c@d-e.org'], ['a', '@b.com']],
  [{ type: 'string', format: 'hostname' }, ['a.b.com'], ['-a.b', 'a..b']],
  [{ type: 'string', format: 'ipv4' }, ['1.2.3.4', '255.250.0.10'], ['256.1.1.1', '1.2.3', '01.2.3.4']],
  [{ type: 'string', format: 'ipv6' }, ['1:2:3:4:5:6:7:abcd'], ['1:2', '12345:2:3:4:5:6:7:8']],
  [{ type: 'string', format: 'uuid' }, ['123e4567-e89b-12d3-a456-426614174000'], ['123e4567']],
  [{ type: 'string', format: 'uri' }, ['https://a.b/c/d?e=f', 'http://a.b:80'], ['a', 'ftp://a.b']],
  [{ type: 'integer' }, [1, -5, 0, 123456789012345], [1.5, 'a', 1e20]],
  [{ type: 'integer', minimum: 3 }, [3, 10, 999], [2, -1, 0]],
  [{ type: 'integer', maximum: 3 }, [3, 0, -1000], [4, 10]],
  [{ type: 'integer', minimum: 3, maximum: 15 }, [3, 9, 10, 15], [2, 16, 100, -4, 0]],
  [{ type: 'integer', minimum: -30, maximum: 205 }, [-30, -9, 0, 99, 199, 205], [-31, 206, 1000]],
  [{ type: 'integer', exclusiveMinimum: 3, exclusiveMaximum: 15 }, [4, 14], [3, 15]],
  [{ type: 'integer', minimum: 1.5, exclusiveMaximum: 3.5 }, [2, 3], [1, 4]],
  [{ type: 'number' }, [1, 1.5, -2, 1e50, 1.5e-7], ['a', true]],
  [{ type: 'number', minimum: 0, maximum: 1 }, [0, 1, 0.5, 0.123], [1.5, 2, -0.5, 1.001]],
  [{ type: 'number', minimum: 0 }, [0, 0.5, 12.75], [-1, -0.5]],
  [{ type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }, [0.5, 0.001], [0, 1, -0.5, 1.5]],
  [{ type: 'number', minimum: -1.25, maximum: 2.5 }, [-1.25, -1, -0.3, 0, 2, 2.5, 2.25, 1.9], [-1.3, -2, 2.6, 3, 2.51]],
  [{ type: 'number', minimum: 10, exclusiveMaximum: 10.25 }, [10, 10.2, 10.249], [10.25, 10.3, 9, 11]],
  [{ type: 'boolean' }, [true, false], ['true', 0]],
  [{ type: 'null' }, [null], [0]],
  [{ type: ['string', 'null'] }, ['a', null], [1]],
  [{ type: ['integer', 'number'] }, [1, 1.5], ['a']],
  [{ enum: ['a', 1, null, { b: [2] }] }, ['a', 1, null, { b: [2] }], ['b', 2]],
  [{ type: 'string', enum: ['a"é', 1] }, ['a"é'], [1]],
  [{ const: 'x' }, ['x'], ['y']],
  [{ const: null }, [null], ['y']],
  [{ type: 'array' }, [[], [1, 'a']], [{}]],
  [{ type: 'array', items: { type: 'integer' } }, [[], [1], [1, 2, 3]], [['a']]],
  [{ type: 'array', items: { type: 'integer' }, minItems: 1, maxItems: 2 }, [[1], [1, 2]], [[], [1, 2, 3], ['a']]],
  [
    { type: 'array', items: { type: 'integer' }, minItems: 2 },
    [
      [1, 2],
      [1, 2, 3],
    ],
    [[], [1]],
  ],
  [{ type: 'array', maxItems: 0 }, [[]], [[1]]],
  [{ type: 'array', prefixItems: [{ type: 'integer' }, { type: 'string' }], items: false }, [[], [1], [1, 'a']], [['a'], [1, 'a', 2]]],
  [
    { type: 'array', prefixItems: [{ type: 'integer' }], items: { type: 'string' }, minItems: 2 },
    [
      [1, 'a'],
      [1, 'a', 'b'],
    ],
    [[1], [1, 2]],
  ],
  [{ type: 'array', prefixItems: [{ type: 'integer' }, { type: 'null' }], minItems: 1, maxItems: 1 }, [[1]], [[], [1, null]]],
  [{ type: 'object' }, [{}, { a: 1 }], [[]]],
  [{ type: 'object', properties: {} }, [{}], [{ a: 1 }]],
  [
    { type: 'object', properties: { a: { type: 'integer' }, b: {} }, required: ['a'] },
    [{ a: 1 }, { a: 1, b: [2] }],
    [{}, { b: 1 }, { a: 'x' }, { a: 1, c: 1 }],
  ],
  [{ type: 'object', properties: { a: true, b: true, c: true }, required: ['b'] }, [{ b: 1 }, { a: 1, b: 2 }, { b: 1, c: 2 }], [{}, { a: 1 }, { b: 1, a: 2 }]],
  [{ type: 'object', properties: { a: true, b: true } }, [{}, { a: 1 }, { b: 1 }, { a: 1, b: 1 }], [{ c: 1 }]],
  [
    { type: 'object', properties: { ab: { type: 'integer' }, a: true, 'é"': true }, additionalProperties: { type: 'string' } },
    [{}, { ab: 1, x: 'y' }, { b: 's', abc: 't', '': 'u' }],
    [{ ab: 'x' }, { x: 1 }],
  ],
  [{ type: 'object', properties: { a: { type: 'integer' } }, additionalProperties: true }, [{ a: 1, x: [2] }, { x: 2 }, { aa: 1 }], [{ a: 'x' }]],
  [{ type: 'object', required: ['x'] }, [{ x: 1 }], [{}]],
  [{ type: 'object', additionalProperties: { type: 'integer' } }, [{}, { a: 1, b: 2 }], [{ a: 'x' }]],
  [{ properties: { a: true } }, [{ a: 1 }, {}], [[], 1]],
  [{ anyOf: [{ type: 'integer' }, { type: 'string', maxLength: 1 }] }, [1, 'a'], ['ab', null]],
  [{ oneOf: [{ type: 'integer' }, { type: 'string' }] }, [1, 'a'], [null]],
  [{ oneOf: [{ const: 'a' }, { enum: ['b', 'c'] }] }, ['a', 'c'], ['d']],
  [{ allOf: [{ $ref: '#/$defs/a~1b' }], $defs: { 'a/b': { type: 'integer' } }, description: 'x' }, [1], ['a']],
  [
    { type: 'object', properties: { next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } }, required: ['next'] },
    [{ next: null }, { next: { next: null } }],
    [{}, { next: 1 }],
  ],
  [{ $ref: '#/definitions/tree', definitions: { tree: { type: 'array', items: { $ref: '#/definitions/tree' } } } }, [[], [[], [[]]]], [[1]]],
  [{ type: 'integer', uniqueItems: false, title: 't', default: 3, examples: [1], $comment: '' }, [1], ['a']],
]

describe('[GR1] a schema becomes a grammar that writes what it means', () => {
  it.each(CASES)('%j', (schema, good, bad) => {
    const grammar = compile(schema)
    for (const value of good) {
      expect([JSON.stringify(value), accepts(grammar, JSON.stringify(value))]).toEqual([JSON.stringify(value), true])
    }
    for (const value of bad) expect([JSON.stringify(value), accepts(grammar, JSON.stringify(value))]).toEqual([JSON.stringify(value), false])
    grammar.dispose()
  })
})

/** xgrammar as published takes a quarter of these that are not in the list: scripts/unpack-xgrammar.mjs. */
it('[GR1] of many texts that begin alike only those of the list are written', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 40 }), fc.array(word, { maxLength: 30 }), (words, others) => {
      const grammar = compile({ enum: words })
      for (const text of [...words, ...others]) expect(accepts(grammar, JSON.stringify(text))).toBe(words.includes(text))
      grammar.dispose()
    }),
  )
})

it('[GR1] a range has its own numbers and no others', () => {
  const hundredths = fc.oneof(
    fc.integer({ min: -2000, max: 2000 }),
    fc.integer({ min: -30, max: 30 }).map((n) => n * 100),
  )
  const keywords = fc.tuple(fc.constantFrom('minimum', 'exclusiveMinimum'), fc.constantFrom('maximum', 'exclusiveMaximum'))
  fc.assert(
    fc.property(
      fc.constantFrom('integer', 'number'),
      keywords,
      hundredths,
      fc.nat(3000),
      fc.array(hundredths, { maxLength: 8 }),
      (type, [lower, upper], low, span, values) => {
        const high = low + 200 + span // a whole number is inside, whatever is exclusive
        const grammar = compile({ type, [lower]: low / 100, [upper]: high / 100 })
        for (const value of [low, high, low - 50, high + 50, low + 1, high - 1, ...values]) {
          const isAbove = lower === 'minimum' ? value >= low : value > low
          const isBelow = upper === 'maximum' ? value <= high : value < high
          const isIn = isAbove && isBelow && (type === 'number' || value % 100 === 0)
          expect([value, accepts(grammar, String(value / 100))]).toEqual([value, isIn])
        }
        grammar.dispose()
      },
    ),
  )
})

/** A name that is written in another way would slip past what the schema says of it. */
it('[GR1] other properties cannot repeat one that the schema names', () => {
  const grammar = compile({ type: 'object', properties: { ab: { type: 'integer' } }, additionalProperties: true })
  expect(accepts(grammar, '{"ab":1,"abc":"x"}')).toBe(true)
  for (const text of ['{"ab":1,"ab":"x"}', '{"ab":"x"}', '{"\\u0061b":"x"}']) expect(accepts(grammar, text)).toBe(false)
})

it('[GR1] a value may be indented, but blanks between its parts have an end', () => {
  const value = { a: [1, { b: null }], c: {} }
  expect(accepts(compile(true), JSON.stringify(value, null, 2))).toBe(true)
  const grammar = compile({ type: 'array' })
  expect(accepts(grammar, `[\n${' '.repeat(32)}1]`)).toBe(true)
  expect(accepts(grammar, `[\n${' '.repeat(33)}1]`)).toBe(false)
  expect(accepts(grammar, '[  1]')).toBe(false)
})

describe('[GR2] what cannot be enforced is refused by its name', () => {
  const REFUSED: readonly (readonly [keyword: string, schema: unknown])[] = [
    ['not', { not: { type: 'string' } }],
    ['if', { if: true, else: true }],
    ['multipleOf', { type: 'integer', multipleOf: 3 }],
    ['uniqueItems', { type: 'array', uniqueItems: true }],
    ['contains', { type: 'array', contains: { type: 'string' } }],
    ['patternProperties', { type: 'object', patternProperties: { a: true } }],
    ['propertyNames', { type: 'object', propertyNames: { maxLength: 3 } }],
    ['minProperties', { type: 'object', minProperties: 1 }],
    ['dependentRequired', { type: 'object', dependentRequired: {} }],
    ['unevaluatedProperties', { type: 'object', unevaluatedProperties: false }],
    ['$dynamicRef', { $dynamicRef: '#a' }],
    ['a keyword of nobody', { 'a keyword of nobody': 1 }],
    ['allOf', { allOf: [{ type: 'object' }, { required: ['a'] }] }],
    ['oneOf', { oneOf: [{ type: 'integer' }, { type: 'number' }] }],
    ['type', { type: 'object', anyOf: [true] }],
    ['minLength', { enum: ['a'], minLength: 1 }],
    ['minLength', { type: 'string', format: 'date', minLength: 1 }],
    ['minLength', { type: 'integer', minLength: 1 }],
    ['format', { type: 'string', format: 'regex' }],
    ['format', { type: 'string', format: 'constructor' }],
    ['type', { type: 'any' }],
    ['type', { type: [] }],
    ['enum', { enum: [] }],
    ['enum', { type: 'string', enum: [1] }],
    ['false', false],
    ['schema', 'null'],
    ['$ref', { $ref: 'https://a.b/c' }],
    ['$ref', { $ref: '#/$defs/x' }],
    ['$ref', { $ref: '#' }],
    ['$ref', { $ref: '#/$defs/a', $defs: { a: { anyOf: [{ $ref: '#/$defs/b' }] }, b: { $ref: '#/$defs/a' } } }],
    ['required', { type: 'object', properties: {}, required: ['a'], additionalProperties: false }],
    ['minimum', { type: 'integer', minimum: 3, maximum: 2 }],
    ['minimum', { type: 'number', minimum: 1, exclusiveMaximum: 1 }],
    ['minimum', { type: 'integer', minimum: 1e300 }],
    ['items', { type: 'array', items: [true] }],
    ['minItems', { type: 'array', minItems: -1 }],
    ...['(?=a)b', '(a)\\1', '\\bа', '\\p{L}', 'a^b', '(^a)', '[b-a]', '[а-я]', 'a{3,2}', 'a{9999}', '(a', 'a)', '[a', '*', 'a**', '\\', '\\q', '[]'].map(
      (pattern) => ['pattern', { type: 'string', pattern }] as const,
    ),
  ]
  it.each(REFUSED)('%s in %j', (keyword, schema) => {
    expect(refusal(schema)).toContain(`'${keyword}'`)
  })
})

describe('[GR3] a schema has bounds, which hold before anything is compiled', () => {
  const deep = (depth: number): unknown => (depth === 0 ? true : { type: 'array', items: deep(depth - 1) })
  it.each([
    ['minItems', { type: 'array', minItems: 1_000_000 }],
    ['required', { type: 'object', properties: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`p${i}`, true])) }],
    ['maxItems', { type: 'array', maxItems: 1_000_000 }],
    ['maxLength', { type: 'string', maxLength: 1_000_000 }],
    ['minLength', { type: 'string', minLength: 1_000_000 }],
    ['enum', { enum: Array.from({ length: 5000 }, (_, i) => i) }],
    ['anyOf', { anyOf: Array.from({ length: 5000 }, () => true) }],
    ['schema', { enum: ['x'.repeat(200_000)] }],
    ['schema', deep(100)],
    ['schema', { type: 'object', properties: Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`p${i}`, true])) }],
    ['schema', '[['],
    ['schema', '['.repeat(100_000)],
    ['pattern', { type: 'string', pattern: '('.repeat(5000) }],
    ['additionalProperties', { type: 'object', properties: { ['x'.repeat(5000)]: true }, additionalProperties: true }],
  ])('%s', (keyword, schema) => {
    expect(refusal(schema)).toContain(`'${keyword}'`)
  })

  it('a pattern that repeats repetitions is bounded by the size of its grammar', () => {
    const grammar = compile({ type: 'string', pattern: '^((a{0,1000}){0,1000}){0,1000}$' })
    expect(accepts(grammar, '"aaa"')).toBe(true)
  })
})
