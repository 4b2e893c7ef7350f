import { describe, expect, it } from 'vitest'
import { demoModel } from '../../../test/contract/demo-model.ts'
import { hashed, scripted } from '../../../test/contract/fake-engine.ts'
import { outcome, testGateway } from '../../../test/contract/test-gateway.ts'
import { settled } from '../../../test/fixtures/hand-wound-timer.ts'
import { ok } from '../../../shared/protocol/result.ts'

const COMPLETION = { model: 'isomoe-demo', prompt: 'Once upon a time' }
const CHAT = { model: 'isomoe-demo', messages: [{ role: 'user', content: 'hi' }] }

/** The same stream, but nobody hears when it is cancelled. */
function deafToCancel(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = stream.getReader()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
}

describe('clients that go away', () => {
  const endless = { ...COMPLETION, max_tokens: 1_000_000, ignore_eos: true }
  const model = { ...demoModel(), contextTokens: 1_000_000 }

  it('[AP8] cancels the engine when a stream is cancelled', async () => {
    const { engine, post } = testGateway({ model, nextToken: hashed(model.vocab) })
    const reader = (await post('/v1/completions', { ...endless, stream: true, n: 2 })).body?.getReader()
    await reader?.read()
    expect((await engine.state()).running).toBe(2)
    await reader?.cancel()
    expect((await engine.state()).running).toBe(0)
    expect(engine.cancelled).toEqual([null])
  })

  it('[AP8] cancels the engine when the client of a whole answer leaves', async () => {
    const { engine, post } = testGateway({ model, nextToken: hashed(model.vocab) })
    const abort = new AbortController()
    const answer = post('/v1/chat/completions', { ...CHAT, ignore_eos: true }, abort.signal)
    while ((await engine.state()).steps < 2) await new Promise((resolve) => setImmediate(resolve))
    abort.abort()
    await answer
    expect((await engine.state()).running).toBe(0)
    expect(engine.cancelled).toEqual([null])
  })

  it('[AP8] cancels a request whose client leaves while the engine takes it: the cancel came too early, so the stream ends it', async () => {
    const { engine, post } = testGateway({ model, nextToken: hashed(model.vocab) })
    const abort = new AbortController()
    const generate = engine.generate.bind(engine)
    engine.generate = (request) => {
      abort.abort()
      return generate(request)
    }
    await post('/v1/completions', { ...endless, stream: true }, abort.signal)
    expect((await engine.state()).running).toBe(0)
  })

  it('[AP8] cancels by call too: a stream may be cut on its way to the engine', async () => {
    const { engine, post } = testGateway({ model, nextToken: hashed(model.vocab) })
    const generate = engine.generate.bind(engine)
    engine.generate = async (request) => {
      const started = await generate(request)
      return started.ok ? ok({ ...started.value, stream: deafToCancel(started.value.stream) }) : started
    }
    const reader = (await post('/v1/completions', { ...endless, stream: true })).body?.getReader()
    await reader?.read()
    await reader?.cancel()
    expect((await engine.state()).running).toBe(0)
  })

  it('[AP6] ends one choice at the engine when its stop string came, and lets the others go on', async () => {
    const { engine, post } = testGateway({ nextToken: ({ choice, position }) => (choice === 1 && position === 2 ? 874 : 833) })
    const answer = await (await post('/v1/completions', { ...COMPLETION, n: 2, max_tokens: 6, stop: ' upon' })).json()
    expect(answer).toMatchObject({
      choices: [
        { index: 0, text: ' time'.repeat(6), finish_reason: 'length' },
        { index: 1, text: ' time time', finish_reason: 'stop' },
      ],
      usage: { prompt_tokens: 4, completion_tokens: 9, total_tokens: 13 },
    })
    expect(engine.cancelled).toEqual([1])
  })

  it('[AP6] tells the engine that the request is over when it has heard of every choice that met its stop string', async () => {
    const { engine, post } = testGateway({ nextToken: ({ choice, position }) => (position === choice ? 874 : 833) })
    const cancel = engine.cancel.bind(engine)
    const heard: (number | null)[] = []
    let firstArrives = (): void => {}
    engine.cancel = async (id, index) => {
      if (index === 0) await new Promise<void>((resolve) => (firstArrives = resolve)) // calls of different stubs may overtake each other
      heard.push(index)
      return cancel(id, index)
    }
    await (await post('/v1/completions', { ...COMPLETION, n: 2, max_tokens: 6, stop: ' upon' })).json()
    await settled()
    expect(heard).toEqual([1])
    firstArrives()
    await settled()
    expect(heard).toEqual([1, 0, null])
  })
})

describe('the engine behind a generation', () => {
  it.each([{ digest: 'f'.repeat(64) }, { tier: 'f32' as const }, { trunk: 'q4' as const }])(
    '[WI1] refuses an engine that serves another %o, and ends its work',
    async (difference) => {
      const { engine, model, post } = testGateway()
      const other = testGateway({ model: { ...model, ...difference }, nextToken: hashed(model.vocab) }).engine
      engine.generate = (request) => other.generate(request)
      engine.cancel = (id, index) => other.cancel(id, index)
      expect(await outcome(post('/v1/completions', COMPLETION))).toMatchObject({ status: 500, code: 'hello_mismatch' })
      expect((await other.state()).running).toBe(0)
    },
  )

  it('[AP8] cancels a call that breaks: the engine may have begun, and nobody reads what it makes', async () => {
    const { engine, post } = testGateway({ nextToken: hashed(6144) })
    const generate = engine.generate.bind(engine)
    engine.generate = async (request) => {
      await generate(request)
      throw new Error('Network connection lost.')
    }
    engine.resume = async () => {
      throw new Error('Network connection lost.')
    }
    expect(await outcome(post('/v1/completions', COMPLETION))).toMatchObject({ status: 503, code: 'host_unavailable' })
    expect((await engine.state()).running).toBe(0)
    expect(engine.cancelled).toEqual([null])
  })

  it('[AP6] the reason is stop when U+FFFD for a character that never became whole completes a stop string', async () => {
    const [lead = -1] = demoModel().codec?.encode('🙂', false) ?? []
    const { post } = testGateway({ nextToken: scripted([833, lead], 2) })
    const answer = await (await post('/v1/completions', { ...COMPLETION, max_tokens: 2, stop: 'e\u{fffd}' })).json()
    expect(answer).toMatchObject({ choices: [{ text: ' tim', finish_reason: 'stop' }], usage: { completion_tokens: 2 } })
  })
})
