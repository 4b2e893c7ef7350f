import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { APICallError, generateText, RetryError, StreamProviderError, streamText } from 'ai'
import type { Served } from '../served.ts'
import type { Client, Question, Refusal } from './client.ts'

/** A model of the provider, as its documentation sets it up for a server that has structured outputs. */
export function aiSdkModel({ url, apiKey, model }: Served) {
  const provider = createOpenAICompatible({ name: 'isomoe', baseURL: `${url}/v1`, apiKey, includeUsage: true, supportsStructuredOutputs: true })
  return provider(model)
}

/** `ai` with `@ai-sdk/openai-compatible`. */
export const aiSdkClient: Client = {
  name: 'ai',
  api: 'openai',

  async ask(served, question) {
    const { text, finishReason, usage } = await generateText(request(served, question))
    return { text, reason: finishReason, promptTokens: usage.inputTokens ?? NaN, completionTokens: usage.outputTokens ?? NaN }
  },

  async *stream(served, question) {
    // Errors come as parts; without onError they are printed, too.
    for await (const part of streamText({ ...request(served, question), onError: () => undefined }).fullStream) {
      if (part.type === 'error') throw part.error
      if (part.type === 'text-delta') yield part.text
    }
  },

  refusal(error) {
    const cause = RetryError.isInstance(error) ? error.lastError : error
    if (StreamProviderError.isInstance(cause)) return { status: undefined, ...said({ error: cause.data }) }
    if (!APICallError.isInstance(cause)) throw error
    return { status: cause.statusCode, ...said(cause.data) }
  },
}

function request(served: Served, { content, maxTokens, temperature = 0, seed, stop, endless, retries = 0, signal }: Question) {
  return {
    model: aiSdkModel(served),
    prompt: content,
    maxOutputTokens: maxTokens,
    temperature,
    maxRetries: retries,
    ...(seed !== undefined && { seed }),
    ...(stop !== undefined && { stopSequences: [stop] }),
    ...(endless && { providerOptions: { isomoe: { ignore_eos: true } } }),
    ...(signal && { abortSignal: signal }),
  }
}

/** The error of our body, as the provider parsed it. */
function said(data: unknown): Pick<Refusal, 'code' | 'param'> {
  const { error } = data as { error: { code: string | null; param: string | null } }
  return { code: error.code, param: error.param }
}
