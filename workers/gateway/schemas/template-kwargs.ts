import { z } from 'zod'
import { VARIABLES_SCHEMA, templateVariables } from '../model/template-variables.ts'

/** `chat_template_kwargs`, vLLM's name. */
export const templateKwargs = z
  .unknown()
  .transform((value, context) => {
    const variables = templateVariables(value)
    if (typeof variables !== 'string') return variables
    context.addIssue({ code: 'custom', message: variables })
    return z.NEVER
  })
  .meta({
    description: 'Variables for the model\'s chat template, as `{"enable_thinking": false}`: plain values.',
    override: VARIABLES_SCHEMA,
  })
