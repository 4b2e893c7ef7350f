import type { ChatMessage } from './messages.ts'

/** Adds a message; what the assistant says and calls without a break is one message, as templates want it. */
export function addMessage(messages: ChatMessage[], next: ChatMessage): void {
  const last = messages.at(-1)
  if (next.role !== 'assistant' || last?.role !== 'assistant') return void messages.push(next)
  const said = [last.content, next.content].filter((text) => text !== null)
  const toolCalls = [...(last.toolCalls ?? []), ...(next.toolCalls ?? [])]
  const reasoning = (last.reasoning ?? '') + (next.reasoning ?? '')
  messages[messages.length - 1] = {
    role: 'assistant',
    content: said.length === 0 ? null : said.join(''),
    ...(reasoning !== '' && { reasoning }),
    ...(toolCalls.length > 0 && { toolCalls }),
  }
}

/** The name of the tool whose call a result answers, as far as the chat says it: some templates write it. */
export function calledTool(messages: readonly ChatMessage[], id: string): string | undefined {
  for (const message of messages.toReversed()) {
    const call = message.role === 'assistant' ? message.toolCalls?.find((each) => each.id === id) : undefined
    if (call !== undefined) return call.name
  }
  return undefined
}
