import type { ResponseCreateParamsNonStreaming } from 'openai/resources/responses/responses'
import type { Served } from '../served.ts'
import type { Client, Question } from './client.ts'
import { openaiClient, openaiSdk, requestOptions } from './openai-client.ts'

/** `openai`, by its newer API. */
export const openaiResponsesClient: Client = {
  name: 'openai, responses',
  api: 'openai',

  async ask(served, question) {
    const { output_text, status, usage } = await openaiSdk(served, question.retries).responses.create(request(served, question), requestOptions(question))
    return {
      text: output_text,
      reason: status === 'completed' ? 'stop' : 'length',
      promptTokens: usage?.input_tokens ?? NaN,
      completionTokens: usage?.output_tokens ?? NaN,
    }
  },

  async *stream(served, question) {
    const body = { ...request(served, question), stream: true as const }
    for await (const event of await openaiSdk(served, question.retries).responses.create(body, requestOptions(question))) {
      if (event.type === 'response.output_text.delta') yield event.delta
      if (event.type === 'response.failed') throw new ResponseFailed(event.response.error?.code ?? null)
    }
  },

  refusal(error) {
    return error instanceof ResponseFailed ? { status: undefined, code: error.code, param: null } : openaiClient.refusal(error)
  },
}

/** This API's failure in the middle is an event like others. */
class ResponseFailed extends Error {
  readonly code: string | null

  constructor(code: string | null) {
    super(`the response failed: ${code}`)
    this.code = code
  }
}

/** Seed and stop are those of chats: no fields of OpenAI's here, but of ours. */
function request({ model }: Served, { content, maxTokens, temperature = 0, seed, stop, endless }: Question): ResponseCreateParamsNonStreaming {
  const extra = { ...(seed !== undefined && { seed }), ...(stop !== undefined && { stop }), ...(endless && { ignore_eos: true }) }
  return { model, input: content, max_output_tokens: maxTokens, temperature, ...extra }
}
