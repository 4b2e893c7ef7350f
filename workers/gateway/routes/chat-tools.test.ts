import { describe, expect, it } from 'vitest'
import { moeError } from '../../../shared/protocol/errors.ts'
import { outcome, testGateway } from '../../../test/contract/test-gateway.ts'
import { gatewayThatSays, HERMES_TEMPLATE, THINKING_TEMPLATE, toolModel } from '../../../test/fixtures/tool-calls/tool-gateway.ts'

const CHATS = '/v1/chat/completions'
const PARAMETERS = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const TOOL = { type: 'function', function: { name: 'get_weather', description: 'The weather.', parameters: PARAMETERS } }
const OTHER = { type: 'function', function: { name: 'stop', strict: true } }
const CHAT = { model: 'isomoe-demo', messages: [{ role: 'user', content: 'hi' }], tools: [TOOL, OTHER] }
const CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
const HERMES = toolModel(HERMES_TEMPLATE)
const THINKING = toolModel(THINKING_TEMPLATE)

describe('answers that call tools', () => {
  it('[TC4] a call alone: no content, its id, name and arguments', async () => {
    const { post } = gatewayThatSays(HERMES, CALL)
    expect(await (await post(CHATS, CHAT)).json()).toMatchObject({
      choices: [
        {
          message: {
            role: 'assistant',
            content: null,
            refusal: null,
            tool_calls: [{ id: expect.stringMatching(/^call_\w+$/), type: 'function', function: { name: 'get_weather', arguments: '{"city": "Oslo"}' } }],
          },
          finish_reason: 'tool_calls',
        },
      ],
    })
  })

  it('[TC4] several calls, for several choices: each id is unique', async () => {
    const { post } = gatewayThatSays(HERMES, `Look.\n${CALL}\n<tool_call>\n{"name": "stop", "arguments": {}}\n</tool_call>`)
    const { choices }: { choices: { message: { content: string; tool_calls: { id: string; function: { name: string } }[] } }[] } = await (
      await post(CHATS, { ...CHAT, n: 2 })
    ).json()
    expect(choices.map(({ message }) => message.content)).toEqual(['Look.', 'Look.'])
    expect(choices.map(({ message }) => message.tool_calls.map(({ function: { name } }) => name))).toEqual([
      ['get_weather', 'stop'],
      ['get_weather', 'stop'],
    ])
    expect(new Set(choices.flatMap(({ message }) => message.tool_calls.map(({ id }) => id))).size).toBe(4)
  })

  it("[TC5] finish_reason is OpenAI's: tool_calls, stop where the request named the tool, length where a call was cut off", async () => {
    const reason = async (fields: object, text = CALL) => {
      const answer: { choices: { finish_reason: string }[] } = await (await gatewayThatSays(HERMES, text).post(CHATS, { ...CHAT, ...fields })).json()
      return answer.choices[0]?.finish_reason
    }
    expect(await reason({})).toBe('tool_calls')
    expect(await reason({ tool_choice: 'required' })).toBe('tool_calls')
    expect(await reason({ tool_choice: { type: 'function', function: { name: 'get_weather' } } })).toBe('stop')
    expect(await reason({ max_tokens: 24 })).toBe('length')
    expect(await reason({ stop: ['Osl'] })).toBe('stop') // the call is not whole
    expect(await reason({}, 'Hello')).toBe('stop')
    expect(await reason({ tool_choice: 'none' })).toBe('stop')
  })

  it('[TC2] with none the tools are not offered, and the text is text', async () => {
    const { engine, grammar, model, post } = gatewayThatSays(HERMES, CALL)
    const answer = await (await post(CHATS, { ...CHAT, tool_choice: 'none' })).json()
    expect(answer).toMatchObject({ choices: [{ message: { content: CALL } }] })
    expect(model.codec?.decode(engine.requests[0]?.prompts[0] ?? [])).not.toContain('get_weather')
    expect([grammar.checked, engine.requests[0]?.grammar]).toEqual([[], null])
  })

  it('[TC6] log-probabilities are those of the text, token ids those of everything', async () => {
    const { model, post } = gatewayThatSays(HERMES, `Look. ${CALL}`)
    const ids = model.codec?.encode(`Look. ${CALL}`, false) ?? []
    const {
      choices,
    }: {
      choices: { token_ids: number[]; logprobs: { content: { token: string }[] } }[]
    } = await (await post(CHATS, { ...CHAT, logprobs: true, return_token_ids: true })).json()
    expect(choices[0]?.token_ids).toEqual(ids)
    expect(choices[0]?.logprobs.content.map(({ token }) => token).join('')).toBe('Look.')
  })

  it('[TC3] marks that are special tokens are read, and never shown', async () => {
    const model = toolModel(HERMES_TEMPLATE, ['<tool_call>', '</tool_call>'])
    const { engine, post } = gatewayThatSays(model, `Look. ${CALL}`)
    expect(await (await post(CHATS, CHAT)).json()).toMatchObject({
      choices: [{ message: { content: 'Look.', tool_calls: [{ function: { arguments: '{"city": "Oslo"}' } }] } }],
    })
    expect(engine.requests[0]?.grammar).toMatchObject({ kind: 'structural-tag', special: [6144, 6145] })
    expect(await (await post(CHATS, { ...CHAT, tools: [] })).json()).toMatchObject({
      choices: [{ message: { content: expect.not.stringContaining('tool_call') } }],
    })
  })

  it('[TC8] reasoning has a field of its own, also in streams', async () => {
    const { post } = gatewayThatSays(THINKING, `<think>\nHm.\n</think>\n\n${CALL}`)
    expect(await (await post(CHATS, CHAT)).json()).toMatchObject({ choices: [{ message: { content: null, reasoning_content: 'Hm.', tool_calls: [{}] } }] })
    const stream = await (await post(CHATS, { ...CHAT, stream: true })).text()
    expect(stream).toContain('"delta":{"reasoning_content":"H')
    expect(stream).not.toContain('think>')
  })
})

describe('what is asked of the engine', () => {
  const tagOf = (spec: unknown): unknown => JSON.parse((spec as { tag: string }).tag)

  it('[TC2] the grammar is checked first, and is the one that the engine gets', async () => {
    const { engine, grammar, post } = gatewayThatSays(HERMES, CALL)
    await post(CHATS, CHAT)
    await post(CHATS, { ...CHAT, tool_choice: { type: 'function', function: { name: 'stop' } } })
    await post(CHATS, {
      ...CHAT,
      tool_choice: {
        type: 'allowed_tools',
        allowed_tools: { mode: 'required', tools: [TOOL].map(({ function: { name } }) => ({ type: 'function', function: { name } })) },
      },
    })
    await post(CHATS, { ...CHAT, tools: null, response_format: { type: 'json_object' } })
    expect(engine.requests.map((request) => request.grammar)).toEqual(grammar.checked)
    expect(tagOf(grammar.checked[0])).toMatchObject({ type: 'structural_tag', format: { type: 'triggered_tags', tags: [{}, {}] } })
    expect(tagOf(grammar.checked[1])).toMatchObject({ format: { tags: [{ begin: expect.stringContaining('"stop"') }], at_least_one: true } })
    expect(tagOf(grammar.checked[2])).toMatchObject({ format: { tags: [{ begin: expect.stringContaining('"get_weather"') }], at_least_one: true } })
    expect(grammar.checked[3]).toEqual({ kind: 'json-object' })
  })

  it('[TC2] a json_schema is enforced whether it is strict or not', async () => {
    const { engine, post } = testGateway()
    for (const strict of [true, false, undefined]) {
      await post(CHATS, { ...CHAT, tools: [], response_format: { type: 'json_schema', json_schema: { name: 'x', strict, schema: PARAMETERS } } })
    }
    expect(new Set(engine.requests.map((request) => JSON.stringify(request.grammar)))).toEqual(
      new Set([JSON.stringify({ kind: 'json-schema', schema: JSON.stringify(PARAMETERS) })]),
    )
  })

  it('[TC2] what the grammar worker cannot enforce is 400 with the field that asked for it, before any work', async () => {
    const { engine, grammar, post } = gatewayThatSays(HERMES, CALL)
    grammar.failure = moeError('invalid-request', "'not' is not supported", { param: null, reason: 'invalid_value' })
    expect(await outcome(post(CHATS, CHAT))).toMatchObject({ status: 400, param: 'tools', message: "'not' is not supported" })
    const format = { type: 'json_schema', json_schema: { name: 'x', schema: { not: {} } } }
    expect(await outcome(post(CHATS, { ...CHAT, tools: [], response_format: format }))).toMatchObject({ status: 400, param: 'response_format' })
    grammar.check = async () => {
      throw new Error('gone')
    }
    expect(await outcome(post(CHATS, CHAT))).toMatchObject({ status: 503, code: 'grammar_unavailable' })
    expect(engine.requests).toHaveLength(0)
  })

  it.each([{ ignore_eos: true }, { min_tokens: 3 }])('[TC2] a text that must end excludes %j', async (fields) => {
    expect(await outcome(gatewayThatSays(HERMES, CALL).post(CHATS, { ...CHAT, ...fields }))).toMatchObject({ status: 400, param: Object.keys(fields)[0] })
  })
})
