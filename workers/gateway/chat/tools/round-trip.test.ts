import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MIB } from '../../../../shared/protocol/limits.ts'
import { loadXgrammar } from '../../../../test/fixtures/load-xgrammar.ts'
import { EXAMPLES } from '../../../../test/fixtures/tool-calls/examples.ts'
import { grammarText } from '../../../grammar/grammar-text.ts'
import type { Vocabulary } from '../../../grammar/vocabulary.ts'
import { createXgrammar } from '../../../grammar/xgrammar.ts'
import type { Matcher, Xgrammar } from '../../../grammar/xgrammar.ts'
import type { ToolDefinition } from '../messages.ts'
import { behindThought, THINK_MARKERS, thinkParser } from '../think-parser.ts'
import type { Thinking } from '../think-parser.ts'
import { harmony } from './formats/harmony.ts'
import { argumentsSchema } from './tool-format.ts'
import type { AnswerRules, ToolFormat } from './tool-format.ts'

/** `WALK_RUNS=60 npx vitest run --project unit --testTimeout 200000 workers/gateway/chat/tools/round-trip.test.ts` walks more. */
const RUNS = Number(process.env['WALK_RUNS'] ?? 6)
/** Tokens of a walk; from WANDER on it looks for the way out. */
const WALK = 1500
const WANDER = 120

const EOS = 256
const MARKS = [...new Set([...EXAMPLES.flatMap(({ format }) => format.markers), ...THINK_MARKERS])]
/** Special tokens that no format names: what begins a turn, and what stands for nothing. */
const CONTROLS = ['<|im_start|>', '<|pad|>']
const SPECIALS = [...MARKS, ...CONTROLS]
const utf8 = new TextEncoder()
/** A token for each byte, the stop token, then the special tokens. */
const VOCABULARY: Vocabulary = {
  size: 257 + SPECIALS.length,
  special: SPECIALS.map((_, i) => 257 + i),
  bytes: (id) => (id < 256 ? Uint8Array.of(id) : id === EOS ? new Uint8Array() : utf8.encode(SPECIALS[id - 257])),
}

const THOUGHTS: readonly Thinking[] = ['none', 'optional', 'begun']
const seen = { walks: 0, ends: 0, calls: 0 }
let xgrammar: Xgrammar
beforeAll(async () => {
  xgrammar = await createXgrammar(await loadXgrammar(256 * MIB), VOCABULARY, [EOS])
})

const arbValue = fc.constantFrom(
  { type: 'string' },
  { type: 'string', enum: ['a', 'ab', '</b>', ''] },
  { type: 'integer', minimum: 3 },
  { type: ['string', 'null'] },
  { type: 'array', items: { type: 'string' }, maxItems: 2 },
  { type: 'object', properties: { x: { type: 'boolean' } }, required: ['x'], additionalProperties: false },
)
const arbParameters = fc
  .tuple(fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'ab', 'city', 'é x', 'b-1'), arbValue), { selector: ([name]) => name, maxLength: 3 }), fc.nat(7))
  .map(([properties, bits]) => ({
    type: 'object',
    properties: Object.fromEntries(properties),
    required: properties.filter((_, i) => (bits >> i) & 1).map(([name]) => name),
    additionalProperties: false,
  }))
const arbTools = fc.uniqueArray(
  fc.record({ name: fc.constantFrom('f', 'fa', 'get_weather', 'get_weather-2'), description: fc.constant(null), parameters: fc.option(arbParameters) }),
  { selector: ({ name }) => name, minLength: 1, maxLength: 3 },
)

type Draw = (count: number) => number

/** Numbers below `count`, the same for the same seed (xorshift32). */
function drawFrom(seed: number): Draw {
  let state = seed + 1
  return (count) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % count
  }
}

/** A random way through the masks, with parts of marks among what it writes; null where it found no end. */
function walk(matcher: Matcher, named: readonly number[], snippets: readonly string[], draw: Draw): number[] | null {
  const written: number[] = []
  let planned: number[] = []
  for (let step = 0; step < WALK; step++) {
    const mask = matcher.allowed()
    const isAllowed = (id: number): boolean => ((mask[id >> 3]! >> (id & 7)) & 1) === 1
    for (const id of VOCABULARY.special) if (isAllowed(id) && !named.includes(id)) throw new Error(`${SPECIALS[id - 257]} is allowed`)
    if (isAllowed(EOS) && (step > WANDER || draw(30) === 0)) return written
    if (planned.length === 0 && (step > WANDER || draw(4) === 0)) planned = planOf(snippets[draw(snippets.length)]!, draw)
    const next = planned.shift()
    const id = next !== undefined && isAllowed(next) ? next : anyOf(isAllowed, draw)
    if (id === EOS) return written
    if (id !== next) planned = []
    if (!matcher.accept(id)) throw new Error(`${id} was allowed and is refused`)
    written.push(id)
  }
  return null
}

/** A text, perhaps cut off, as one special token or as bytes. */
function planOf(text: string, draw: Draw): number[] {
  const special = SPECIALS.indexOf(text)
  if (special !== -1 && draw(2) === 0) return [257 + special]
  const bytes = [...utf8.encode(text)]
  return draw(4) === 0 ? bytes.slice(0, draw(bytes.length) + 1) : bytes
}

function anyOf(isAllowed: (id: number) => boolean, draw: Draw): number {
  const ids = Array.from({ length: VOCABULARY.size }, (_, id) => id).filter((id) => id !== EOS && isAllowed(id))
  const readable = ids.filter((id) => id >= 32 && id < 127)
  const from = readable.length > 0 && draw(8) > 0 ? readable : ids
  if (from.length === 0) return EOS
  return from[draw(from.length)]!
}

interface Read {
  readonly text: string
  readonly calls: readonly { readonly name: string; readonly arguments: string }[]
  readonly whole: number | null
}

function read(format: ToolFormat, rules: AnswerRules, thinking: Thinking, pieces: readonly string[]): Read {
  const parser = thinkParser(thinking, format.parser(rules))
  let text = ''
  const calls: { name: string; arguments: string }[] = []
  for (const output of [...pieces.flatMap((piece) => parser.push(piece)), ...parser.finish()]) {
    if (output.type === 'text') text += output.text
    else if (output.type === 'tool-call') calls.push({ name: output.name, arguments: '' })
    else if (output.type === 'tool-arguments') calls[output.call]!.arguments += output.text
  }
  return { text, calls, whole: parser.wholeCalls }
}

function piecesOf(ids: readonly number[], draw: Draw): string[] {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const pieces = ids.map((id) => decoder.decode(VOCABULARY.bytes(id), { stream: true }))
  return pieces.concat(decoder.decode()).flatMap((piece) => (draw(2) === 0 ? [piece] : [...piece]))
}

const validates = (tool: ToolDefinition, text: string): boolean =>
  new Ajv2020({ strict: false, ownProperties: true }).compile(argumentsSchema(tool))(JSON.parse(text))

/** The others met the end of the walk. */
afterAll(() => {
  expect(seen.ends).toBeGreaterThan(seen.walks / 2)
  expect(seen.calls).toBeGreaterThan(seen.walks / 4)
})

describe.each(EXAMPLES.map(({ format, one }) => ({ name: format.name, format, one })))('$name', ({ format, one }) => {
  const snippets = [
    ...format.markers,
    ...THINK_MARKERS,
    one,
    ...one.split('\n'),
    ...one.split(/(?<=[>\]])|(?=[<[])/),
    '"',
    '"}',
    '"}}',
    '}',
    ']',
    '{',
    '\\"',
    '\n',
    '<',
    '</b>',
    '3',
  ]
  it('[TC2] [GR1] whatever way through the masks an answer takes: its calls are read back, and their arguments are valid', () => {
    fc.assert(
      fc.property(
        arbTools,
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom<Thinking>(...(format === harmony ? ['none' as const] : THOUGHTS)),
        fc.boolean(),
        fc.nat(0x7fffffff),
        (tools, mustCall, parallel, thinking, marked, seed) => {
          const draw = drawFrom(seed)
          const rules: AnswerRules = { tools, mustCall, parallel, format: { kind: 'text' } }
          const named = marked ? [...format.markers, ...(thinking === 'none' ? [] : THINK_MARKERS)].map((mark) => 257 + SPECIALS.indexOf(mark)) : []
          const structure = format.structure(rules)!
          const text = grammarText({
            kind: 'structural-tag',
            tag: JSON.stringify({ type: 'structural_tag', format: thinking === 'none' ? structure : behindThought(thinking, structure) }),
            special: named,
          })
          if (!text.ok) throw new Error(text.error.message)
          const grammar = xgrammar.compile(text.value)
          for (let i = 0; i < 3; i++) {
            const matcher = grammar.match(named)
            const ids = walk(matcher, named, snippets, draw)
            matcher.dispose()
            seen.walks++
            if (ids === null) continue
            seen.ends++
            const pieces = piecesOf(ids, draw)
            const answer = read(format, rules, thinking, pieces)
            const said = JSON.stringify({ written: pieces.join(''), answer, rules })
            seen.calls += answer.calls.length
            expect(answer.whole, said).toBe(answer.calls.length)
            for (const call of answer.calls) {
              const tool = tools.find(({ name }) => name === call.name)
              expect(tool !== undefined && validates(tool, call.arguments), said).toBe(true)
            }
            if (mustCall) expect([answer.calls.length > 0, answer.text.trim()], said).toEqual([true, ''])
            if (!parallel) expect(answer.calls.length, said).toBeLessThanOrEqual(1)
          }
          grammar.dispose()
        },
      ),
      { numRuns: RUNS, endOnFailure: true },
    )
  })
})
