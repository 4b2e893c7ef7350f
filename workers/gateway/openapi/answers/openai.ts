import { z } from 'zod'
import { ErrorBody } from './errors.ts'

const count = z.int().min(0)
const ids = z.array(count).optional().meta({ description: 'With `return_token_ids`.' })

/** What every object of an answer begins with. */
const meta = {
  id: z.string(),
  created: z.int().meta({ description: 'Seconds since 1970.' }),
  model: z.string(),
  system_fingerprint: z.string().meta({ description: 'Names the weights and their precision: equal fingerprints and seeds give equal tokens.' }),
}

export const Usage = z
  .object({
    prompt_tokens: count,
    completion_tokens: count,
    total_tokens: count,
    prompt_tokens_details: z.object({ cached_tokens: count.meta({ description: 'Of the prompt, what was read from the prefix cache.' }) }),
  })
  .meta({ id: 'Usage' })

const ms = z.number().min(0)
export const Timings = z
  .object({
    queue_ms: ms,
    prefill_ms: ms,
    decode_ms: ms,
    prompt_tokens: count,
    cached_tokens: count,
    completion_tokens: count,
    hosts: count.nullable().meta({ description: 'Hosts that tokens of the answer were sent to; null where a choice ended at a stop string.' }),
    tokens_per_second: z.number().nullable(),
  })
  .meta({ id: 'Timings', description: 'How long the parts of an answer took; with `timings: true`.' })

const reasoning = z.string().optional().meta({ description: 'What the model thought aloud, where its template tells it apart.' })
const finishReason = z.enum(['stop', 'length', 'tool_calls'])

const chatToken = { token: z.string(), logprob: z.number(), bytes: z.array(z.int().min(0).max(255)) }
const chatLogprobs = z
  .object({ content: z.array(z.object({ ...chatToken, top_logprobs: z.array(z.object(chatToken)) })), refusal: z.null() })
  .meta({ id: 'ChatLogprobs', description: "The model's own, without temperature, penalties and filters." })
  .nullable()

const toolCall = z.object({ id: z.string(), type: z.literal('function'), function: z.object({ name: z.string(), arguments: z.string() }) })

export const ChatAnswer = z
  .object({
    ...meta,
    object: z.literal('chat.completion'),
    choices: z.array(
      z
        .object({
          index: count,
          message: z.object({
            role: z.literal('assistant'),
            content: z.string().nullable(),
            refusal: z.null(),
            reasoning_content: reasoning,
            tool_calls: z.array(toolCall).optional(),
          }),
          logprobs: chatLogprobs,
          finish_reason: finishReason,
          token_ids: ids,
        })
        .meta({ id: 'ChatChoice' }),
    ),
    usage: Usage,
    timings: Timings.optional(),
  })
  .meta({ id: 'ChatAnswer' })

const toolCallDelta = z.object({
  index: count,
  id: z.string().optional(),
  type: z.literal('function').optional(),
  function: z.object({ name: z.string().optional(), arguments: z.string() }),
})

export const ChatChunk = z
  .union([
    z.object({
      ...meta,
      object: z.literal('chat.completion.chunk'),
      choices: z.array(
        z
          .object({
            index: count,
            delta: z.object({
              role: z.literal('assistant').optional(),
              content: z.string().optional(),
              refusal: z.null().optional(),
              reasoning_content: reasoning,
              tool_calls: z.array(toolCallDelta).optional(),
            }),
            logprobs: chatLogprobs,
            finish_reason: finishReason.nullable(),
            token_ids: ids,
          })
          .meta({ id: 'ChatChunkChoice' }),
      ),
      usage: Usage.nullable().optional(),
      timings: Timings.optional(),
    }),
    ErrorBody,
  ])
  .meta({ id: 'ChatChunk', description: 'A chunk, or the error that ends the stream. The last `data` is `[DONE]`, which is no JSON.' })

const completionLogprobs = z
  .object({
    tokens: z.array(z.string()),
    token_logprobs: z.array(z.number().nullable()),
    top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
    text_offset: z.array(count),
  })
  .meta({ id: 'CompletionLogprobs' })
  .nullable()

const completionChoice = { index: count, text: z.string(), logprobs: completionLogprobs, token_ids: ids }
const completionReason = z.enum(['stop', 'length'])

export const CompletionAnswer = z
  .object({
    ...meta,
    object: z.literal('text_completion'),
    choices: z.array(z.object({ ...completionChoice, finish_reason: completionReason }).meta({ id: 'CompletionChoice' })),
    usage: Usage,
    timings: Timings.optional(),
  })
  .meta({ id: 'CompletionAnswer' })

export const CompletionChunk = z
  .union([
    z.object({
      ...meta,
      object: z.literal('text_completion'),
      choices: z.array(z.object({ ...completionChoice, finish_reason: completionReason.nullable() })),
      usage: Usage.nullable().optional(),
      timings: Timings.optional(),
    }),
    ErrorBody,
  ])
  .meta({ id: 'CompletionChunk', description: 'A chunk, or the error that ends the stream. The last `data` is `[DONE]`, which is no JSON.' })

export const ModelObject = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int(),
    owned_by: z.string(),
    context_length: count.meta({ description: 'Tokens that prompt and answer may have together: the model’s, or less if the KV budget holds less.' }),
    max_model_len: count.meta({ description: 'The same under vLLM’s name.' }),
    tier: z.enum(['f32', 'q8', 'q4']).meta({ description: 'Precision of the routed experts.' }),
  })
  .meta({ id: 'Model' })

export const ModelList = z.object({ object: z.literal('list'), data: z.array(ModelObject) }).meta({ id: 'ModelList' })
