import { z } from 'zod'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { chatMessages } from './chat-messages.ts'
import { chatTools, checkToolChoice, responseFormat, toolChoice } from './chat-tools.ts'
import { checkStreamOptions, commonFields, equals, ignored, isEmptyList, neutral, neutralOnly, never, whole } from './common-fields.ts'
import { templateKwargs } from './template-kwargs.ts'

const isTextOnly = neutral((value) => Array.isArray(value) && value.length === 1 && value[0] === 'text', { const: ['text'] })

/** POST /v1/chat/completions. */
export const ChatRequest = z
  .strictObject({
    ...commonFields,
    messages: chatMessages,
    max_tokens: whole(1, LIMITS.contextMax).nullish(),
    /** The newer name of max_tokens; it wins. */
    max_completion_tokens: whole(1, LIMITS.contextMax).nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: whole(0, LIMITS.logprobsMax).nullish(),

    tools: chatTools.nullish(),
    tool_choice: toolChoice.nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    response_format: responseFormat.nullish(),

    /** A hint for speed: the output is the same without it. */
    prediction: ignored,

    functions: neutralOnly(isEmptyList),
    function_call: neutralOnly(neutral((value) => value === 'none' || value === 'auto', { enum: ['none', 'auto'] })),
    modalities: neutralOnly(isTextOnly),
    audio: neutralOnly(never),
    reasoning_effort: neutralOnly(equals('none')),
    verbosity: neutralOnly(equals('medium')),
    web_search_options: neutralOnly(never),
    moderation: neutralOnly(never),
    chat_template: neutralOnly(never),
    chat_template_kwargs: templateKwargs.nullish(),
    add_generation_prompt: neutralOnly(equals(true)),
    continue_final_message: neutralOnly(equals(false)),
  })
  .superRefine((request, context) => {
    checkStreamOptions(request, context)
    if ((request.top_logprobs ?? 0) > 0 && request.logprobs !== true) {
      context.addIssue({ code: 'custom', path: ['top_logprobs'], message: 'needs logprobs to be true' })
    }
  })
  // Not a refinement: those see fields that are wrong as they came.
  .transform((request, context) => {
    checkToolChoice(request, context)
    return request
  })
  .meta({ id: 'ChatRequest' })

export type ChatRequest = z.output<typeof ChatRequest>
