import OpenAI, { APIError } from 'openai'
import type { ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions'
import type { Served } from '../served.ts'
import type { Client, Question } from './client.ts'

export function openaiSdk({ url, apiKey }: Served, retries = 0): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: retries })
}

/** `openai`. */
export const openaiClient: Client = {
  name: 'openai',
  api: 'openai',

  async ask(served, question) {
    const { choices, usage } = await openaiSdk(served, question.retries).chat.completions.create(request(served, question), requestOptions(question))
    return {
      text: choices[0]?.message.content ?? '',
      reason: choices[0]?.finish_reason ?? 'none',
      promptTokens: usage?.prompt_tokens ?? NaN,
      completionTokens: usage?.completion_tokens ?? NaN,
    }
  },

  async *stream(served, question) {
    const chunks = await openaiSdk(served, question.retries).chat.completions.create({ ...request(served, question), stream: true }, requestOptions(question))
    for await (const { choices } of chunks) yield choices[0]?.delta.content ?? ''
  },

  async logprobs(served, question) {
    const { choices } = await openaiSdk(served).chat.completions.create({ ...request(served, question), logprobs: true })
    return choices[0]?.logprobs?.content?.map(({ logprob }) => logprob) ?? []
  },

  refusal(error) {
    if (!(error instanceof APIError)) throw error
    return { status: error.status, code: error.code ?? null, param: error.param ?? null }
  },
}

function request({ model }: Served, { content, maxTokens, temperature = 0, seed, stop, endless }: Question): ChatCompletionCreateParamsNonStreaming {
  const extra = { ...(endless && { ignore_eos: true }) }
  const messages = [{ role: 'user' as const, content }]
  return { model, messages, max_tokens: maxTokens, temperature, ...(seed !== undefined && { seed }), ...(stop !== undefined && { stop }), ...extra }
}

export function requestOptions({ signal }: Question) {
  return signal === undefined ? {} : { signal }
}
