import { z } from 'zod'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { chatMessages } from './chat-messages.ts'
import { checkStreamOptions, commonFields, equals, ignored, isEmptyList, isEmptyObject, neutralOnly, never } from './common-fields.ts'

const isTextOnly = (value: unknown) => Array.isArray(value) && value.length === 1 && value[0] === 'text'
const isTextFormat = (value: unknown) => typeof value === 'object' && value !== null && 'type' in value && value.type === 'text'

/** POST /v1/chat/completions. */
export const ChatRequest = z
  .strictObject({
    ...commonFields,
    messages: chatMessages,
    max_tokens: z.int().min(1).max(LIMITS.contextMax).nullish(),
    /** The newer name of max_tokens; it wins. */
    max_completion_tokens: z.int().min(1).max(LIMITS.contextMax).nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(LIMITS.logprobsMax).nullish(),

    parallel_tool_calls: ignored,
    /** A hint for speed: the output is the same without it. */
    prediction: ignored,

    tools: neutralOnly(isEmptyList),
    tool_choice: neutralOnly((value) => value === 'none' || value === 'auto'),
    functions: neutralOnly(isEmptyList),
    function_call: neutralOnly((value) => value === 'none' || value === 'auto'),
    response_format: neutralOnly(isTextFormat),
    modalities: neutralOnly(isTextOnly),
    audio: neutralOnly(never),
    reasoning_effort: neutralOnly(equals('none')),
    verbosity: neutralOnly(equals('medium')),
    web_search_options: neutralOnly(never),
    moderation: neutralOnly(never),
    chat_template: neutralOnly(never),
    chat_template_kwargs: neutralOnly(isEmptyObject),
    add_generation_prompt: neutralOnly(equals(true)),
    continue_final_message: neutralOnly(equals(false)),
  })
  .superRefine((request, context) => {
    checkStreamOptions(request, context)
    if ((request.top_logprobs ?? 0) > 0 && request.logprobs !== true) {
      context.addIssue({ code: 'custom', path: ['top_logprobs'], message: 'needs logprobs to be true' })
    }
  })

export type ChatRequest = z.output<typeof ChatRequest>
