import { anthropicToolChoice } from '../schemas/messages-request.ts'
import type { MessageBlock, MessagesRequest, PromptFields } from '../schemas/messages-request.ts'
import { addMessage, calledTool } from './add-message.ts'
import type { ChatCall } from './chat-call.ts'
import type { ChatMessage } from './messages.ts'

/** What of a chat makes its prompt. */
export type PromptParts = Pick<ChatCall, 'model' | 'messages' | 'tools' | 'toolChoice' | 'parallelToolCalls' | 'format'>

/** A request of /v1/messages as the chat that it is. */
export function messagesCall(request: MessagesRequest): ChatCall {
  return {
    ...promptParts(request),
    names: { response_format: 'output_config.format', parameters: 'input_schema' },
    templateVariables: {},
    sampling: request,
    maxTokens: request.max_tokens,
    stops: request.stop_sequences ?? [],
    logprobs: null,
    streamed: request.stream === true,
  }
}

export function promptParts(request: PromptFields): PromptParts {
  const { system, tool_choice: choice, output_config: output } = request
  const messages: ChatMessage[] = []
  if (typeof system === 'string' && system !== '') messages.push({ role: 'system', content: system })
  for (const { role, content } of request.messages) {
    const blocks: readonly MessageBlock[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content
    for (const [index, block] of blocks.entries()) addBlock(messages, role, block, index > 0)
  }
  return {
    model: request.model,
    messages,
    tools: (request.tools ?? []).map((tool) => ({ name: tool.name, description: tool.description ?? null, parameters: tool.input_schema })),
    toolChoice: anthropicToolChoice(choice),
    parallelToolCalls: !(choice && 'disable_parallel_tool_use' in choice && choice.disable_parallel_tool_use === true),
    format: output?.format ? { kind: 'json-schema', schema: output.format.schema } : { kind: 'text' },
  }
}

/** The texts of a message are one text; a tool's result is a message of its own. */
function addBlock(messages: ChatMessage[], role: 'user' | 'assistant' | 'system', block: MessageBlock, continues: boolean): void {
  const last = messages.at(-1)
  switch (block.type) {
    case 'text':
      if (role === 'assistant') addMessage(messages, { role, content: block.text })
      else if (continues && last?.role === role) messages[messages.length - 1] = { role, content: last.content + block.text }
      else messages.push({ role, content: block.text })
      return
    case 'thinking':
      return addMessage(messages, { role: 'assistant', content: null, reasoning: block.thinking })
    case 'tool_use':
      return addMessage(messages, { role: 'assistant', content: null, toolCalls: [{ id: block.id, name: block.name, arguments: JSON.stringify(block.input) }] })
    case 'tool_result': {
      const name = calledTool(messages, block.tool_use_id)
      messages.push({ role: 'tool', content: block.content ?? '', toolCallId: block.tool_use_id, ...(name !== undefined && { name }) })
    }
  }
}
