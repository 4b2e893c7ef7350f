import { describe, expect, it } from 'vitest'
import { moeError } from '../../../shared/protocol/errors.ts'
import { outcome, testGateway } from '../../../test/contract/test-gateway.ts'

const COMPLETION = { model: 'isomoe-demo', prompt: 'Once upon a time' }
const CHAT = { model: 'isomoe-demo', messages: [{ role: 'user', content: 'hi' }] }
const COMPLETIONS = '/v1/completions'
const CHATS = '/v1/chat/completions'

describe('the number of log-probabilities', () => {
  const ids = (count: number, length: number) => Array.from({ length: count }, () => Array<number>(length).fill(5))
  const refused = { status: 400, code: 'invalid_value', param: 'logprobs' }

  it('[AP9] is bounded in a whole answer: sequences × tokens × (alternatives + 1)', async () => {
    const { engine, post } = testGateway()
    const most = { ...COMPLETION, prompt: ids(64, 4), logprobs: 15, max_tokens: 128 } // 64 · 128 · 16 = LIMITS.logprobEntriesMax
    expect(await outcome(post(COMPLETIONS, { ...most, max_tokens: 129 }))).toMatchObject({
      ...refused,
      message: expect.stringMatching(/132096 .* 131072 .*stream/),
    })
    expect(engine.requests).toHaveLength(0)
    expect((await post(COMPLETIONS, most)).status).toBe(200)
    expect((await post(COMPLETIONS, { ...most, max_tokens: 129, stream: true })).status).toBe(200)
    expect((await post(COMPLETIONS, { ...most, max_tokens: 129, logprobs: null })).status).toBe(200)
  })

  it('[AP9] counts what is left of the context where the client sets no maximum', async () => {
    const { post } = testGateway()
    const chat = { ...CHAT, logprobs: true, top_logprobs: 20, n: 16 }
    expect(await outcome(post(CHATS, chat))).toMatchObject(refused)
    expect((await post(CHATS, { ...chat, n: 4 })).status).toBe(200)
  })

  it('[AP9] a cold engine is waited for before anything is refused by its context', async () => {
    const waits: number[] = []
    const { engine, post } = testGateway({
      engineContextTokens: 64,
      wait: async (ms) => {
        if (waits.push(ms) === 3) engine.engineStatus = ready
      },
    })
    const ready = engine.engineStatus
    const chat = { ...CHAT, logprobs: true, top_logprobs: 20, n: 16 } // 16 · 1024 · 21 are too many, 16 · 64 · 21 are not
    engine.engineStatus = { state: 'loading', bytesRead: 0, bytesTotal: 1 }
    expect((await post(CHATS, { ...chat, n: 1 })).status).toBe(200)
    expect(waits).toEqual([]) // what the largest context allows waits for nothing
    expect((await post(CHATS, chat)).status).toBe(200)
    expect(waits).toEqual([25, 25, 25])
    engine.engineStatus = { state: 'loading', bytesRead: 0, bytesTotal: 1 }
    expect((await post(CHATS, chat)).status).toBe(200) // known once, known for good
  })

  it('[AP9] an engine that does not get ready is the answer, not a bound that nobody knows', async () => {
    const chat = { ...CHAT, logprobs: true, top_logprobs: 20, n: 16 }
    const waits: number[] = []
    const slow = testGateway({ wait: async (ms) => void waits.push(ms) })
    slow.engine.engineStatus = { state: 'loading', bytesRead: 0, bytesTotal: 1 }
    expect(await outcome(slow.post(CHATS, chat))).toMatchObject({ status: 503, code: 'loading' })
    expect(waits).toEqual([...Array(40).fill(25), ...Array(116).fill(250)]) // 1 s, and 29 s less often
    const failed = testGateway()
    failed.engine.engineStatus = { state: 'failed', error: moeError('weights-corrupt', 'trunk.bin', { object: 'trunk.bin', offset: 0 }) }
    expect(await outcome(failed.post(CHATS, chat))).toMatchObject({ status: 503, code: 'weights_corrupt' })
  })

  it('[AP8] a cold engine is asked no more when the client has left', async () => {
    const abort = new AbortController()
    let waits = 0
    const { engine, post } = testGateway({
      wait: async () => {
        if (++waits === 3) abort.abort()
      },
    })
    engine.engineStatus = { state: 'loading', bytesRead: 0, bytesTotal: 1 }
    await post(CHATS, { ...CHAT, logprobs: true, top_logprobs: 20, n: 16 }, abort.signal)
    expect(waits).toBe(3)
    expect(engine.requests).toHaveLength(0)
  })

  it('[AP9] counts an echoed prompt for each of its choices, in streams too', async () => {
    const { post } = testGateway()
    const echo = { ...COMPLETION, prompt: ids(4, 1000), n: 8, logprobs: 4, echo: true, max_tokens: 0 } // 4 · 8 · 1000 · 5 = 160,000
    for (const stream of [false, true]) expect(await outcome(post(COMPLETIONS, { ...echo, stream }))).toMatchObject(refused)
    for (const stream of [false, true]) expect((await post(COMPLETIONS, { ...echo, stream, n: 6 })).status).toBe(200)
  })
})
