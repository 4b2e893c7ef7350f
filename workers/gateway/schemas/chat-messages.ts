import { z } from 'zod'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import type { ChatMessage, ToolCall } from '../chat/messages.ts'
import { chatContent, CONTENT_FORMS } from './chat-content.ts'
import { toolCallId } from './input-items.ts'
import { ignored, neutralOnly, never, wellFormedText } from './common-fields.ts'

const toolCall = z
  .strictObject({
    id: toolCallId,
    type: z.literal('function'),
    function: z.strictObject({ name: wellFormedText.min(1).max(LIMITS.toolNameChars), arguments: wellFormedText }),
    /** In deltas that a client has put together itself. */
    index: ignored,
  })
  .transform(({ id, function: { name, arguments: args } }): ToolCall => ({ id, name, arguments: args }))

const role = z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']).transform((value, context) => {
  if (value === 'developer') return 'system'
  if (value !== 'function') return value
  context.addIssue({ code: 'custom', message: `${value} is not supported by this server: use tool`, params: { reason: 'unsupported_parameter' } })
  return z.NEVER
})

/** Fields of one role alone. */
const ROLE_FIELDS = [
  ['tool_calls', 'assistant'],
  ['reasoning_content', 'assistant'],
  ['tool_call_id', 'tool'],
] as const

const message = z
  .strictObject({
    role,
    content: z.unknown().optional().meta({ description: 'A text, or text parts, which are joined; null beside calls.', override: CONTENT_FORMS }),
    name: wellFormedText.nullish(),
    tool_calls: z.array(toolCall).max(LIMITS.toolsMax).nullish(),
    tool_call_id: toolCallId.nullish(),
    reasoning_content: wellFormedText.nullish(),
    function_call: neutralOnly(never),
    refusal: neutralOnly(never),
    audio: neutralOnly(never),
    annotations: ignored,
  })
  .transform((fields, context): ChatMessage => {
    const wrong = ROLE_FIELDS.find(([field, of]) => of !== fields.role && (fields[field] ?? '').length > 0)
    if (wrong !== undefined) {
      context.addIssue({ code: 'custom', path: [wrong[0]], message: `is a field of ${wrong[1]} messages` })
      return z.NEVER
    }
    const toolCalls = fields.tool_calls ?? []
    const onlyCalls = toolCalls.length > 0 && (fields.content === null || fields.content === undefined)
    const content = onlyCalls ? null : contentOf(fields.content, context)
    const named = typeof fields.name === 'string' ? { name: fields.name } : {}
    if (fields.role === 'assistant') {
      const reasoning = fields.reasoning_content ?? ''
      return { role: 'assistant', content, ...named, ...(reasoning !== '' && { reasoning }), ...(toolCalls.length > 0 && { toolCalls }) }
    }
    if (fields.role !== 'tool') return { role: fields.role, content: content ?? '', ...named }
    if (typeof fields.tool_call_id === 'string') return { role: 'tool', content: content ?? '', toolCallId: fields.tool_call_id, ...named }
    context.addIssue({ code: 'custom', path: ['tool_call_id'], message: 'must be the id of an earlier call' })
    return z.NEVER
  })

function contentOf(value: unknown, context: z.RefinementCtx): string {
  const parsed = chatContent.safeParse(value)
  if (parsed.success) return parsed.data
  for (const { path, message: text, params } of parsed.error.issues.filter((issue) => issue.code === 'custom')) {
    context.addIssue({ code: 'custom', path: ['content', ...path], message: text, ...(params && { params }) })
  }
  return z.NEVER
}

/** `messages` of a chat, as templates want them: content is one string, and developer is the newer word for system. A result answers an earlier call. */
export const chatMessages = z
  .array(message)
  .min(1)
  .max(LIMITS.messagesMax)
  .transform((messages, context) => {
    const called = new Set<string>()
    for (const [index, { role: by, ...fields }] of messages.entries()) {
      if ('toolCalls' in fields) for (const { id } of fields.toolCalls) called.add(id)
      if (by !== 'tool' || !('toolCallId' in fields) || called.has(fields.toolCallId)) continue
      context.addIssue({ code: 'custom', path: [index, 'tool_call_id'], message: 'no earlier message has a call with this id' })
      break
    }
    return messages
  })
