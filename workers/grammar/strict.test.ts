import type { TokenizerJson } from '../../shared/core/tokenizer/bpe-tokenizer.ts'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { readDemoFile } from '../../test/contract/demo-model.ts'
import { loadXgrammar } from '../../test/fixtures/load-xgrammar.ts'
import { MIB } from '../../shared/protocol/limits.ts'
import { grammarText } from './grammar-text.ts'
import { jsonEntries, vocabularyOf } from './vocabulary.ts'
import type { Vocabulary } from './vocabulary.ts'
import { createXgrammar } from './xgrammar.ts'
import type { Matcher, Xgrammar } from './xgrammar.ts'

const EOS = 2
/** `GRAMMAR_RUNS=1000 npx vitest run --project unit workers/grammar/strict.test.ts` walks more. Tokens of a walk; from WANDER on it takes the way out. */
const WALK = 160
const WANDER = 16

let vocabulary: Vocabulary
let xgrammar: Xgrammar
/** Tokens that end something, those that end most first. */
let waysOut: number[]

beforeAll(async () => {
  const json = JSON.parse(readDemoFile('tokenizer.json')) as TokenizerJson
  const read = vocabularyOf(json, jsonEntries(json), 6144)
  if (!read.ok) throw new Error(read.error.message)
  vocabulary = read.value
  const idOf = (text: string) => Array.from({ length: vocabulary.size }, (_, id) => id).find((id) => new TextDecoder().decode(vocabulary.bytes(id)) === text)!
  waysOut = [EOS, ...['}', ']', '"', ':', '0', '1', 'n', 'u', 'l'].map(idOf)]
  xgrammar = await createXgrammar(await loadXgrammar(64 * MIB), vocabulary, [EOS])
})

const name = fc.constantFrom('a', 'ab', 'name', 'é', 'x y', '"', '', 'b\\c', 'constructor')
const scalar = fc.oneof(fc.string({ maxLength: 6 }), fc.integer({ min: -50, max: 5000 }), fc.constant(null), fc.boolean())

const bounds = fc
  .tuple(fc.integer({ min: -3000, max: 3000 }), fc.nat(4000), fc.constantFrom(1, 4, 10, 100), fc.boolean(), fc.boolean())
  .map(([low, span, scale, notLow, notHigh]) => ({
    [notLow ? 'exclusiveMinimum' : 'minimum']: low / scale,
    [notHigh ? 'exclusiveMaximum' : 'maximum']: (low + span) / scale + 2,
  }))
const half = bounds.chain((all) => fc.subarray(Object.entries(all)).map((some) => Object.fromEntries(some)))

const { schema: arbSchema } = fc.letrec<{ schema: unknown; leaf: unknown; object: unknown; array: unknown }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    tie('object'),
    tie('array'),
    fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
  ),
  leaf: fc.oneof(
    fc.constantFrom(
      true,
      {},
      { type: 'string' },
      { type: 'boolean' },
      { type: 'null' },
      { type: 'integer' },
      { type: 'number' },
      { type: ['string', 'null', 'integer'] },
    ),
    fc.tuple(fc.nat(4), fc.nat(4)).map(([min, more]) => ({ type: 'string', minLength: min, maxLength: min + more })),
    fc.nat(3).map((minLength) => ({ type: 'string', minLength })),
    half.map((range) => ({ type: 'integer', ...range })),
    half.map((range) => ({ type: 'number', ...range })),
    fc.array(scalar, { minLength: 1, maxLength: 4 }).map((values) => ({ enum: [...new Set(values)] })),
    scalar.map((value) => ({ const: value })),
    fc
      .constantFrom('^[A-Z]{2}[0-9]+$', 'ab?c', '^(foo|bar\\.)*$', '^[^a-y"]{1,3}$', '^\\w+@\\d{2}$', '^\\S.\\s$', '[\\\\/]', '^é|[\\n\\t]$')
      .map((pattern) => ({ type: 'string', pattern })),
    fc.constantFrom('date', 'date-time', 'time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uuid', 'uri').map((format) => ({ type: 'string', format })),
  ),
  object: fc
    .tuple(
      fc.uniqueArray(fc.tuple(name, tie('schema')), { selector: ([key]) => key, maxLength: 4 }),
      fc.nat(15),
      fc.oneof(fc.constantFrom(undefined, true, false), tie('schema')),
    )
    .map(([properties, bits, additionalProperties]) => ({
      type: 'object',
      properties: Object.fromEntries(properties),
      required: properties.filter((_, i) => (bits >> i) & 1).map(([key]) => key),
      ...(additionalProperties === undefined ? {} : { additionalProperties }),
    })),
  array: fc.tuple(fc.array(tie('schema'), { maxLength: 2 }), fc.nat(2), fc.option(fc.nat(3)), tie('schema')).map(([prefixItems, minItems, more, items]) => ({
    type: 'array',
    ...(prefixItems.length > 0 ? { prefixItems } : {}),
    items,
    minItems,
    ...(more === null ? {} : { maxItems: minItems + more }),
  })),
}))

/** Any way through the masks, and then mostly the shortest one out: null where it was not found in time. */
function walk(matcher: Matcher, draw: (count: number) => number): string | null {
  const written: number[] = []
  for (let step = 0; step < WALK; step++) {
    const mask = matcher.allowed()
    const out = step < WANDER || draw(5) === 0 ? undefined : waysOut.find((id) => isAllowed(mask, id))
    const id = out ?? anyAllowed(mask, draw)
    if (!matcher.accept(id)) throw new Error(`${id} was allowed and is refused`)
    if (id === EOS) return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(written))
    written.push(...vocabulary.bytes(id))
  }
  return null
}

function isAllowed(mask: Uint8Array, id: number): boolean {
  return ((mask[id >> 3]! >> (id & 7)) & 1) === 1
}

function anyAllowed(mask: Uint8Array, draw: (count: number) => number): number {
  const ids: number[] = []
  for (let id = 0; id < vocabulary.size; id++) if (isAllowed(mask, id)) ids.push(id)
  if (ids.length === 0) throw new Error('nothing is allowed')
  return ids[draw(ids.length)]!
}

it('[GR1] whatever way through the masks a sequence takes, its text is JSON that the schema validates', () => {
  let [walks, ends] = [0, 0]
  fc.assert(
    fc.property(arbSchema, fc.infiniteStream(fc.nat(0x7fffffff)), (schema, draws) => {
      const text = grammarText({ kind: 'json-schema', schema: JSON.stringify(schema) })
      if (!text.ok) return // an enum or a range that is empty
      const grammar = xgrammar.compile(text.value)
      const validate = new Ajv2020({ strict: false, validateFormats: false, ownProperties: true }).compile(schema as object | boolean)
      for (let i = 0; i < 2; i++) {
        const matcher = grammar.match([])
        const written = walk(matcher, (count) => draws.next().value! % count)
        matcher.dispose()
        walks++
        if (written === null) continue
        ends++
        expect(validate(JSON.parse(written)), `${JSON.stringify(schema)} wrote ${written}`).toBe(true)
      }
      grammar.dispose()
    }),
    { numRuns: Number(process.env['GRAMMAR_RUNS'] ?? 25), endOnFailure: true },
  )
  expect(ends / walks).toBeGreaterThan(0.4) // the others met the end of the walk
})
