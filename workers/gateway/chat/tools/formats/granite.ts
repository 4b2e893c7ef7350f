import type { ChatMessage } from '../../messages.ts'
import { taggedFormat } from '../tagged-format.ts'
import type { ToolFormat } from '../tool-format.ts'

const OPEN = '<|tool_call|>['
const CLOSE = ']'
const SEPARATOR = ', '

const list = taggedFormat({
  name: 'granite',
  trigger: '<|tool_call|>',
  open: OPEN,
  close: CLOSE,
  begin,
  end: '}',
  separator: SEPARATOR,
  arguments: 'json',
  markers: ['<|tool_call|>'],
})

/** Granite 3.1 to 3.3: a JSON list behind one mark. Their templates write only contents, so the calls are written there. Granite 4 writes as Hermes does. */
export const granite: ToolFormat = { ...list, offer: (messages, tools) => ({ messages: messages.map(callsAsContent), tools }) }

/** Granite 3.0: its template leaves out messages of tools, so results are the user's. */
export const granite30: ToolFormat = {
  ...list,
  name: 'granite-3.0',
  offer: (messages, tools) => ({ messages: messages.map((message) => resultAsUser(callsAsContent(message))), tools }),
}

function begin(name: string): string {
  return `{"name": "${name}", "arguments": `
}

function callsAsContent(message: ChatMessage): ChatMessage {
  if (message.role !== 'assistant' || message.toolCalls === undefined) return message
  const calls = message.toolCalls.map(({ name, arguments: args }) => `${begin(name)}${args}}`)
  return { role: 'assistant', content: (message.content ?? '') + OPEN + calls.join(SEPARATOR) + CLOSE }
}

function resultAsUser(message: ChatMessage): ChatMessage {
  return message.role === 'tool' ? { role: 'user', content: message.content } : message
}
