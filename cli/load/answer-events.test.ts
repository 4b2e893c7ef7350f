import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { createAnswerReader } from './answer-events.ts'
import type { AnswerEvent } from './answer-events.ts'

const encoder = new TextEncoder()

function read(...pieces: readonly (string | Uint8Array)[]): AnswerEvent[] {
  const events: AnswerEvent[] = []
  const reader = createAnswerReader((event) => events.push(event))
  for (const piece of pieces) reader.feed(typeof piece === 'string' ? encoder.encode(piece) : piece)
  return events
}

const chunk = (choice: object) => `data: ${JSON.stringify({ choices: [choice] })}\n\n`

it('[LT4] events come whole, however the bytes are cut', () => {
  const stream = encoder.encode(
    `\uFEFF: hello\r\n\r\n${chunk({ text: 'Grüße 𝄞' })}event: x\ndata: {"choices":[{"delta":\ndata: {"content":"zwei"}}]}\n\ndata: [DONE]\r\n\r\n`,
  )
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length)), (cuts) => {
      const borders = [0, ...cuts.toSorted((a, b) => a - b), stream.length]
      const events = read(...borders.slice(1).map((border, i) => stream.slice(borders[i], border)))
      expect(events.map(({ text, done }) => (done ? 'done' : text))).toEqual(['Grüße 𝄞', 'zwei', 'done'])
    }),
  )
})

it('[LT4] reads both APIs, ids, usage, and what compatible servers add or leave out', () => {
  const events = read(
    chunk({ delta: { role: 'assistant' } }),
    chunk({ delta: { reasoning_content: 'hm' }, index: 0 }),
    chunk({ text: '', token_ids: [5, 6], finish_reason: null }),
    chunk({ text: 'x', finish_reason: 'stop' }),
    'data: {"choices":null,"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n',
    'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2,"x":1}}}\n\n',
  )
  expect(events.map(({ text, tokenIds }) => [text, tokenIds])).toEqual([
    ['', null],
    ['hm', null],
    ['', [5, 6]],
    ['x', null],
    ['', null],
    ['', null],
  ])
  expect(events[3]!.finishReason).toBe('stop')
  expect(events[4]!.usage).toEqual({ promptTokens: 3, completionTokens: 4, cachedTokens: null })
  expect(events[5]!.usage).toEqual({ promptTokens: 3, completionTokens: 4, cachedTokens: 2 })
})

describe('[LT4] what is no answer ends with a code', () => {
  it.each([
    ['data: {"error":{"message":"no","code":"over loaded\\n"}}\n\n', 'stream-error:over_loaded_'],
    ['data: {"error":{"message":"no","type":"server_error","code":null}}\n\n', 'stream-error:server_error'],
    ['data: {"error":"boom"}\n\n', 'stream-error:unnamed'],
    ['data: {"choices"\n\n', 'event-invalid'],
    ['data: 17\n\n', 'event-invalid'],
    ['data: {"choices":"x"}\n\n', 'event-invalid'],
    ['data: {"choices":[{"text":5}]}\n\n', 'event-invalid'],
    ['data: {"choices":[],"usage":{"prompt_tokens":-1,"completion_tokens":1e99}}\n\n', 'event-invalid'],
    [`data: ${'x'.repeat(LIMITS.loadEventCharsMax)}`, 'event-too-large'],
  ])('%.60s', (text, code) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code }))
  })

  it('lines that never end are not kept', () => {
    const reader = createAnswerReader(() => undefined)
    const megabyte = encoder.encode('y'.repeat(1 << 20))
    for (let i = 0; i < 20; i++) reader.feed(megabyte) // no field begins like this: dropped as it comes
    const data = encoder.encode(`\ndata: ${'y'.repeat(1 << 19)}`)
    expect(() => [data, megabyte].forEach((bytes) => reader.feed(bytes))).toThrow(expect.objectContaining({ code: 'event-too-large' }))
  })

  it('any bytes at all give events or a fault with a code, never another error', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 40 }),
            fc.constantFrom('data: ', '\n\n', '{"choices":[', ']}', '[DONE]', 'null', '\r').map((text) => encoder.encode(text)),
          ),
        ),
        (pieces) => {
          try {
            read(...pieces)
          } catch (error) {
            expect(error).toHaveProperty('code')
          }
        },
      ),
    )
  })
})
