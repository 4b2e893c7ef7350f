import { z } from 'zod'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { chatMessages } from './chat-messages.ts'
import { ignored, wellFormedText } from './common-fields.ts'
import { templateKwargs } from './template-kwargs.ts'

/** POST /tokenize. `prompt` is vLLM's name, `text` llama.cpp's. */
export const TokenizeRequest = z
  .strictObject({ model: ignored, prompt: wellFormedText.nullish(), text: wellFormedText.nullish(), add_special_tokens: z.boolean().nullish() })
  .transform((request, context) => {
    const text = request.prompt ?? request.text
    if (typeof text === 'string') return { text, addSpecialTokens: request.add_special_tokens ?? true }
    context.addIssue({ code: 'custom', path: ['prompt'], message: 'must be a string' })
    return z.NEVER
  })

/** POST /detokenize. */
export const DetokenizeRequest = z.strictObject({ model: ignored, tokens: z.array(z.int().min(0)).max(LIMITS.contextMax) })

/** POST /apply-template. */
export const ApplyTemplateRequest = z.strictObject({
  model: ignored,
  messages: chatMessages,
  add_generation_prompt: z.boolean().nullish(),
  chat_template_kwargs: templateKwargs.nullish(),
})
