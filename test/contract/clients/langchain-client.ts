import type { UsageMetadata } from '@langchain/core/messages'
import { ChatOpenAI } from '@langchain/openai'
import type { Served } from '../served.ts'
import type { Client, Question } from './client.ts'

export function langchainModel({ url, apiKey, model }: Served, question: Omit<Question, 'content'>, logprobs = false): ChatOpenAI {
  const { maxTokens, temperature = 0, retries = 0, endless = false } = question
  const modelKwargs = endless ? { ignore_eos: true } : {}
  return new ChatOpenAI({ model, apiKey, configuration: { baseURL: `${url}/v1` }, maxTokens, temperature, logprobs, maxRetries: retries, modelKwargs })
}

/** `@langchain/openai`. */
export const langchainClient: Client = {
  name: '@langchain/openai',
  api: 'openai',

  async ask(served, question) {
    const { text, usage_metadata, response_metadata: meta } = await langchainModel(served, question).invoke(question.content, options(question))
    const usage = usage_metadata as UsageMetadata | undefined // the class computes `never` here
    return { text, reason: String(meta['finish_reason']), promptTokens: usage?.input_tokens ?? NaN, completionTokens: usage?.output_tokens ?? NaN }
  },

  async *stream(served, question) {
    for await (const chunk of await langchainModel(served, question).stream(question.content, options(question))) yield chunk.text
  },

  async logprobs(served, question) {
    const { response_metadata: meta } = await langchainModel(served, question, true).invoke(question.content)
    const { content } = meta['logprobs'] as { content: { logprob: number }[] }
    return content.map(({ logprob }) => logprob)
  },

  /** Its errors are those of `openai` with more fields, not of its classes. */
  refusal(error) {
    if (!(error instanceof Error) || !('code' in error)) throw error
    const { status, code, param } = error as Error & { status?: number; code: string | null; param: string | null }
    return { status, code, param }
  },
}

function options({ seed, stop, signal }: Question) {
  return { ...(seed !== undefined && { seed }), ...(stop !== undefined && { stop: [stop] }), ...(signal && { signal }) }
}
