import { z } from 'zod'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { ILL_FORMED } from './common-fields.ts'
import type { JsonSchema } from './common-fields.ts'

/** Kinds of content parts that OpenAI defines and that this server has no model for. */
const OTHER_PARTS: readonly unknown[] = ['image_url', 'input_audio', 'file', 'refusal']

const TextPart = z.strictObject({ type: z.literal('text'), text: z.string() })

const PART: JsonSchema = {
  type: 'object',
  properties: { type: { const: 'text' }, text: { type: 'string' } },
  required: ['type', 'text'],
  additionalProperties: false,
}
/** What `content` of a message may be, for the API's document. */
export const CONTENT_FORMS: JsonSchema = {
  anyOf: [{ type: 'string' }, { type: 'array', items: PART, minItems: 1, maxItems: LIMITS.contentPartsMax }, { type: 'null' }],
}

/** A string, or text parts, which are joined: most templates read a string, and some print a list as it is. */
export const chatContent = z.unknown().transform((value, context): string => {
  const refuse = (message: string, path: number[] = [], reason?: 'unsupported_parameter') => {
    context.addIssue({ code: 'custom', path, message, ...(reason && { params: { reason } }) })
    return z.NEVER
  }
  if (typeof value === 'string') return value.isWellFormed() ? value : refuse(ILL_FORMED)
  if (!Array.isArray(value) || value.length === 0) return refuse('must be a string or a list of text parts')
  if (value.length > LIMITS.contentPartsMax) return refuse(`must be at most ${LIMITS.contentPartsMax} parts`)
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
