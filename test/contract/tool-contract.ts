import OpenAI, { BadRequestError } from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions'
import { beforeAll, describe, expect, it } from 'vitest'
import { Forecast } from './clients/tool-client.ts'

const PARAMETERS = {
  type: 'object',
  properties: { unit: { type: 'string', enum: ['celsius', 'kelvin'] }, rain: { type: 'boolean' } },
  required: ['unit', 'rain'],
}
const WEATHER: ChatCompletionTool = {
  type: 'function',
  function: { name: 'get_weather', description: 'The weather of today.', parameters: { ...PARAMETERS, additionalProperties: false } },
}
const MESSAGES: ChatCompletionMessageParam[] = [{ role: 'user', content: 'How is the weather?' }]

/** What the real `openai` client must see of tools and of structured answers, whatever the model knows of them. */
export function registerToolContract(getBaseUrl: () => string, model: string): void {
  describe('the openai client with tools', () => {
    let client: OpenAI
    const request = { model, messages: MESSAGES, tools: [WEATHER], tool_choice: 'required' as const, temperature: 0, max_tokens: 256 }

    beforeAll(() => {
      client = new OpenAI({ baseURL: `${getBaseUrl()}/v1`, apiKey: 'none', maxRetries: 0 })
    })

    it('[TC2] a tool that must be called is called, with arguments of its schema', async () => {
      const [choice] = (await client.chat.completions.create(request)).choices
      const calls = choice?.message.tool_calls ?? []
      expect(choice).toMatchObject({ finish_reason: 'tool_calls', message: { content: null, refusal: null } })
      expect(calls.length).toBeGreaterThan(0)
      for (const call of calls) {
        if (call.type !== 'function') throw new Error(`a call of type ${call.type}`)
        expect(call.function.name).toBe('get_weather')
        expect(Forecast.safeParse(JSON.parse(call.function.arguments))).toMatchObject({ success: true })
      }
      expect(new Set(calls.map(({ id }) => id)).size).toBe(calls.length)
    })

    it('[TC3] [TC4] the stream says what the whole answer says', async () => {
      const whole = (await client.chat.completions.create(request)).choices[0]
      const stream = client.chat.completions.stream(request)
      const streamed = (await stream.finalChatCompletion()).choices[0]
      const said = (choice: typeof whole) =>
        (choice?.message.tool_calls ?? []).map((call) => (call.type === 'function' ? [call.function.name, call.function.arguments] : []))
      expect(said(streamed)).toEqual(said(whole))
      expect(streamed?.finish_reason).toBe(whole?.finish_reason)
      expect(streamed?.message.content ?? '').toBe(whole?.message.content ?? '')
    })

    it("[TC5] a tool that is named is called, and the reason is OpenAI's", async () => {
      const named = { ...request, tool_choice: { type: 'function' as const, function: { name: 'get_weather' } }, parallel_tool_calls: false }
      const [choice] = (await client.chat.completions.create(named)).choices
      expect(choice?.finish_reason).toBe('stop')
      expect(choice?.message.tool_calls).toHaveLength(1)
    })

    it('[TC7] takes its own answer back, and the result', async () => {
      const message = (await client.chat.completions.create(request)).choices[0]?.message
      if (message === undefined) throw new Error('no answer')
      const results = (message.tool_calls ?? []).map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: 'It rains.' }))
      const next = await client.chat.completions.create({ ...request, messages: [...MESSAGES, message, ...results], tool_choice: 'none', max_tokens: 4 })
      expect(next.choices[0]?.message.tool_calls).toBeUndefined()
      const orphan = client.chat.completions.create({ ...request, messages: [...MESSAGES, { role: 'tool', tool_call_id: 'nobody', content: 'x' }] })
      await expect(orphan).rejects.toMatchObject({ status: 400, param: 'messages[1].tool_call_id' })
    })

    it('[TC2] parse() gives an object of its zod schema', async () => {
      const answer = await client.chat.completions.parse({
        model,
        messages: MESSAGES,
        temperature: 0,
        max_tokens: 256,
        response_format: zodResponseFormat(Forecast, 'forecast'),
      })
      expect(Forecast.safeParse(answer.choices[0]?.message.parsed)).toMatchObject({ success: true })
      expect(answer.choices[0]?.finish_reason).toBe('stop')
    })

    it('[TC7] a choice of a tool that is not there names its field', async () => {
      const named = client.chat.completions.create({ ...request, tool_choice: { type: 'function', function: { name: 'get_time' } } })
      await expect(named).rejects.toThrow(BadRequestError)
      await expect(named).rejects.toMatchObject({ param: 'tool_choice', code: 'invalid_value' })
    })
  })
}
