import OpenAI, { APIUserAbortError, BadRequestError, NotFoundError } from 'openai'
import { beforeAll, describe, expect, it } from 'vitest'

const POLLS_MAX = 200
const PROMPT = 'Once upon a time'

/**
 * What the real `openai` client must see of a running server with a model that has a tokenizer and a chat template.
 * @param getBaseUrl without `/v1`; asked when the tests run.
 */
export function registerOpenAiContract(getBaseUrl: () => string, model: string): void {
  describe('the openai client', () => {
    let client: OpenAI
    let contextTokens: number

    beforeAll(async () => {
      client = new OpenAI({ baseURL: `${getBaseUrl()}/v1`, apiKey: 'none', maxRetries: 0 })
      const served: unknown = await client.models.retrieve(model)
      if (typeof served !== 'object' || served === null || !('context_length' in served)) throw new Error('the model has no context_length')
      contextTokens = Number(served.context_length)
    })

    it('[AP1] lists and retrieves the served model', async () => {
      const listed = await collect(client.models.list())
      expect(listed.map(({ id }) => id)).toEqual([model])
      expect(contextTokens).toBeGreaterThan(0)
      await expect(client.models.retrieve('nobody')).rejects.toThrow(NotFoundError)
    })

    it('[AP1] chats', async () => {
      const answer = await client.chat.completions.create({ model, messages: [{ role: 'user', content: 'Tell me a story.' }], max_tokens: 8, temperature: 0 })
      expect(answer.object).toBe('chat.completion')
      expect(answer.choices).toHaveLength(1)
      expect(answer.choices[0]?.message.role).toBe('assistant')
      expect(['stop', 'length']).toContain(answer.choices[0]?.finish_reason)
      expect(answer.usage?.total_tokens).toBe((answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0))
    })

    it('[AP4] streams a chat with usage, and the stream says what the whole answer says', async () => {
      const request = { model, messages: [{ role: 'user' as const, content: 'Tell me a story.' }], max_tokens: 12, temperature: 0 }
      const whole = await client.chat.completions.create(request)
      const chunks = await collect(await client.chat.completions.create({ ...request, stream: true, stream_options: { include_usage: true } }))
      expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
      expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(whole.choices[0]?.message.content)
      expect(chunks.findLast((chunk) => chunk.choices.length > 0)?.choices[0]?.finish_reason).toBe(whole.choices[0]?.finish_reason)
      expect(chunks.at(-1)?.choices).toEqual([])
      expect(chunks.at(-1)?.usage).toEqual(whole.usage)
    })

    it('[AP4] gives several choices, streamed to the same texts', async () => {
      const request = { model, messages: [{ role: 'user' as const, content: 'Tell me a story.' }], max_tokens: 8, temperature: 1, seed: 3, n: 3 }
      const { choices } = await client.chat.completions.create(request)
      const streamed = (await client.chat.completions.stream(request).finalChatCompletion()).choices
      const said = (all: typeof choices) => all.map(({ index, message, finish_reason: reason }) => [index, message.content, reason])
      expect(choices.map(({ index }) => index)).toEqual([0, 1, 2])
      expect(new Set(choices.map(({ message }) => message.content)).size).toBeGreaterThan(1)
      expect(said(streamed)).toEqual(said(choices))
    })

    it('[AP1] gives log-probabilities of an echoed prompt, one entry a token', async () => {
      const answer = await client.completions.create({ model, prompt: PROMPT, max_tokens: 4, temperature: 0, logprobs: 2, echo: true })
      const choice = answer.choices[0]
      const tokens = (answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0)
      expect(choice?.text.startsWith(PROMPT)).toBe(true)
      expect(choice?.logprobs?.tokens).toHaveLength(tokens)
      expect(choice?.logprobs?.token_logprobs?.[0]).toBeNull()
      expect(choice?.logprobs?.token_logprobs?.slice(1).every((logprob) => Number(logprob) <= 0)).toBe(true)
      expect(choice?.logprobs?.text_offset).toHaveLength(tokens)
    })

    it('[AP1] scores a prompt without generating', async () => {
      const answer = await client.completions.create({ model, prompt: PROMPT, max_tokens: 0, logprobs: 0, echo: true })
      expect(answer.choices[0]?.text).toBe(PROMPT)
      expect(answer.usage?.completion_tokens).toBe(0)
      expect(answer.choices[0]?.logprobs?.tokens).toHaveLength(answer.usage?.prompt_tokens ?? -1)
    })

    it('[NU6] gives the same two choices for the same seed', async () => {
      const request = { model, prompt: PROMPT, max_tokens: 12, temperature: 1, seed: 7, n: 2 }
      const texts = async (seed: number) => (await client.completions.create({ ...request, seed })).choices.map(({ text }) => text)
      const first = await texts(7)
      expect(first).toHaveLength(2)
      expect(await texts(7)).toEqual(first)
      expect(await texts(8)).not.toEqual(first)
    })

    it('[AP6] ends before a stop string', async () => {
      const request = { model, prompt: PROMPT, max_tokens: 24, temperature: 0 }
      const whole = (await client.completions.create(request)).choices[0]?.text ?? ''
      const middle = Math.floor(whole.length / 2)
      const stop = whole.slice(middle, middle + 3)
      const cut = await client.completions.create({ ...request, stop })
      expect(stop).toHaveLength(3)
      expect(cut.choices[0]?.text).toBe(whole.slice(0, whole.indexOf(stop)))
      expect(cut.choices[0]?.finish_reason).toBe('stop')
    })

    it('[AP1] takes token ids and means the same', async () => {
      const ids = await tokenize(getBaseUrl(), PROMPT)
      const options = { model, max_tokens: 8, temperature: 0 }
      const fromText = await client.completions.create({ ...options, prompt: PROMPT })
      const fromIds = await client.completions.create({ ...options, prompt: [ids, ids] })
      expect(fromIds.choices.map(({ text }) => text)).toEqual([fromText.choices[0]?.text, fromText.choices[0]?.text])
      expect(fromIds.usage?.prompt_tokens).toBe(2 * (fromText.usage?.prompt_tokens ?? 0))
    })

    it('[AP3] refuses a prompt that does not fit with both numbers', async () => {
      const ids = Array.from({ length: contextTokens + 1 }, () => 5)
      const error: unknown = await client.completions.create({ model, prompt: ids }).catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(BadRequestError)
      expect(error).toMatchObject({ code: 'context_length_exceeded', type: 'invalid_request_error' })
      expect(String(error)).toContain(String(contextTokens))
      expect(String(error)).toContain(String(contextTokens + 1))
    })

    it('[AP2] tells an unknown field from one that is not supported', async () => {
      const request = { model, prompt: PROMPT, max_tokens: 1 }
      const misspelt = { ...request, tempreture: 1 }
      await expect(client.completions.create(misspelt)).rejects.toMatchObject({ status: 400, code: 'unknown_parameter', param: 'tempreture' })
      await expect(client.completions.create({ ...request, suffix: 'end' })).rejects.toMatchObject({ status: 400, code: 'unsupported_parameter' })
      await expect(client.completions.create({ ...request, suffix: null, user: 'someone' })).resolves.toBeDefined()
    })

    it('[AP11] answers a response, and streams it to the same text', async () => {
      const request = { model, input: 'Tell me a story.', instructions: 'Be short.', max_output_tokens: 12, temperature: 0 }
      const whole = await client.responses.create(request)
      expect(whole.output_text).not.toBe('')
      expect(['completed', 'incomplete']).toContain(whole.status)
      expect(whole.usage?.total_tokens).toBe((whole.usage?.input_tokens ?? 0) + (whole.usage?.output_tokens ?? 0))
      const stream = client.responses.stream(request)
      let deltas = ''
      stream.on('response.output_text.delta', ({ delta }) => void (deltas += delta))
      const streamed = await stream.finalResponse()
      expect(deltas).toBe(whole.output_text)
      expect(streamed.output_text).toBe(whole.output_text)
      expect(streamed.status).toBe(whole.status)
      const said = { type: 'message' as const, role: 'assistant' as const, content: whole.output_text }
      const next = await client.responses.create({ ...request, input: [{ role: 'user', content: request.input }, said, { role: 'user', content: 'More.' }] })
      expect(next.usage?.input_tokens).toBeGreaterThan(whole.usage?.input_tokens ?? Infinity)
    })

    it('[AP12] refuses a response that would have to be stored', async () => {
      const stored = client.responses.create({ model, input: 'hi', store: true })
      await expect(stored).rejects.toMatchObject({ status: 400, code: 'unsupported_parameter', param: 'store' })
    })

    it('[AP1] maps an unknown model to 404', async () => {
      const error: unknown = await client.completions.create({ model: 'nobody', prompt: PROMPT }).catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(NotFoundError)
      expect(error).toMatchObject({ code: 'model_not_found' })
    })

    it('[AP8] a client that goes away in the middle of a stream leaves nothing running', async () => {
      const before = await engineState(getBaseUrl())
      const stream = await client.completions.create({ ...endless(), stream: true })
      for await (const chunk of stream) {
        expect(chunk.choices).toHaveLength(1)
        break // leaving the loop aborts the request
      }
      await expectStoppedEarly(before.steps)
    })

    it('[AP8] a client that goes away before its answer leaves nothing running', async () => {
      const before = await engineState(getBaseUrl())
      const abort = new AbortController()
      const answer = client.completions.create(endless(), { signal: abort.signal })
      expect(await pollState(getBaseUrl(), ({ running }) => running === 1)).toMatchObject({ running: 1 })
      abort.abort()
      await expect(answer).rejects.toThrow(APIUserAbortError)
      await expectStoppedEarly(before.steps)
    })

    /** A request that takes as many steps as the context has room for, unless something stops it. */
    function endless() {
      return { model, prompt: PROMPT, max_tokens: contextTokens, ignore_eos: true }
    }

    /** Nothing runs, and not because it came to its end: the engine took only a part of the steps. */
    async function expectStoppedEarly(stepsBefore: number): Promise<void> {
      const state = await pollState(getBaseUrl(), ({ running }) => running === 0)
      expect(state.running).toBe(0)
      expect(state.steps - stepsBefore).toBeLessThan(contextTokens / 3)
    }
  })
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

interface RunState {
  readonly running: number
  readonly steps: number
}

/** Asks until the state is as wanted, a bounded number of times; the last answer. */
async function pollState(baseUrl: string, isWanted: (state: RunState) => boolean): Promise<RunState> {
  let state = await engineState(baseUrl)
  for (let poll = 0; poll < POLLS_MAX && !isWanted(state); poll++) state = await engineState(baseUrl)
  return state
}

async function engineState(baseUrl: string): Promise<RunState> {
  const state: unknown = await (await fetch(`${baseUrl}/admin/state`)).json()
  if (typeof state !== 'object' || state === null || !('running' in state) || !('steps' in state)) throw new Error('/admin/state says nothing of running')
  return { running: Number(state.running), steps: Number(state.steps) }
}

async function tokenize(baseUrl: string, prompt: string): Promise<number[]> {
  const response = await fetch(`${baseUrl}/tokenize`, { method: 'POST', body: JSON.stringify({ prompt }) })
  const body: unknown = await response.json()
  if (typeof body !== 'object' || body === null || !('tokens' in body) || !Array.isArray(body.tokens)) throw new Error('/tokenize gave no tokens')
  return body.tokens.map(Number)
}
