import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { moeError } from '../../../shared/protocol/errors.ts'
import { answerBlocks, collectBlocks } from './answer-blocks.ts'
import type { BlockEvent } from './answer-blocks.ts'
import { collectChat } from './collect-chat.ts'
import { chatOutputs, textOutput, finishOutput } from './testing/chat-outputs.ts'
import type { ChatOutput } from './chat-call.ts'

async function eventsOf(outputs: readonly ChatOutput[]): Promise<BlockEvent[]> {
  const events: BlockEvent[] = []
  for await (const event of answerBlocks(chatOutputs(outputs))) events.push(event)
  return events
}

const arbPart: fc.Arbitrary<(call: number) => ChatOutput[]> = fc.oneof(
  fc.array(fc.string({ maxLength: 3 }), { maxLength: 3 }).map((texts) => () => texts.map((text) => textOutput(text))),
  fc.array(fc.string({ maxLength: 3 }), { maxLength: 3 }).map((texts) => (call: number): ChatOutput[] => [
    { type: 'tool-call', index: 0, call, id: `call_${call}`, name: 'f' },
    ...texts.map((text) => ({ type: 'tool-arguments', index: 0, call, text }) as const),
  ]),
)
const arbOutputs = fc.tuple(fc.array(arbPart, { maxLength: 6 }), fc.constantFrom('stop', 'length', 'tool_calls')).map(([parts, reason]) => {
  let call = 0
  const outputs = parts.flatMap((part) => {
    const made = part(call)
    if (made[0]?.type === 'tool-call') call++
    return made
  })
  return [...outputs, finishOutput(reason)]
})

describe('answerBlocks', () => {
  it('[AP11] [AP13] opens, grows and closes one part at a time, and loses nothing of the answer', async () => {
    await fc.assert(
      fc.asyncProperty(arbOutputs, async (outputs) => {
        const events = await eventsOf(outputs)
        let open = -1
        let next = 0
        let grown = ''
        for (const event of events) {
          if (event.type === 'open') {
            expect(open).toBe(-1)
            open = event.at
            expect(event.at).toBe(next++)
            grown = ''
          } else if (event.type === 'text' || event.type === 'arguments') {
            expect(event.at).toBe(open)
            grown += event.text
          } else if (event.type === 'close') {
            expect(event.at).toBe(open)
            expect(event.block.kind === 'text' ? event.block.text : event.block.arguments).toBe(grown)
            open = -1
          }
        }
        expect(open).toBe(-1)
        expect(events.at(-1)?.type).toBe('finish')

        const whole = await collectBlocks(chatOutputs(outputs))
        const chat = await collectChat(chatOutputs(outputs), 1)
        if (!whole.ok || !chat.ok) throw new Error('no answer')
        const texts = whole.value.blocks.flatMap(({ block }) => (block.kind === 'text' ? [block.text] : []))
        const calls = whole.value.blocks.flatMap(({ block }) => (block.kind === 'tool' ? [{ id: block.id, name: block.name, arguments: block.arguments }] : []))
        expect(texts.join('')).toBe(chat.value[0]!.text)
        expect(texts).not.toContain('')
        expect(calls).toEqual(chat.value[0]!.toolCalls)
        expect(whole.value.blocks.filter(({ cut }) => cut).length).toBe(chat.value[0]!.reason === 'length' && whole.value.blocks.length > 0 ? 1 : 0)
      }),
    )
  })

  it('[AP11] [AP13] an error ends it, whatever was open', async () => {
    const error = moeError('loading', 'not yet', { state: 'loading' })
    expect((await eventsOf([textOutput('a'), { type: 'error', error }])).map(({ type }) => type)).toEqual(['open', 'text', 'error'])
    expect(await collectBlocks(chatOutputs([textOutput('a'), { type: 'error', error }]))).toEqual({ ok: false, error })
  })

  it('[AP11] arguments of a call that is not open are a fault of ours', async () => {
    await expect(eventsOf([{ type: 'tool-arguments', index: 0, call: 0, text: '{' }])).rejects.toThrow('not open')
  })
})
