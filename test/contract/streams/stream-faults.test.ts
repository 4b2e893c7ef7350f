import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { streamFaults } from './stream-faults.ts'

const GOLDENS = new URL('../../../workers/gateway/http/goldens/', import.meta.url)
const NAMES = readdirSync(GOLDENS).filter((name) => !name.startsWith('slow-reader')) // only an end
const golden = (name: string) => readFileSync(new URL(`${name}.sse`, GOLDENS), 'utf8')

/** A stream with its events changed, one after the other. */
function changed(name: string, change: (events: string[]) => string[]): string {
  return change(golden(name).split('\n\n').slice(0, -1))
    .map((event) => `${event}\n\n`)
    .join('')
}

const without = (part: string) => (events: string[]) => events.filter((event) => !event.includes(part))
const replaced = (part: string, by: string) => (events: string[]) => events.map((event) => event.replace(part, by))

describe('streamFaults', () => {
  it.each(NAMES)('[CF7] %s has no fault', (name) => {
    expect(streamFaults(golden(name.replace('.sse', '')))).toEqual([])
  })

  it.each<[string, string, (events: string[]) => string[], string]>([
    ['a missing reason', 'chat', without('"finish_reason":"stop"'), 'choice 0 has no reason'],
    ['an unknown reason', 'chat', replaced('"finish_reason":"stop"', '"finish_reason":"eos"'), 'ends with eos'],
    ['a missing [DONE]', 'chat', without('[DONE]'), '0 times [DONE]'],
    ['something behind [DONE]', 'chat', (events) => [...events, events[0]!], 'something follows [DONE]'],
    ['a late role', 'chat', (events) => events.slice(1), 'role late'],
    ['choices null', 'chat', replaced('"choices":[{', '"choices":null,"was":[{'), 'has no choices'],
    ['an empty chunk', 'chat', replaced('"choices":[{', '"choices":[],"was":[{'), 'has no choice'],
    ['a choice that goes on', 'chat', (events) => [...events.slice(0, -1), events[2]!, ...events.slice(-1)], 'behind its reason'],
    ['no JSON', 'chat', replaced('"choices"', 'choices'), 'no JSON object'],
    ['a cut', 'chat', (events) => [...events.slice(0, -1), 'data: {"id":'], 'no JSON object'],
    ['another id', 'chat', (events) => [events[0]!, ...events.slice(1).map((event) => event.replace('chatcmpl-', 'chatcmpl-x'))], 'another id'],
    ['usage that does not come', 'chat-usage', without('"choices":[]'), 'does not come'],
    ['usage before the end', 'chat-usage', (events) => [...events.slice(0, 3), ...events.slice(-2, -1), ...events.slice(3)], 'is not the last with usage'],
    ['a call without an index', 'chat-tool-call', replaced('"tool_calls":[{"index":0,', '"tool_calls":[{'), 'without an index'],
    ['a call that begins without its name', 'chat-tool-call', replaced('"name":"get_weather",', ''), 'begins a call without'],
    ['a [DONE] behind a failure', 'completion-error', (events) => [...events, 'data: [DONE]'], 'behind a failure'],
    ['a number that is missing', 'responses', (events) => [...events.slice(0, 3), ...events.slice(4)], 'has the number'],
    ['a response without an end', 'responses', (events) => events.slice(0, -1), 'does not end'],
    ['a piece that is missing', 'responses', replaced('"delta":"H"', '"delta":"h"'), 'not what its pieces are'],
    ['a block that does not end', 'messages-tools', without('content_block_stop'), 'out of its order'],
    ['a message without a reason', 'messages', replaced('"stop_reason":"stop_sequence"', '"stop_reason":null'), 'no stop_reason'],
    ['a message without an end', 'messages', without('message_stop'), 'does not end'],
  ])('[CF7] finds %s', (_, name, change, fault) => {
    const text = changed(name, change)
    expect(text).not.toBe(golden(name))
    expect(streamFaults(text).join('\n')).toContain(fault)
  })
})
