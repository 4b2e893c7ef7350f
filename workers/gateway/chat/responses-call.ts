import type { ResponsesInputItem, ResponsesRequest } from '../schemas/responses-request.ts'
import { toolChoiceOf } from '../schemas/responses-request.ts'
import { addMessage, calledTool } from './add-message.ts'
import type { AnswerFormat, ChatCall } from './chat-call.ts'
import type { FieldNames } from './field-names.ts'
import type { ChatMessage } from './messages.ts'

const NAMES: FieldNames = {
  messages: 'input',
  max_tokens: 'max_output_tokens',
  response_format: 'text.format',
  logprobs: 'top_logprobs',
  parameters: 'parameters',
}

/** A request of /v1/responses as the chat that it is. */
export function responsesCall(request: ResponsesRequest): ChatCall {
  const { instructions, input, tools, top_logprobs: topLogprobs } = request
  const messages: ChatMessage[] = []
  if (typeof instructions === 'string') messages.push({ role: 'system', content: instructions })
  if (typeof input === 'string') messages.push({ role: 'user', content: input })
  else for (const item of input) addMessage(messages, messageOf(item, messages))
  return {
    names: NAMES,
    model: request.model,
    messages,
    tools: (tools ?? []).map(({ name, description, parameters }) => ({ name, description: description ?? null, parameters: parameters ?? null })),
    toolChoice: toolChoiceOf(request.tool_choice),
    parallelToolCalls: request.parallel_tool_calls ?? true,
    format: formatOf(request.text?.format),
    templateVariables: {},
    sampling: request,
    maxTokens: request.max_output_tokens ?? null,
    stops: request.stop ?? [],
    logprobs: wantsLogprobs(request) ? (topLogprobs ?? 0) : null,
    streamed: request.stream === true,
  }
}

/** OpenAI gives them where `include` or `top_logprobs` asks for them. */
export function wantsLogprobs({ include, top_logprobs: topLogprobs }: ResponsesRequest): boolean {
  return include?.includes('message.output_text.logprobs') === true || (topLogprobs ?? 0) > 0
}

function messageOf(item: ResponsesInputItem, before: readonly ChatMessage[]): ChatMessage {
  if (item.type === 'function_call') {
    return { role: 'assistant', content: null, toolCalls: [{ id: item.call_id, name: item.name, arguments: item.arguments }] }
  }
  if (item.type === 'function_call_output') {
    const name = calledTool(before, item.call_id)
    return { role: 'tool', content: item.output, toolCallId: item.call_id, ...(name !== undefined && { name }) }
  }
  return { role: item.role === 'developer' ? 'system' : item.role, content: item.content }
}

function formatOf(format: NonNullable<ResponsesRequest['text']>['format']): AnswerFormat {
  if (format?.type === 'json_schema') return { kind: 'json-schema', schema: format.schema }
  return { kind: format?.type === 'json_object' ? 'json-object' : 'text' }
}
