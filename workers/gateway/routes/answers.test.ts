import { describe, expect, it } from 'vitest'
import { demoModel } from '../../../test/contract/demo-model.ts'
import { scripted } from '../../../test/contract/fake-engine.ts'
import { testGateway } from '../../../test/contract/test-gateway.ts'

const COMPLETION = { model: 'isomoe-demo', prompt: 'Once upon a time' }
const CHAT = { model: 'isomoe-demo', messages: [{ role: 'user', content: 'hi' }] }
const COMPLETIONS = '/v1/completions'
const CHATS = '/v1/chat/completions'

describe('what reaches the engine', () => {
  it("[AP4] values of the request, else the model's, else OpenAI's", async () => {
    const { engine, post } = testGateway()
    await post(COMPLETIONS, COMPLETION)
    await post(CHATS, { ...CHAT, temperature: 0, top_p: 0.5, top_k: -1, min_p: 0.1, seed: -1, n: 3, max_tokens: 5, max_completion_tokens: 6, ignore_eos: true })
    expect(engine.requests).toEqual([
      {
        requestId: '00000001',
        prompts: [[2335, 874, 263, 833]],
        n: 1,
        maxTokens: 16,
        sampling: { temperature: 0.7, topP: 0.9, topK: 0, minP: 0, seed: 42 },
        adjustments: null,
        grammar: null,
        stopTokens: [2, 0],
        logprobs: null,
        echo: false,
      },
      expect.objectContaining({
        n: 3,
        maxTokens: 6,
        sampling: { temperature: 0, topP: 0.5, topK: 0, minP: 0.1, seed: 0xfffffffe },
        stopTokens: [],
      }),
    ])
  })

  it.each([
    [COMPLETIONS, COMPLETION],
    [CHATS, CHAT],
  ])('[SA5] [SA6] %s: adjustments and stop tokens as asked, nothing for neutral ones', async (path, base) => {
    const { engine, post } = testGateway()
    const neutral = { presence_penalty: 0, frequency_penalty: 0, repetition_penalty: 1, logit_bias: {}, min_tokens: 0, stop_token_ids: [] }
    const asked = { presence_penalty: -2, repetition_penalty: 1.1, logit_bias: { '5': -100, 6143: 1.5 }, min_tokens: 3, stop_token_ids: [7, 2, 7] }
    for (const fields of [neutral, asked, { ...asked, ignore_eos: true }]) expect((await post(path, { ...base, ...fields })).status).toBe(200)
    const adjustments = {
      presencePenalty: -2,
      frequencyPenalty: 0,
      repetitionPenalty: 1.1,
      bias: [
        [5, -100],
        [6143, 1.5],
      ],
      minTokens: 3,
    }
    expect(engine.requests.map((request) => [request.adjustments, request.stopTokens])).toEqual([
      [null, [2, 0]],
      [adjustments, [2, 0, 7]],
      [adjustments, [7, 2]],
    ])
  })

  it("[SA5] the model's own repetition penalty holds unless the request has another", async () => {
    const model = { ...demoModel(), generation: { ...demoModel().generation, repetitionPenalty: 1.05 } }
    const { engine, post } = testGateway({ model })
    for (const repetition_penalty of [undefined, 1.2, 1]) await post(COMPLETIONS, { ...COMPLETION, repetition_penalty })
    expect(engine.requests.map(({ adjustments }) => adjustments?.repetitionPenalty ?? null)).toEqual([1.05, 1.2, null])
  })

  it('[NU6] seeds of 64 bits with a sign: small ones as they are, and no two of these alike', async () => {
    const { engine, post } = testGateway()
    const small = ['0', '1', '4294967295', '-1', '-2']
    const seeds = [...small, '4294967296', '4294967297', '8589934592', '9007199254740993', '9223372036854775807', '-9223372036854775808']
    for (const seed of seeds) expect((await post(COMPLETIONS, JSON.stringify(COMPLETION).replace('}', `,"seed":${seed}}`))).status).toBe(200)
    const drawn = engine.requests.map(({ sampling }) => sampling.seed)
    expect(drawn.slice(0, 3)).toEqual([0, 1, 0xffffffff])
    expect(drawn.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)).toBe(true)
    expect(new Set(drawn).size).toBe(seeds.length)
  })

  it('[AP4] a chat as its template writes it, without a second beginning', async () => {
    const { engine, post, model } = testGateway()
    await post(CHATS, {
      ...CHAT,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'h' },
            { type: 'text', text: 'i' },
          ],
        },
      ],
    })
    expect(model.codec?.decode(engine.requests[0]?.prompts[0] ?? [])).toBe('<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n')
    expect(engine.requests[0]?.maxTokens).toBeNull()
  })

  it('[AP4] log-probabilities as asked: none, the chosen, alternatives', async () => {
    const { engine, post } = testGateway()
    await post(COMPLETIONS, { ...COMPLETION, logprobs: 0 })
    await post(CHATS, { ...CHAT, logprobs: true })
    await post(CHATS, { ...CHAT, logprobs: true, top_logprobs: 20 })
    await post(CHATS, { ...CHAT, logprobs: false })
    expect(engine.requests.map(({ logprobs }) => logprobs)).toEqual([0, 0, 20, null])
  })
})

describe('whole answers', () => {
  it('[AP4] repeats text and ids that come as prompts, for each prompt and choice', async () => {
    const { post } = testGateway({ nextToken: scripted([874], 2) })
    const answer = await (await post(COMPLETIONS, { ...COMPLETION, prompt: [[2335], [263, 833]], n: 2, echo: true })).json()
    expect(answer).toMatchObject({
      choices: [{ text: 'Once upon' }, { text: 'Once upon' }, { text: ' a time upon' }, { text: ' a time upon' }],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, prompt_tokens_details: { cached_tokens: 0 } },
    })
  })

  it('[SC9] cached tokens of each prompt once, streamed or not, also where a stop string ends the choices', async () => {
    const usage = { prompt_tokens_details: { cached_tokens: 3 } }
    const { post } = testGateway({ nextToken: scripted([874, 263], 2), cachedTokens: 2 })
    const body = {
      ...COMPLETION,
      prompt: [
        [2335, 5, 6],
        [263, 833],
      ],
      n: 2,
      stop: [' upon'],
    } // all but the last token: 2 and 1
    expect(await (await post(COMPLETIONS, body)).json()).toMatchObject({ usage })
    const stream = await (await post(COMPLETIONS, { ...body, stream: true, stream_options: { include_usage: true } })).text()
    expect(stream).toContain('"choices":[],"usage":{"prompt_tokens":5')
    expect(stream).toContain('"prompt_tokens_details":{"cached_tokens":3}')
    const chat = { ...CHAT, n: 2, stop: [' upon'] }
    expect(await (await post(CHATS, chat)).json()).toMatchObject({ usage: { prompt_tokens_details: { cached_tokens: 2 } } })
    const chatStream = await (await post(CHATS, { ...chat, stream: true, stream_options: { include_usage: true } })).text()
    expect(chatStream).toContain('"prompt_tokens_details":{"cached_tokens":2}')
  })

  it('[AP4] scores an echoed prompt: lists of one length, offsets in code points', async () => {
    const { post } = testGateway({ nextToken: scripted([833], 2) })
    const answer = await (await post(COMPLETIONS, { ...COMPLETION, prompt: '🙂 a', logprobs: 0, echo: true })).json()
    expect(answer).toMatchObject({
      choices: [
        {
          text: '🙂 a time',
          logprobs: {
            tokens: ['bytes:\\xf0', 'bytes:\\x9f', 'bytes:\\x99', 'bytes:\\x82', ' a', ' time'],
            token_logprobs: [null, -0.5, -0.5, -0.5, -0.5, -0.5],
            top_logprobs: [null, { 'bytes:\\x9f': -0.5 }, { 'bytes:\\x99': -0.5 }, { 'bytes:\\x82': -0.5 }, { ' a': -0.5 }, { ' time': -0.5 }],
            text_offset: [0, 0, 0, 0, 1, 3],
          },
        },
      ],
    })
  })

  it('[AP5] does not repeat a U+FFFD that ends the prompt, and puts what follows behind it', async () => {
    const { post } = testGateway({ nextToken: scripted([833], 2) })
    const prompt = 'abc\u{fffd}'
    const plain = await (await post(COMPLETIONS, { ...COMPLETION, prompt })).json()
    expect(plain).toMatchObject({ choices: [{ text: ' time' }] })
    const answer = await (await post(COMPLETIONS, { ...COMPLETION, prompt: `${prompt} a`, logprobs: 0, echo: true })).json()
    expect(answer).toMatchObject({
      choices: [{ text: 'abc\u{fffd} a time', logprobs: { text_offset: expect.toSatisfy((all: number[]) => all.slice(-2).join() === '4,6') } }],
    })
  })

  it('[AP4] chat log-probabilities have the bytes of each token', async () => {
    const { post } = testGateway({ nextToken: scripted([833, 176], 2) })
    const answer = await (await post(CHATS, { ...CHAT, logprobs: true, top_logprobs: 1, max_tokens: 2 })).json()
    const time = { token: ' time', logprob: -0.5, bytes: [32, 116, 105, 109, 101] }
    const part = { token: '\\xf0', logprob: -0.5, bytes: [0xf0] }
    expect(answer).toMatchObject({
      object: 'chat.completion',
      choices: [
        {
          message: { role: 'assistant', content: ' time\u{fffd}', refusal: null },
          logprobs: {
            content: [
              { ...time, top_logprobs: [time] },
              { ...part, top_logprobs: [part] },
            ],
          },
        },
      ],
    })
  })
})
