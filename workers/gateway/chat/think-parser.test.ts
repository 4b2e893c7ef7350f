import { describe, expect, it } from 'vitest'
import { TOOLS } from '../../../test/fixtures/tool-calls/examples.ts'
import { runParser } from '../../../test/fixtures/tool-calls/read.ts'
import { plainParser } from './output-parser.ts'
import { thinkingOf, thinkParser } from './think-parser.ts'
import type { Thinking } from './think-parser.ts'
import { hermes } from './tools/formats/hermes.ts'

const RULES = { tools: TOOLS, mustCall: false, parallel: true, format: { kind: 'text' } } as const
const CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "x"}}\n</tool_call>'

describe('reasoning', () => {
  it.each<[Thinking, string, { reasoning: string; text: string }]>([
    ['optional', '<think>\nHm, <b>.\n</think>\n\nHello', { reasoning: 'Hm, <b>.', text: 'Hello' }],
    ['optional', '\n<think>a</think>b', { reasoning: 'a', text: 'b' }],
    ['optional', '\n Hello <think>', { reasoning: '', text: '\n Hello <think>' }],
    ['optional', '<think>\n\n</think>\n\nHello </think>', { reasoning: '', text: 'Hello </think>' }],
    ['optional', '<thi', { reasoning: '', text: '<thi' }],
    ['optional', '', { reasoning: '', text: '' }],
    ['optional', '  ', { reasoning: '', text: '  ' }],
    ['begun', 'Hm.\n</think>\n\nHello', { reasoning: 'Hm.', text: 'Hello' }],
    ['begun', 'Hm. </thi', { reasoning: 'Hm. </thi', text: '' }],
    ['none', '<think>a</think>b', { reasoning: '', text: '<think>a</think>b' }],
  ])('[TC8] %s, %j: reasoning and text apart, however it is cut', (thinking, text, expected) => {
    for (let cut = 0; cut <= text.length; cut++) {
      expect(runParser(thinkParser(thinking, plainParser()), text, [cut])).toEqual({ ...expected, calls: [], whole: 0 })
    }
    expect(
      runParser(
        thinkParser(thinking, plainParser()),
        text,
        [...text].map((_, at) => at),
      ),
    ).toMatchObject(expected)
  })

  it('[TC8] a call that the model only thinks of is none; one behind the thought is', () => {
    const text = `I could ${CALL} or not.</think>\n${CALL}`
    const { reasoning, calls, whole } = runParser(thinkParser('begun', hermes.parser(RULES)), text, [])
    expect({ reasoning, calls: calls.length, whole }).toEqual({ reasoning: `I could ${CALL} or not.`, calls: 1, whole: 1 })
  })

  it('[TC8] the prompt says whether the thought has begun, the template whether there is one', () => {
    const template = "{{ '<think>' }}{{ '</think>' }}"
    expect(thinkingOf(template, 'user: hi\nassistant: <think>\n')).toBe('begun')
    expect(thinkingOf(template, 'user: hi\nassistant: <think>\n\n</think>\n')).toBe('optional')
    expect(thinkingOf(template, 'user: <think>\nassistant:')).toBe('optional')
    expect(thinkingOf('{{ message.content }}', 'user: <think>\nassistant:')).toBe('none')
  })
})
