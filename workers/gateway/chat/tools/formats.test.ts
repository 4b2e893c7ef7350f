import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ARGUMENTS, EXAMPLES, TOOLS } from '../../../../test/fixtures/tool-calls/examples.ts'
import { detectFormat } from './detect-format.ts'
import { generic } from './formats/generic.ts'
import { harmony } from './formats/harmony.ts'
import { hermes } from './formats/hermes.ts'
import { mistralArgs, mistralList } from './formats/mistral.ts'
import { qwenXml } from './formats/qwen-xml.ts'
import { readInPieces, readWhole } from '../../../../test/fixtures/tool-calls/read.ts'
import type { AnswerRules } from './tool-format.ts'

const CHARACTERS = fc.constantFrom('a', ' ', '"', '\\', '/', '\n', '\t', '\u0001', 'é', '🙂', '}', '{', 'u', 'd83d')
const RULES: AnswerRules = { tools: TOOLS, mustCall: false, parallel: true, format: { kind: 'text' } }

describe.each(EXAMPLES.map((example) => ({ ...example, name: example.format.name })))('calls as $name writes them', ({ format, one, two, city }) => {
  const args = { ...ARGUMENTS, ...(city !== undefined && { city }) }

  it('[TC3] gives the name and the arguments, and no mark as text', () => {
    const { text, calls, whole } = readWhole(format, RULES, one)
    expect({ text, whole, calls: calls.map(({ name, text: json }) => ({ name, args: JSON.parse(json) as unknown })) }).toEqual({
      text: '',
      whole: 1,
      calls: [{ name: 'get_weather', args }],
    })
  })

  it('[TC3] tells two calls apart, also where one name begins as the other', () => {
    if (two === null) return expect(readWhole(format, RULES, one + one).calls).not.toHaveLength(0) // one a turn
    const { text, calls, whole } = readWhole(format, RULES, two)
    expect({ text, whole, names: calls.map(({ name }) => name), second: calls[1]?.text }).toEqual({
      text: '',
      whole: 2,
      names: ['get_weather', 'get_weather_stations'],
      second: '{}',
    })
  })

  it('[TC3] gives the same however the text is cut', () => {
    const text = two ?? one
    const expected = readWhole(format, RULES, text)
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 40 }), (cuts) => {
        expect(readInPieces(format, RULES, text, cuts)).toEqual(expected)
      }),
    )
  })

  it('[TC3] streams the arguments while they come, and says that they are not whole', () => {
    const end = one.indexOf('days')
    const { calls, whole, text } = readWhole(format, RULES, one.slice(0, end))
    expect(calls.map(({ name }) => name)).toEqual(['get_weather'])
    expect(JSON.stringify({ ...args }).replaceAll(' ', '')).toContain(calls[0]?.text.replaceAll(/, ?"?$|(?<=:|,) /g, '').replaceAll(' ', ''))
    expect(calls[0]?.text).toMatch(/^\{"city": "a /)
    expect(whole).toBeNull()
    expect(text).toBe('')
  })
})

describe('text beside calls', () => {
  const [example] = EXAMPLES
  const call = example?.one ?? ''

  it('[TC3] goes out before and behind a call without the white space around the call', () => {
    expect(readWhole(hermes, RULES, `Let me look.\n\n${call}\n\nThere.`)).toMatchObject({ text: 'Let me look.There.', whole: 1 })
    expect(readWhole(hermes, RULES, `${call}\n\n`)).toMatchObject({ text: '', whole: 1 })
  })

  it('[TC3] waits no longer than it may be the beginning of a mark', () => {
    const parser = hermes.parser(RULES)
    const outputs = ['a', ' <', 'b', ' <tool_', 'x', ' \n', 'y'].map((piece) =>
      parser
        .push(piece)
        .map((output) => ('text' in output ? output.text : ''))
        .join(''),
    )
    expect(outputs).toEqual(['a', '', ' <b', '', ' <tool_x', '', ' \ny'])
  })

  it('[TC3] is text where a mark begins no call', () => {
    const text = 'In <tool_call> tags, <tool_call>\n{"name": "other"'
    expect(readWhole(hermes, RULES, text)).toEqual({ text, reasoning: '', calls: [], whole: 0 })
    expect(readWhole(generic, RULES, 'free')).toMatchObject({ text: 'free', whole: 0 })
    expect(readWhole(harmony, RULES, 'free')).toMatchObject({ text: 'free', whole: 0 })
  })

  it('[TC3] keeps everything that is no call: any text, however it is cut', () => {
    const piece = fc.constantFrom('<tool_call>', '\n', '{"name": "', 'get_weather', '", "arguments"', '</tool_call>', ' ', '<', '🙂', 'x')
    fc.assert(
      fc.property(fc.array(piece), fc.array(fc.nat(60)), (pieces, cuts) => {
        const text = `${pieces.join('')}.` // so that it does not end inside a mark
        expect(readInPieces(hermes, RULES, text, cuts)).toEqual({ text, reasoning: '', calls: [], whole: 0 })
      }),
    )
  })

  it('[TC3] drops a mark that the end of the text cuts off', () => {
    expect(readWhole(hermes, RULES, 'Hm. <tool_call>\n{"na')).toMatchObject({ text: 'Hm.', calls: [] })
    expect(readWhole(hermes, RULES, 'Hm. <tool_c')).toMatchObject({ text: 'Hm. <tool_c', calls: [] }) // that may be text
  })
})

describe('generic answers', () => {
  it('[TC3] are the text of the JSON string, escapes resolved, however they are cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: CHARACTERS }), fc.array(fc.nat(80)), (answer, cuts) => {
        const json = `{"response": ${JSON.stringify(answer)}}`
        expect(readInPieces(generic, RULES, json, cuts)).toMatchObject({ text: answer, whole: 0 })
      }),
    )
    const escaped = String.raw`{"response": "\ud83d\ude42 \u00e9\/\t\ud83d"}`
    for (let cut = 0; cut < escaped.length; cut++) expect(readInPieces(generic, RULES, escaped, [cut]).text).toBe('🙂 é/\t\ufffd')
  })

  it('[TC3] are JSON as it stands where a format is asked for', () => {
    const rules: AnswerRules = { ...RULES, format: { kind: 'json-object' } }
    expect(readWhole(generic, rules, '{"response": {"a": "}"}}')).toMatchObject({ text: '{"a": "}"}', whole: 0 })
  })

  it('[TC1] write tools, calls and results as text, for any template', () => {
    const { messages, tools } = generic.offer(
      [
        { role: 'system', content: 'Be kind.' },
        { role: 'assistant', content: null, toolCalls: [{ id: 'c1', name: 'get_weather', arguments: '{"city": "x"}' }] },
        { role: 'tool', content: 'warm', toolCallId: 'c1' },
      ],
      TOOLS,
    )
    expect(tools).toEqual([])
    expect(messages[0]?.content).toMatch(/^Be kind\.\n\nYou can call .*\n\{"name":"get_weather","description":"The weather of a city\."/)
    expect(messages.slice(1)).toEqual([
      { role: 'assistant', content: '{"tool_call": {"name": "get_weather", "arguments": {"city": "x"}, "id": "c1"}}' },
      { role: 'user', content: '{"tool_response":{"id":"c1","content":"warm"}}' },
    ])
  })
})

describe('harmony', () => {
  const text =
    '<|channel|>analysis<|message|>Look it up.<|end|><|start|>assistant<|channel|>commentary<|message|>One moment.<|end|>' +
    '<|start|>assistant to=functions.get_weather<|channel|>commentary json<|message|>{"city": "x"}<|call|>'

  it('[TC8] parts reasoning, text and calls by their channels, however it is cut', () => {
    const expected = { text: 'One moment.', reasoning: 'Look it up.', calls: [{ name: 'get_weather', text: '{"city": "x"}' }], whole: 1 }
    expect(readWhole(harmony, RULES, text)).toEqual(expected)
    for (let cut = 0; cut < text.length; cut++) expect(readInPieces(harmony, RULES, text, [cut])).toEqual(expected)
  })

  it('[TC8] shows the final answer, with or without tools', () => {
    const answer = '<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hello <b>'
    expect(readWhole(harmony, { ...RULES, tools: [] }, answer)).toEqual({ text: 'Hello <b>', reasoning: 'Hm.', calls: [], whole: 0 })
  })
})

describe('what templates get', () => {
  it("[TC1] Mistral's: ids of nine characters, the same for a call and its result, and for the same chat", () => {
    const chat = [
      { role: 'assistant', content: null, toolCalls: ['call_1', 'abcDEF123'].map((id) => ({ id, name: 'f', arguments: '{}' })) },
      { role: 'tool', content: 'x', toolCallId: 'call_1' },
      { role: 'tool', content: 'y', toolCallId: 'abcDEF123' },
    ] as const
    for (const format of [mistralList, mistralArgs]) {
      expect(format.offer(chat, TOOLS).messages).toMatchObject([
        { toolCalls: [{ id: '000000001' }, { id: 'abcDEF123' }] },
        { toolCallId: '000000001' },
        { toolCallId: 'abcDEF123' },
      ])
    }
  })

  it('[TC1] templates that write calls but never name the tools: their description in the system message', () => {
    const format = detectFormat("{{'<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>' + tool['function']['name'] + '<｜tool▁sep｜>'}}")
    const { messages, tools } = format.offer([{ role: 'user', content: 'hi' }], TOOLS)
    expect(tools).toEqual(TOOLS)
    expect(messages).toEqual([
      { role: 'system', content: expect.stringMatching(/"get_weather_stations"[^]*<｜tool▁call▁begin｜>the tool<｜tool▁sep｜>\{its arguments\}/) },
      { role: 'user', content: 'hi' },
    ])
    expect(format.offer([{ role: 'user', content: 'hi' }], []).messages).toHaveLength(1)
  })

  it('[TC2] named fields: what cannot be one is refused in words', () => {
    const problem = (parameters: Record<string, unknown>) => qwenXml.problem({ name: 'f', description: null, parameters })
    expect(problem({ anyOf: [{ required: ['a'] }] })).toContain('anyOf')
    expect(problem({ properties: { 'a>b': {} } })).toContain('name')
    expect(problem({ properties: { a: { enum: ['x', 'y\n</parameter>\n'] } } })).toContain('value')
    expect(problem({ properties: { a: { enum: ['x', '</parameter>', ''] } } })).toBeNull()
    expect(problem({ properties: { a: { anyOf: [{ type: 'string' }, { type: 'null' }] } } })).toBeNull()
    expect(hermes.problem({ name: 'f', description: null, parameters: { anyOf: [] } })).toBeNull()
  })
})
