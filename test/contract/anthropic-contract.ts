import Anthropic, { BadRequestError, NotFoundError } from '@anthropic-ai/sdk'
import { beforeAll, describe, expect, it } from 'vitest'

const USER = { role: 'user', content: 'Tell me a story.' } as const

/**
 * What the real `@anthropic-ai/sdk` must see of a running server with a model that has a tokenizer and a chat template.
 * @param getBaseUrl without `/v1`; asked when the tests run.
 */
export function registerAnthropicContract(getBaseUrl: () => string, model: string): void {
  describe('the Anthropic client', () => {
    let client: Anthropic
    beforeAll(() => {
      client = new Anthropic({ baseURL: getBaseUrl(), apiKey: 'none', maxRetries: 0 })
    })

    it('[AP13] answers a message, and streams it to the same text', async () => {
      const request = { model, max_tokens: 12, system: 'Be short.', messages: [USER] }
      // What makes it greedy is no longer in the client's types, but still in the API.
      const greedy = { ...request, temperature: 0 }
      const whole = await client.messages.create(greedy)
      const [block] = whole.content
      expect(whole.role).toBe('assistant')
      expect(block?.type).toBe('text')
      expect(['end_turn', 'max_tokens']).toContain(whole.stop_reason)
      const stream = client.messages.stream(greedy)
      let deltas = ''
      stream.on('text', (text) => void (deltas += text))
      const streamed = await stream.finalMessage()
      expect(streamed.content).toMatchObject(whole.content)
      expect(deltas).toBe(block?.type === 'text' ? block.text : null)
      expect(streamed.stop_reason).toBe(whole.stop_reason)
      expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens)
      expect(tokensRead(streamed.usage)).toBe(tokensRead(whole.usage))
      expect(whole._request_id).toMatch(/^req_/)
    })

    it('[AP13] counts tokens as an answer does', async () => {
      const counted = await client.messages.countTokens({ model, messages: [USER] })
      const answer = await client.messages.create({ model, max_tokens: 1, messages: [USER] })
      expect(counted.input_tokens).toBe(tokensRead(answer.usage))
    })

    it('[AP13] ends before a stop sequence and says which', async () => {
      const request = { model, max_tokens: 24, messages: [USER], temperature: 0 }
      const whole = textOf(await client.messages.create(request))
      const middle = Math.floor(whole.length / 2)
      const stop = whole.slice(middle, middle + 3)
      expect(stop.trim()).not.toBe('')
      const cut = await client.messages.create({ ...request, stop_sequences: [stop] })
      expect(cut).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: stop })
      expect(textOf(cut)).toBe(whole.slice(0, whole.indexOf(stop)))
    })

    it('[AP14] maps errors to the client’s classes, with their type and the request’s id', async () => {
      const request = { model, max_tokens: 4, messages: [USER] }
      const unknown: unknown = await client.messages.create({ ...request, model: 'nobody' }).catch((error: unknown) => error)
      expect(unknown).toBeInstanceOf(NotFoundError)
      expect(unknown).toMatchObject({ type: 'not_found_error', requestID: expect.stringMatching(/^req_/) as string })
      const wrong: unknown = await client.messages.create({ ...request, max_tokens: 0 }).catch((error: unknown) => error)
      expect(wrong).toBeInstanceOf(BadRequestError)
      expect(wrong).toMatchObject({ status: 400, type: 'invalid_request_error' })
    })
  })
}

/** What was read, from the cache or anew. */
function tokensRead(usage: { readonly input_tokens: number; readonly cache_read_input_tokens: number | null }): number {
  return usage.input_tokens + (usage.cache_read_input_tokens ?? 0)
}

function textOf(message: Anthropic.Message): string {
  return message.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
}
