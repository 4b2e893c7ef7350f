import { describe, expect, it } from 'vitest'
import { templateMessages, templateTools } from './template-messages.ts'

const OBJECTS = { arguments: 'object', content: '' } as const
const call = (id: string, text: string) => ({ id, name: 'f', arguments: text })

describe('templateMessages', () => {
  it('[TX5] writes reasoning under both names, calls as dicts, and names what a tool answers', () => {
    const messages = templateMessages(
      [
        { role: 'assistant', content: null, reasoning: 'hm', toolCalls: [call('c1', '{"a": 1}'), call('c2', '')] },
        { role: 'tool', content: '42', toolCallId: 'c1' },
        { role: 'tool', content: '43', toolCallId: 'unknown' },
      ],
      OBJECTS,
    )
    expect(messages).toEqual({
      ok: true,
      value: [
        {
          role: 'assistant',
          content: '',
          reasoning_content: 'hm',
          thinking: 'hm',
          tool_calls: [
            { id: 'c1', type: 'function', function: { name: 'f', arguments: { a: 1 } } },
            { id: 'c2', type: 'function', function: { name: 'f', arguments: {} } },
          ],
        },
        { role: 'tool', content: '42', tool_call_id: 'c1', name: 'f' },
        { role: 'tool', content: '43', tool_call_id: 'unknown' },
      ],
    })
  })

  it.each(['{', '[]', '1', '"x"', 'null', '['.repeat(100_000)])('[TX5] refuses arguments that are no JSON object: %.20s', (text) => {
    expect(
      templateMessages(
        [
          { role: 'user', content: '' },
          { role: 'assistant', content: null, toolCalls: [call('c1', '{}'), call('c2', text)] },
        ],
        OBJECTS,
      ),
    ).toMatchObject({
      ok: false,
      error: { code: 'invalid-request', details: { param: 'messages[1].tool_calls[1].function.arguments' } },
    })
  })

  it('[TX5] leaves out what a message or tool does not have', () => {
    expect(templateMessages([{ role: 'assistant', content: 'x', toolCalls: [] }], OBJECTS)).toEqual({ ok: true, value: [{ role: 'assistant', content: 'x' }] })
    expect(templateTools([{ name: 'f', description: null, parameters: null }])).toEqual([{ type: 'function', function: { name: 'f' } }])
  })
})
