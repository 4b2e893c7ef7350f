import { z } from 'zod'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import type { ChatMessage } from '../chat/messages.ts'
import { equals, ignored, ILL_FORMED, isEmptyList, neutralOnly, never, wellFormedText } from './common-fields.ts'

/** Kinds of content parts that OpenAI defines and that this server has no model for. */
const OTHER_PARTS: readonly unknown[] = ['image_url', 'input_audio', 'file', 'refusal']

const TextPart = z.strictObject({ type: z.literal('text'), text: z.string() })

/** A string, or text parts, which are joined: most templates read a string, and some print a list as it is. */
const content = z.unknown().transform((value, context): string => {
  const refuse = (message: string, path: number[] = [], reason?: 'unsupported_parameter') => {
    context.addIssue({ code: 'custom', path, message, ...(reason && { params: { reason } }) })
    return z.NEVER
  }
  if (typeof value === 'string') return value.isWellFormed() ? value : refuse(ILL_FORMED)
  if (!Array.isArray(value) || value.length === 0) return refuse('must be a string or a list of text parts')
  let text = ''
  for (const [index, item] of value.entries()) {
    const part = TextPart.safeParse(item)
    if (part.success) {
      if (!part.data.text.isWellFormed()) return refuse(ILL_FORMED, [index])
      text += part.data.text
      continue
    }
    const type: unknown = typeof item === 'object' && item !== null && 'type' in item ? item.type : undefined
    if (OTHER_PARTS.includes(type)) return refuse('is not text: only text parts are supported', [index], 'unsupported_parameter')
    return refuse("must be {type: 'text', text}", [index])
  }
  return text
})

const role = z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']).transform((value, context) => {
  if (value === 'developer') return 'system'
  if (value !== 'tool' && value !== 'function') return value
  context.addIssue({ code: 'custom', message: `${value} is not supported by this server`, params: { reason: 'unsupported_parameter' } })
  return z.NEVER
})

const message = z.strictObject({
  role,
  // After role, so that a message of a tool is refused for what it is.
  tool_calls: neutralOnly(isEmptyList),
  function_call: neutralOnly(never),
  tool_call_id: neutralOnly(never),
  reasoning_content: neutralOnly(equals('')),
  refusal: neutralOnly(never),
  audio: neutralOnly(never),
  annotations: ignored,
  content,
  name: wellFormedText.nullish(),
})

/** `messages` of a chat, as templates want them: content is one string, and developer is the newer word for system. */
export const chatMessages = z
  .array(message.transform(({ role: by, content: text, name }): ChatMessage => ({ role: by, content: text, ...(typeof name === 'string' && { name }) })))
  .min(1)
  .max(LIMITS.messagesMax)
