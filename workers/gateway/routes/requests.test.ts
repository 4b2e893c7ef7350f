import { describe, expect, it } from 'vitest'
import { demoModel } from '../../../test/contract/demo-model.ts'
import { hashed } from '../../../test/contract/fake-engine.ts'
import { outcome, testGateway } from '../../../test/contract/test-gateway.ts'
import { toolModel } from '../../../test/fixtures/tool-calls/tool-gateway.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'

const COMPLETION = { model: 'isomoe-demo', prompt: 'Once upon a time' }
const CHAT = { model: 'isomoe-demo', messages: [{ role: 'user', content: 'hi' }] }
const COMPLETIONS = '/v1/completions'
const CHATS = '/v1/chat/completions'

describe('fields that are refused', () => {
  it.each([
    [COMPLETIONS, { tempreture: 1 }],
    [COMPLETIONS, { tools: [] }],
    [COMPLETIONS, { stream: true, stream_options: { usage: true } }],
    [CHATS, { prompt: 'a' }],
    [CHATS, { messages: [{ role: 'user', content: 'hi', text: 'hi' }] }],
  ])('[AP2] %s knows no field of %j', async (path, fields) => {
    const base = path === CHATS ? CHAT : COMPLETION
    expect(await outcome(testGateway().post(path, { ...base, ...fields }))).toMatchObject({ status: 400, code: 'unknown_parameter' })
  })

  it.each([
    { functions: [{ name: 'f' }] },
    { function_call: { name: 'f' } },
    { messages: [{ role: 'function', name: 'f', content: 'x' }] },
    { audio: { voice: 'x' } },
    { modalities: ['text', 'audio'] },
    { reasoning_effort: 'high' },
    { web_search_options: {} },
    { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
    { functions: {} },
  ])('[AP2] chat does not support %j', async (fields) => {
    expect(await outcome(testGateway().post(CHATS, { ...CHAT, ...fields }))).toMatchObject({ status: 400, code: 'unsupported_parameter' })
  })

  it.each([{ suffix: 'end' }, { best_of: 20 }])('[AP2] completions do not support %j', async (fields) => {
    expect(await outcome(testGateway().post(COMPLETIONS, { ...COMPLETION, ...fields }))).toMatchObject({ status: 400, code: 'unsupported_parameter' })
  })

  it('[AP2] accepts fields that change nothing here, and neutral values of those that would', async () => {
    const { post } = testGateway()
    const ignored = { user: 'me', metadata: { a: 'b' }, store: true, service_tier: 'auto', safety_identifier: 'x', prompt_cache_key: 'y' }
    const neutral = { presence_penalty: 0, frequency_penalty: 0, logit_bias: {}, stop: null, seed: null, n: null, temperature: null }
    const chat = { parallel_tool_calls: true, tools: [], tool_choice: 'auto', response_format: { type: 'text' }, modalities: ['text'], top_logprobs: 0 }
    expect((await post(COMPLETIONS, { ...COMPLETION, ...ignored, ...neutral, best_of: 1, suffix: null })).status).toBe(200)
    expect((await post(CHATS, { ...CHAT, ...ignored, ...neutral, ...chat })).status).toBe(200)
  })

  it.each([
    ['model', { model: undefined }],
    ['prompt', { prompt: undefined }],
    ['prompt', { prompt: [] }],
    ['prompt', { prompt: '' }],
    ['prompt', { prompt: [[]] }],
    ['prompt', { prompt: ['a', 5] }],
    ['prompt', { prompt: [1.5] }],
    ['prompt', { prompt: [-1] }],
    ['prompt', { prompt: [6144] }],
    ['prompt', { prompt: Array(LIMITS.promptsMax + 1).fill('a') }],
    ['n', { prompt: Array(LIMITS.promptsMax).fill('a'), n: 2 }],
    ['n', { n: 0 }],
    ['presence_penalty', { presence_penalty: 2.1 }],
    ['frequency_penalty', { frequency_penalty: -2.1 }],
    ['repetition_penalty', { repetition_penalty: 0 }],
    ['repetition_penalty', { repetition_penalty: 1e9 }],
    ['logit_bias', { logit_bias: [] }],
    ['logit_bias', { logit_bias: { 6144: 1 } }],
    ['logit_bias.5', { logit_bias: { 5: -100.5 } }],
    ['logit_bias.05', { logit_bias: { '05': 1 } }],
    ['logit_bias.-1', { logit_bias: { '-1': 1 } }],
    ['logit_bias', { logit_bias: Object.fromEntries(Array.from({ length: LIMITS.logitBiasMax + 1 }, (_, id) => [id, 1])) }],
    ['min_tokens', { min_tokens: -1 }],
    ['stop_token_ids', { stop_token_ids: {} }],
    ['stop_token_ids', { stop_token_ids: [6144] }],
    ['stop_token_ids', { stop_token_ids: Array(65).fill(5) }],
    ['n', { n: LIMITS.nMax + 1 }],
    ['temperature', { temperature: '1' }],
    ['temperature', { temperature: 2.5 }],
    ['top_p', { top_p: 1.1 }],
    ['top_k', { top_k: -2 }],
    ['min_p', { min_p: -0.1 }],
    ['seed', { seed: 0.5 }],
    ['seed', { seed: 2 ** 65 }],
    ['prompt', { prompt: 'half a pair: \ud83d' }],
    ['prompt', { prompt: ['whole', '\udc00'] }],
    ['stop', { stop: ['a', 'b', 'c', 'd', 'e'] }],
    ['stop', { stop: '' }],
    ['stop', { stop: 'x'.repeat(LIMITS.stopStringChars + 1) }],
    ['stop', { stop: '\ud83d' }],
    ['max_tokens', { max_tokens: 0 }],
    ['max_tokens', { max_tokens: -1 }],
    ['logprobs', { logprobs: 21 }],
    ['stream', { stream: 1 }],
    ['stream_options', { stream_options: { include_usage: true } }],
    ['best_of', { n: 2, best_of: 1 }],
    ['best_of', { best_of: 21 }],
  ])('[AP9] %s out of its bounds is 400: %j', async (param, fields) => {
    const error = await outcome(testGateway().post(COMPLETIONS, { ...COMPLETION, ...fields }))
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', code: 'invalid_value', param })
  })

  it.each([1e300, 2 ** 20 + 1, 1.5, '5', -1])('[AP9] a number has one upper bound, and its message names it: %s', async (max_tokens) => {
    const { message } = await outcome(testGateway().post(CHATS, { ...CHAT, max_tokens }))
    expect(message).toBe(`Invalid value for 'max_tokens': must be a whole number from 1 to ${LIMITS.contextMax}.`)
  })

  it.each([
    ['messages', { messages: [] }],
    ['messages', { messages: Array(LIMITS.messagesMax + 1).fill(CHAT.messages[0]) }],
    ['messages[0].role', { messages: [{ role: 'robot', content: 'x' }] }],
    ['messages[0].content', { messages: [{ role: 'user' }] }],
    ['messages[0].content[0]', { messages: [{ role: 'user', content: [{ type: 'text' }] }] }],
    ['messages[0].content', { messages: [{ role: 'user', content: 'x\ud83d' }] }],
    ['messages[0].content[0]', { messages: [{ role: 'user', content: ['\ud83d', '\ude42'].map((text) => ({ type: 'text', text })) }] }],
    ['messages[0].name', { messages: [{ role: 'user', content: 'x', name: '\ud83d' }] }],
    ['max_tokens', { max_tokens: 0 }],
    ['top_logprobs', { top_logprobs: 2 }],
    ['chat_template_kwargs', { chat_template_kwargs: [] }],
    ['chat_template_kwargs', { chat_template_kwargs: { messages: 'x' } }],
    ['chat_template_kwargs', { chat_template_kwargs: { a: { b: 1 } } }],
  ])('[AP9] %s of a chat out of its bounds is 400', async (param, fields) => {
    expect(await outcome(testGateway().post(CHATS, { ...CHAT, ...fields }))).toMatchObject({ status: 400, code: 'invalid_value', param })
  })
})

describe('variables of a template', () => {
  const template = '{{ messages[0].content }}{% if enable_thinking is false %}<think></think>{% endif %}{{ budget }}'

  it('[TX4] reach the template of a chat, and that of /apply-template', async () => {
    const { engine, model, post } = testGateway({ model: toolModel(template) })
    const fields = { chat_template_kwargs: { enable_thinking: false, budget: 3 } }
    await post(CHATS, { ...CHAT, ...fields })
    await post(CHATS, { ...CHAT, chat_template_kwargs: null })
    expect(engine.requests.map(({ prompts: [prompt = []] }) => model.codec?.decode(prompt))).toEqual(['hi<think></think>3', 'hi'])
    expect(await (await post('/apply-template', { messages: CHAT.messages, ...fields })).json()).toEqual({ prompt: 'hi<think></think>3' })
  })
})

describe('prompts and the context', () => {
  it('[AP3] refuses a prompt that leaves no room for a token, with both numbers', async () => {
    const { post } = testGateway({ model: { ...demoModel(), contextTokens: 8 } })
    const ids = Array<number>(8).fill(5)
    const error = await outcome(post(COMPLETIONS, { ...COMPLETION, prompt: ids }))
    expect(error).toMatchObject({ status: 400, code: 'context_length_exceeded', message: expect.stringMatching(/\b8 tokens.*\b8 tokens/) })
    expect((await post(COMPLETIONS, { ...COMPLETION, prompt: ids.slice(1) })).status).toBe(200)
    expect((await post(COMPLETIONS, { ...COMPLETION, prompt: ids, max_tokens: 0, echo: true })).status).toBe(200)
  })

  it('[AP3] refuses what only the KV budget of the engine cannot hold', async () => {
    const { post } = testGateway({ engineContextTokens: 8 })
    const error = await outcome(post(COMPLETIONS, { ...COMPLETION, prompt: Array(9).fill(5) }))
    expect(error).toMatchObject({ status: 400, code: 'context_length_exceeded', message: expect.stringMatching(/\b8\b.*\b9\b/) })
  })

  it('[AP3] refuses text that cannot fit before it is encoded', async () => {
    const { post, engine } = testGateway({ model: { ...demoModel(), contextTokens: 8 } })
    const error = await outcome(post(COMPLETIONS, { ...COMPLETION, prompt: 'x'.repeat(100_000) }))
    expect(error).toMatchObject({ status: 400, code: 'context_length_exceeded', message: expect.stringMatching(/prompt has at least \d+ tokens/) })
    expect(await outcome(post(CHATS, { ...CHAT, messages: [{ role: 'user', content: 'one two three' }] }))).toMatchObject({ code: 'context_length_exceeded' })
    expect(engine.requests).toHaveLength(0)
  })

  it('[AP3] refuses text that only the KV budget of the engine cannot hold before it is encoded, and asks the engine once', async () => {
    const { engine, post } = testGateway({ engineContextTokens: 8 })
    let asked = 0
    const status = engine.status.bind(engine)
    engine.status = () => {
      asked++
      return status()
    }
    for (let time = 0; time < 3; time++) {
      const error = await outcome(post(COMPLETIONS, { ...COMPLETION, prompt: 'x'.repeat(10_000) }))
      expect(error).toMatchObject({ code: 'context_length_exceeded', message: expect.stringMatching(/\b8 tokens.*at least \d+ tokens/) })
    }
    expect(asked).toBe(1)
  })

  it('[AP3] waits for an engine that is loading instead of refusing what it may take', async () => {
    const { engine, post } = testGateway()
    engine.engineStatus = { state: 'loading', bytesRead: 0, bytesTotal: 1 }
    expect((await post(COMPLETIONS, COMPLETION)).status).toBe(200)
  })

  it('[AP9] refuses texts that take too long to encode: all of a request count together', async () => {
    const { engine, post } = testGateway({ model: { ...demoModel(), contextTokens: LIMITS.contextMax } })
    const half = 'x'.repeat(LIMITS.promptCharsMax / 2)
    const refused = { status: 400, code: 'invalid_value', message: expect.stringContaining(String(LIMITS.promptCharsMax)) }
    expect(await outcome(post(COMPLETIONS, { ...COMPLETION, prompt: [half, half, 'x'] }))).toMatchObject({ ...refused, param: 'prompt' })
    expect(await outcome(post(CHATS, { ...CHAT, messages: [{ role: 'user', content: half + half }] }))).toMatchObject({ ...refused, param: 'messages' })
    expect(await outcome(post('/tokenize', { prompt: `${half}${half}x` }))).toMatchObject({ ...refused, param: 'prompt' })
    expect(engine.requests).toHaveLength(0)
  })

  it('[AP3] answers end with the context: finish_reason is length', async () => {
    const { post } = testGateway({ engineContextTokens: 8, nextToken: hashed(6144) })
    const answer = await (await post(COMPLETIONS, { ...COMPLETION, max_tokens: 100 })).json()
    expect(answer).toMatchObject({ choices: [{ finish_reason: 'length' }], usage: { prompt_tokens: 4, completion_tokens: 4 } })
  })
})
