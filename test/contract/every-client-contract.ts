import { beforeAll, describe, expect, it } from 'vitest'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { CLIENTS } from './clients/all-clients.ts'
import type { Answer, Question, Refusal } from './clients/client.ts'
import { openaiClient } from './clients/openai-client.ts'
import { collect, engineState, pollState } from './served.ts'
import type { Served } from './served.ts'

const STORY: Question = { content: 'Tell me a story.', maxTokens: 16 }

const drawing = (seed: number): Question => ({ ...STORY, temperature: 1, seed })

/** A key that the server does not know. */
const WRONG_KEY = 'imk_nobody'

/**
 * What each client must see of a running server with keys, whatever its model says. The same questions through four SDKs: greedy, the same answers.
 * @param getServed asked when the tests run. `/admin/state` is open to this machine.
 * @param endlessTokens of an answer that its client leaves: as many as the context has room for.
 */
export function registerEveryClientContract(getServed: () => Served, endlessTokens: number): void {
  let served: Served
  let whole: Answer
  let drawn: Answer

  beforeAll(async () => {
    served = getServed()
    whole = await openaiClient.ask(served, STORY)
    drawn = await openaiClient.ask(served, drawing(7))
  })

  it.each(CLIENTS.filter(({ logprobs }) => logprobs))('[CF1] $name shows the log-probability of each token', async (client) => {
    const logprobs = await client.logprobs?.(served, STORY)
    expect(logprobs).toHaveLength(whole.completionTokens)
    expect(logprobs).toEqual(await openaiClient.logprobs?.(served, STORY))
    expect(logprobs?.every((logprob) => logprob <= 0)).toBe(true)
  })

  describe.each(CLIENTS)('$name', (client) => {
    it('[CF1] says what every client says, and how much that was', async () => {
      expect(whole.text).not.toBe('')
      expect(await client.ask(served, STORY)).toEqual(whole)
    })

    it('[CF1] the stream says the same', async () => {
      expect((await collect(client.stream(served, STORY))).join('')).toBe(whole.text)
    })

    it('[CF1] a seed gives what it gives every client, another seed something else', async () => {
      expect(await client.ask(served, drawing(7))).toEqual(drawn)
      expect((await client.ask(served, drawing(8))).text).not.toBe(drawn.text)
    })

    it('[CF1] ends before a stop string', async () => {
      const middle = Math.floor(whole.text.length / 2)
      const stop = whole.text.slice(middle, middle + 3)
      expect(stop.trim()).not.toBe('')
      expect(await client.ask(served, { ...STORY, stop })).toMatchObject({ text: whole.text.slice(0, whole.text.indexOf(stop)), reason: 'stop' })
    })

    it('[CF1] counts the tokens that max_tokens leaves', async () => {
      expect(await client.ask(served, { ...STORY, maxTokens: 3 })).toMatchObject({ reason: 'length', completionTokens: 3 })
    })

    it.each<[string, Partial<Served>, Partial<Question>, Refusal, string]>([
      ['an unknown key', { apiKey: WRONG_KEY }, {}, { status: 401, code: 'invalid_api_key', param: null }, 'authentication_error'],
      ['an unknown model', { model: 'nobody' }, {}, { status: 404, code: 'model_not_found', param: null }, 'not_found_error'],
      ['a bad value', {}, { temperature: 3 }, { status: 400, code: 'invalid_value', param: 'temperature' }, 'invalid_request_error'],
      ['a body that is too large', {}, { content: 'x'.repeat(LIMITS.bodyBytesMax) }, { status: 413, code: 'body_too_large', param: null }, 'request_too_large'],
    ])('[CF2] %s is refused by its code and field', async (_, changed, question, refusal, anthropicType) => {
      const asked = { ...STORY, ...question }
      const expected = client.api === 'openai' ? refusal : { ...refusal, code: anthropicType, param: null }
      const refusalOf = (answer: Promise<unknown>) =>
        answer.then(
          () => null,
          (error: unknown) => client.refusal(error),
        )
      expect(await refusalOf(client.ask({ ...served, ...changed }, asked))).toEqual(expected)
      expect(await refusalOf(collect(client.stream({ ...served, ...changed }, asked)))).toEqual(expected)
    })

    it('[CF4] a client that leaves its stream leaves nothing running', async () => {
      const before = await pollState(served, isIdle)
      const abort = new AbortController()
      for await (const text of client.stream(served, { ...STORY, maxTokens: endlessTokens, endless: true, signal: abort.signal })) if (text !== '') break
      abort.abort() // of the four, ai reads on until it is told
      await expectStoppedEarly(before.steps)
    })

    it('[CF4] a client that aborts before its answer leaves nothing running', async () => {
      const before = await pollState(served, isIdle)
      const abort = new AbortController()
      const answer = client.ask(served, { ...STORY, maxTokens: endlessTokens, endless: true, signal: abort.signal })
      const outcome = answer.then(
        () => 'answered',
        () => 'aborted',
      )
      expect(await pollState(served, ({ running }) => running === 1)).toMatchObject({ running: 1 })
      abort.abort()
      expect(await outcome).toBe('aborted')
      await expectStoppedEarly(before.steps)
    })

    /** Nothing runs, and not because it came to its end: the engine took only a part of the steps. */
    async function expectStoppedEarly(stepsBefore: number): Promise<void> {
      const state = await pollState(served, isIdle)
      expect(state).toMatchObject({ running: 0, waiting: 0 })
      expect((await engineState(served)).steps - stepsBefore).toBeLessThan(endlessTokens / 2)
    }
  })
}

function isIdle({ running, waiting }: { readonly running: number; readonly waiting: number }): boolean {
  return running === 0 && waiting === 0
}
