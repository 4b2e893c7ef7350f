import { beforeAll, describe, expect, it } from 'vitest'
import { EXAMPLES, TOOLS } from '../../../../test/fixtures/tool-calls/examples.ts'
import { loadXgrammar, matcherOf } from '../../../../test/fixtures/tool-calls/xgrammar.ts'
import { grammarText } from '../../../grammar/grammar-text.ts'
import { behindThought } from '../think-parser.ts'
import { generic } from './formats/generic.ts'
import { harmony } from './formats/harmony.ts'
import { hermes } from './formats/hermes.ts'
import type { AnswerRules, ToolFormat } from './tool-format.ts'

const RULES: AnswerRules = { tools: TOOLS, mustCall: false, parallel: true, format: { kind: 'text' } }
const SCHEMA = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] }

let xgrammar: ReturnType<typeof loadXgrammar>
beforeAll(() => {
  xgrammar = loadXgrammar()
})

/** Which of the texts the real library takes. */
async function taken(format: ToolFormat, rules: Partial<AnswerRules>, texts: readonly string[]): Promise<boolean[]> {
  const structure = format.structure({ ...RULES, ...rules })
  if (structure === null) throw new Error('nothing is asked for')
  const matches = await matcherOf(xgrammar, structure)
  return Promise.all(texts.map(matches))
}

describe.each(EXAMPLES.map((example) => ({ ...example, name: example.format.name })))('what $name asks of an answer', ({ format, one, two }) => {
  const other = one.replaceAll('get_weather', 'get_else')
  const wrong = one.replace(/city/g, 'town')
  const free = 'Just a < text.'

  it('[TC2] required: a call, of one of the tools, with arguments that its schema allows, and no text', async () => {
    expect(await taken(format, { mustCall: true }, [one, other, wrong, free, ''])).toEqual([true, false, false, false, false])
  })

  it('[TC2] auto: text, and calls that are held to as soon as they begin', async () => {
    if (format === generic) {
      expect(await taken(format, {}, [one, '{"response": "x"}', free, other, wrong])).toEqual([true, true, false, false, false])
      return
    }
    expect(await taken(format, {}, [free, one, `Look.\n${one}`, other, wrong])).toEqual([true, true, true, false, false])
  })

  it('[TC2] parallel_tool_calls: two calls only where they are allowed', async () => {
    if (two === null) return expect(await taken(format, { mustCall: true }, [one + one, `${one}\n${one}`])).toEqual([false, false])
    expect(await taken(format, { mustCall: true }, [two])).toEqual([true])
    expect(await taken(format, {}, [two])).toEqual([true])
    expect(await taken(format, { mustCall: true, parallel: false }, [one, two])).toEqual([true, false])
    return expect(await taken(format, { parallel: false }, [one, two])).toEqual([true, false])
  })

  it('[TC2] with a format: its JSON, or a call, and no other text', async () => {
    const answer = format === generic ? '{"response": {"a": 1}}' : format === harmony ? '<|channel|>final<|message|>{"a": 1}' : '{"a": 1}'
    const rules = { format: { kind: 'json-schema', schema: SCHEMA } } as const
    expect(await taken(format, rules, [answer, one, free, answer.replace('"a"', '"b"'), other])).toEqual([true, true, false, false, false])
  })

  it('[TC2] arguments of a tool without parameters are none', async () => {
    const [, stations] = TOOLS
    const filled = one.replaceAll('get_weather', 'get_weather_stations')
    expect(await taken(format, { tools: stations === undefined ? [] : [stations], mustCall: true }, [filled])).toEqual([false])
  })
})

describe('the grammar worker', () => {
  it.each(EXAMPLES.map(({ format }) => [format.name, format] as const))('[TC2] takes what %s asks for, thoughts and formats among it', (_, format) => {
    for (const mustCall of [false, true]) {
      for (const answer of [{ kind: 'text' }, { kind: 'json-schema', schema: SCHEMA }] as const) {
        const structure = format.structure({ ...RULES, mustCall, format: answer })
        if (structure === null) throw new Error('nothing is asked for')
        for (const whole of [structure, behindThought('optional', structure), behindThought('begun', structure)]) {
          const tag = JSON.stringify({ type: 'structural_tag', format: whole })
          expect(grammarText({ kind: 'structural-tag', tag, special: [] })).toMatchObject({ ok: true })
        }
      }
    }
  })
})

describe('formats of answers', () => {
  it('[TC2] without tools: JSON of the schema, behind the marks that the model needs', async () => {
    const rules = { tools: [], format: { kind: 'json-schema', schema: SCHEMA } } as const
    expect(await taken(hermes, rules, ['{"a": 1}', '{"a": "x"}', 'x'])).toEqual([true, false, false])
    expect(await taken(generic, rules, ['{"a": 1}', '{"response": {"a": 1}}'])).toEqual([true, false])
    const analysis = '<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant'
    const final = '<|channel|>final<|message|>{"a": 1}'
    expect(await taken(harmony, rules, [final, analysis + final, analysis, '{"a": 1}'])).toEqual([true, true, false, false])
    expect(await taken(hermes, { tools: [], format: { kind: 'json-object' } }, ['{"b": [1]}', '[]'])).toEqual([true, false])
  })

  it('[TC2] text without tools asks for nothing', () => {
    for (const { format } of EXAMPLES) expect(format.structure({ ...RULES, tools: [] })).toBeNull()
  })

  it('[TC8] a thought may come first where the model thinks, and must end where its prompt has begun it', async () => {
    const answer = { type: 'json_schema', json_schema: SCHEMA } as const
    const optional = await matcherOf(xgrammar, behindThought('optional', answer))
    const begun = await matcherOf(xgrammar, behindThought('begun', answer))
    const ask = (texts: string[], matches: typeof begun) => Promise.all(texts.map(matches))
    expect(await ask(['{"a": 1}', '<think>\nx\n</think>\n\n{"a": 1}', '<think></think>{"a": 1}', '<think>{"a": 1}'], optional)).toEqual([
      true,
      true,
      true,
      false,
    ])
    expect(await ask(['<think>x</think>y</think>\n\n{"a": 1}'], optional)).toEqual([false]) // its reader takes the first mark for the end
    expect(await ask(['x</think>\n{"a": 1}', '</think>{"a": 1}', '{"a": 1}', 'x</think>\n\n\n\nx'], begun)).toEqual([true, true, false, false])
  })
})
