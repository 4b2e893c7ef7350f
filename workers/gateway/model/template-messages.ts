import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { ChatMessage, ToolCall, ToolDefinition } from '../chat/messages.ts'
import { parseExactJson } from './jinja/exact-json.ts'

/** How a template wants an assistant's message that calls tools: chat-template.ts asks it. */
export interface CallForm {
  /** A call's arguments as a dict, or as the JSON text that the model wrote. */
  readonly arguments: 'object' | 'text'
  /** The content of a message that only calls tools. */
  readonly content: '' | null
}

/** A message as a template sees it. */
export interface TemplateMessage {
  readonly role: ChatMessage['role']
  readonly [field: string]: unknown
}

/**
 * Messages as templates were written to read them, which is not quite OpenAI's form. `invalid-request` where a call's arguments are no JSON object.
 * - A call's arguments are a dict (or JSON text: `form`), with numbers as Python has them.
 * - Reasoning has both its names: templates read `reasoning_content` or, as gpt-oss's, `thinking`.
 * - A tool's message has the name of what was called, which clients may leave out.
 */
export function templateMessages(messages: readonly ChatMessage[], form: CallForm): Result<TemplateMessage[], MoeError> {
  const names = new Map<string, string>()
  const written: TemplateMessage[] = []
  for (const [index, message] of messages.entries()) {
    switch (message.role) {
      case 'assistant': {
        const calls = templateCalls(message.toolCalls ?? [], form, `messages[${index}]`)
        if (!calls.ok) return calls
        for (const { id, name } of message.toolCalls ?? []) names.set(id, name)
        written.push({
          role: 'assistant',
          content: message.content ?? (calls.value.length > 0 ? form.content : ''),
          ...nameOf(message.name),
          ...(message.reasoning !== undefined && { reasoning_content: message.reasoning, thinking: message.reasoning }),
          ...(calls.value.length > 0 && { tool_calls: calls.value }),
        })
        break
      }
      case 'tool':
        written.push({ role: 'tool', content: message.content, tool_call_id: message.toolCallId, ...nameOf(message.name ?? names.get(message.toolCallId)) })
        break
      default:
        written.push({ role: message.role, content: message.content, ...nameOf(message.name) })
    }
  }
  return ok(written)
}

/** Tools as OpenAI writes them, which is how templates were trained to read them. */
export function templateTools(tools: readonly ToolDefinition[]): unknown[] {
  return tools.map(({ name, description, parameters }) => ({
    type: 'function',
    function: { name, ...(description !== null && { description }), ...(parameters && { parameters }) },
  }))
}

function nameOf(name: string | undefined): { readonly name?: string } {
  return name === undefined ? {} : { name }
}

function templateCalls(calls: readonly ToolCall[], form: CallForm, path: string): Result<unknown[], MoeError> {
  const written: unknown[] = []
  for (const [index, call] of calls.entries()) {
    const args = parseArguments(call.arguments)
    if (args === null) {
      const param = `${path}.tool_calls[${index}].function.arguments`
      return fail('invalid-request', `${param} must be the text of a JSON object.`, { param, reason: 'invalid_value' })
    }
    written.push({ id: call.id, type: 'function', function: { name: call.name, arguments: form.arguments === 'object' ? args : call.arguments || '{}' } })
  }
  return ok(written)
}

/** Some clients write no arguments as an empty text. */
function parseArguments(text: string): object | null {
  if (text === '') return {}
  try {
    const value = parseExactJson(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null
  } catch {
    return null // no JSON: the caller names it
  }
}
