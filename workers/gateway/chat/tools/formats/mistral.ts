import type { ChatMessage } from '../../messages.ts'
import { taggedFormat } from '../tagged-format.ts'
import type { ToolFormat } from '../tool-format.ts'

/** Mixtral and Mistral (tokenizers v2 and v3): a JSON list behind one mark and a space. */
export const mistralList = listFormat('mistral-list', '[TOOL_CALLS] [')
/** Mistral Nemo (v3-tekken): the same without the space. */
export const mistralTekken = listFormat('mistral-tekken', '[TOOL_CALLS][')

/** Mistral Small 3.2, Devstral, Ministral 3 (v11 and later): each call has marks of its own, and its arguments' end is its own. */
export const mistralArgs = taggedFormat({
  name: 'mistral-args',
  trigger: '[TOOL_CALLS]',
  open: '',
  close: '',
  begin: (name) => `[TOOL_CALLS]${name}[ARGS]`,
  end: '',
  separator: '',
  arguments: 'json',
  markers: ['[TOOL_CALLS]', '[ARGS]'],
  callIds: nineCharacterIds,
})

/** The ids that templates write behind the arguments are not asked of the model: the gateway names the calls. */
function listFormat(name: string, open: string): ToolFormat {
  return taggedFormat({
    name,
    trigger: '[TOOL_CALLS]',
    open,
    close: ']',
    begin: (tool) => `{"name": "${tool}", "arguments": `,
    end: '}',
    separator: ', ',
    arguments: 'json',
    markers: ['[TOOL_CALLS]'],
    callIds: nineCharacterIds,
  })
}

/** Mistral's templates refuse ids that have not nine letters or digits; others get their number in the chat, so that a longer chat begins as before. */
function nineCharacterIds(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const numbers = new Map<string, string>()
  const idOf = (id: string): string => {
    if (/^[a-zA-Z0-9]{9}$/.test(id)) return id
    const number = numbers.get(id) ?? String(numbers.size + 1).padStart(9, '0')
    numbers.set(id, number)
    return number
  }
  return messages.map((message): ChatMessage => {
    if (message.role === 'tool') return { ...message, toolCallId: idOf(message.toolCallId) }
    if (message.role !== 'assistant' || message.toolCalls === undefined) return message
    return { ...message, toolCalls: message.toolCalls.map((call) => ({ ...call, id: idOf(call.id) })) }
  })
}
