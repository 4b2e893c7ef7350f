import Anthropic, { APIError } from '@anthropic-ai/sdk'
import type { MessageCreateParamsNonStreaming } from '@anthropic-ai/sdk/resources/messages'
import type { Served } from '../served.ts'
import type { Client, Question } from './client.ts'

/** Without a timeout of its own the client refuses long answers that are not streamed. */
const TIMEOUT_MS = 60_000

export function anthropicSdk({ url, apiKey }: Served, retries = 0): Anthropic {
  return new Anthropic({ baseURL: url, apiKey, maxRetries: retries, timeout: TIMEOUT_MS })
}

/** Anthropic's words for why an answer ended, in OpenAI's. */
export const REASONS: Readonly<Record<string, string>> = { end_turn: 'stop', stop_sequence: 'stop', max_tokens: 'length', tool_use: 'tool_calls' }

/** `@anthropic-ai/sdk`. */
export const anthropicClient: Client = {
  name: '@anthropic-ai/sdk',
  api: 'anthropic',

  async ask(served, question) {
    const { content, stop_reason, usage } = await anthropicSdk(served, question.retries).messages.create(request(served, question), options(question))
    return {
      text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
      reason: REASONS[stop_reason ?? ''] ?? String(stop_reason),
      promptTokens: usage.input_tokens + (usage.cache_read_input_tokens ?? 0),
      completionTokens: usage.output_tokens,
    }
  },

  async *stream(served, question) {
    const events = await anthropicSdk(served, question.retries).messages.create({ ...request(served, question), stream: true }, options(question))
    for await (const event of events) {
      if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') yield event.delta.text
    }
  },

  refusal(error) {
    if (!(error instanceof APIError)) throw error
    return { status: error.status, code: error.type, param: null }
  },
}

/** Temperature and seed are no longer, and never were, in the client's types; the API has both. */
function request({ model }: Served, { content, maxTokens, temperature = 0, seed, stop, endless }: Question): MessageCreateParamsNonStreaming {
  const sampling = { temperature, ...(seed !== undefined && { seed }), ...(endless && { ignore_eos: true }) }
  return { model, messages: [{ role: 'user', content }], max_tokens: maxTokens, ...(stop !== undefined && { stop_sequences: [stop] }), ...sampling }
}

function options({ signal }: Question) {
  return signal === undefined ? {} : { signal }
}
