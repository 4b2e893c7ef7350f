import { z } from 'zod'

const count = z.int().min(0)
const status = z.enum(['in_progress', 'completed', 'incomplete'])
const tokenLogprob = { token: z.string(), logprob: z.number(), bytes: z.array(count) }
const logprobs = z.array(z.object({ ...tokenLogprob, top_logprobs: z.array(z.object(tokenLogprob)) }).meta({ id: 'ResponseLogprob' }))

const outputText = z
  .object({ type: z.literal('output_text'), annotations: z.array(z.unknown()).max(0), logprobs, text: z.string() })
  .meta({ id: 'ResponseText' })

const outputItem = z
  .discriminatedUnion('type', [
    z.object({ id: z.string(), type: z.literal('message'), status, role: z.literal('assistant'), content: z.array(outputText) }),
    z.object({ id: z.string(), type: z.literal('function_call'), status, call_id: z.string(), name: z.string(), arguments: z.string() }),
  ])
  .meta({ id: 'ResponseItem' })

/** OpenAI's Response. */
export const ResponseAnswer = z
  .object({
    id: z.string(),
    object: z.literal('response'),
    created_at: count,
    status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']),
    completed_at: count.nullable(),
    background: z.literal(false),
    error: z.object({ code: z.enum(['server_error', 'rate_limit_exceeded', 'invalid_prompt']), message: z.string() }).nullable(),
    incomplete_details: z.object({ reason: z.literal('max_output_tokens') }).nullable(),
    instructions: z.string().nullable(),
    max_output_tokens: count.nullable(),
    max_tool_calls: z.null(),
    model: z.string(),
    output: z.array(outputItem),
    parallel_tool_calls: z.boolean(),
    previous_response_id: z.null(),
    reasoning: z.object({ effort: z.null(), summary: z.null() }),
    service_tier: z.literal('default'),
    store: z.literal(false),
    temperature: z.number(),
    text: z.object({ format: z.looseObject({ type: z.string() }), verbosity: z.literal('medium') }),
    tool_choice: z.unknown().meta({ description: 'As the request has it.' }),
    tools: z.array(z.looseObject({ type: z.literal('function'), name: z.string() })),
    top_logprobs: count,
    top_p: z.number(),
    truncation: z.literal('disabled'),
    usage: z
      .object({
        input_tokens: count,
        input_tokens_details: z.object({ cached_tokens: count, cache_write_tokens: count }),
        output_tokens: count,
        output_tokens_details: z.object({ reasoning_tokens: count }),
        total_tokens: count,
      })
      .nullable(),
    metadata: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Response' })

const numbered = { sequence_number: count }
const atItem = { ...numbered, item_id: z.string(), output_index: count }
const atPart = { ...atItem, content_index: count }
const whole = (type: string) => z.object({ type: z.literal(type), ...numbered, response: ResponseAnswer })

export const ResponseEvent = z
  .discriminatedUnion('type', [
    whole('response.created'),
    whole('response.in_progress'),
    z.object({ type: z.literal('response.output_item.added'), ...numbered, output_index: count, item: outputItem }),
    z.object({ type: z.literal('response.content_part.added'), ...atPart, part: outputText }),
    z.object({ type: z.literal('response.output_text.delta'), ...atPart, delta: z.string(), logprobs }),
    z.object({ type: z.literal('response.output_text.done'), ...atPart, text: z.string(), logprobs }),
    z.object({ type: z.literal('response.content_part.done'), ...atPart, part: outputText }),
    z.object({ type: z.literal('response.function_call_arguments.delta'), ...atItem, delta: z.string() }),
    z.object({ type: z.literal('response.function_call_arguments.done'), ...atItem, name: z.string(), arguments: z.string() }),
    z.object({ type: z.literal('response.output_item.done'), ...numbered, output_index: count, item: outputItem }),
    whole('response.completed'),
    whole('response.incomplete'),
    whole('response.failed'),
  ])
  .meta({ id: 'ResponseEvent', description: 'The event’s name is its `type`. One of completed, incomplete and failed is the last.' })
