import { z } from 'zod'
import { ANTHROPIC_ERROR_TYPES } from '../../http/anthropic-errors.ts'

/** OpenAI's error envelope. */
export const ErrorBody = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.enum(['invalid_request_error', 'rate_limit_error', 'server_error']),
      param: z.string().nullable().meta({ description: 'The field that is wrong.' }),
      code: z.string().meta({ description: 'Stable; the list is in docs/design/api.md.' }),
    }),
  })
  .meta({ id: 'Error' })

/** Anthropic's. */
export const AnthropicErrorBody = z
  .object({
    type: z.literal('error'),
    error: z.object({
      type: z.enum(ANTHROPIC_ERROR_TYPES),
      message: z.string(),
    }),
    request_id: z.string(),
  })
  .meta({ id: 'AnthropicError' })
