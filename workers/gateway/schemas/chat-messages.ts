import { z } from 'zod'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { equals, ignored, isEmpty, neutralOnly, never } from './common-fields.ts'

/** Kinds of content parts that OpenAI defines and that this server has no model for. */
const OTHER_PARTS: readonly unknown[] = ['image_url', 'input_audio', 'file', 'refusal']

const TextPart = z.strictObject({ type: z.literal('text'), text: z.string() })

/** A string, or text parts, which are joined: most templates read a string, and some print a list as it is. */
const content = z.unknown().transform((value, context): string => {
  if (typeof value === 'string') return value
  if (!Array.isArray(value) || value.length === 0) {
    context.addIssue({ code: 'custom', message: 'must be a string or a list of text parts' })
    return z.NEVER
  }
  let text = ''
  for (const [index, item] of value.entries()) {
    const part = TextPart.safeParse(item)
    if (part.success) {
      text += part.data.text
      continue
    }
    const type: unknown = typeof item === 'object' && item !== null && 'type' in item ? item.type : undefined
    if (OTHER_PARTS.includes(type)) {
      context.addIssue({ code: 'custom', path: [index], message: 'is not text: only text parts are supported', params: { reason: 'unsupported_parameter' } })
    } else {
      context.addIssue({ code: 'custom', path: [index], message: "must be {type: 'text', text}" })
    }
    return z.NEVER
  }
  return text
})

const message = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']).superRefine((role, context) => {
    if (role !== 'tool' && role !== 'function') return
    context.addIssue({ code: 'custom', message: `${role} is not supported by this server`, params: { reason: 'unsupported_parameter' } })
  }),
  // After role, so that a message of a tool is refused for what it is.
  tool_calls: neutralOnly(isEmpty),
  function_call: neutralOnly(never),
  tool_call_id: neutralOnly(never),
  reasoning_content: neutralOnly(equals('')),
  refusal: neutralOnly(never),
  audio: neutralOnly(never),
  annotations: ignored,
  content,
  name: z.string().nullish(),
})

/** `messages` of a chat, as templates want them: content is one string, and developer is the newer word for system. */
export const chatMessages = z
  .array(
    message.transform(({ role, content: text, name }) => ({
      role: role === 'developer' ? 'system' : role,
      content: text,
      ...(typeof name === 'string' && { name }),
    })),
  )
  .min(1)
  .max(LIMITS.messagesMax)
