import { z } from 'zod'

const count = z.int().min(0)

export const TokenizeAnswer = z.object({ tokens: z.array(count), count, max_model_len: count }).meta({ id: 'TokenizeAnswer' })
/** A text: of ids, or of messages as the template writes them. */
export const PromptAnswer = z.object({ prompt: z.string() }).meta({ id: 'PromptAnswer' })
export const HealthAnswer = z
  .union([z.object({ status: z.literal('ok'), model: z.string() }), z.object({ status: z.literal('up') })])
  .meta({ id: 'Health', description: '`up`: whoever asks without a key of a deployed server learns no more.' })
