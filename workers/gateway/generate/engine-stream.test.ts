import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { settled } from '../../../test/fixtures/hand-wound-timer.ts'
import { demoModel } from '../../../test/contract/demo-model.ts'
import { hashed } from '../../../test/contract/fake-engine.ts'
import { outcome, testGateway } from '../../../test/contract/test-gateway.ts'
import type { TestGatewayOptions } from '../../../test/contract/test-gateway.ts'
import { moeError } from '../../../shared/protocol/errors.ts'
import { err } from '../../../shared/protocol/result.ts'

const VOCAB = 6144
const COMPLETION = { model: 'isomoe-demo', prompt: ['Once upon a time', 'There was'], max_tokens: 12, n: 2, temperature: 1, ignore_eos: true }
const STREAM = { ...COMPLETION, stream: true, stream_options: { include_usage: true } }

const gateway = (options: TestGatewayOptions = {}) => testGateway({ nextToken: hashed(VOCAB), ...options })

async function text(answer: Promise<Response>): Promise<string> {
  return (await answer).text()
}

/** Resets at these steps, each once: a stream that is resumed begins to count anew. */
function resetsAt(steps: readonly number[]): (step: number) => boolean {
  const left = [...steps]
  return (step) => {
    if (step !== left[0]) return false
    left.shift()
    return true
  }
}

describe('an engine that is reset under a request', () => {
  const arbResets = fc.array(fc.nat(12), { maxLength: 5 })
  const arbFields = fc.record({
    echo: fc.boolean(),
    logprobs: fc.constantFrom(null, 2),
    stop: fc.constantFrom(null, ['e', 'zz'], ['qu']),
    n: fc.integer({ min: 1, max: 3 }),
  })

  it('[JR6] changes nothing of the answer, streamed or in one piece', async () => {
    await fc.assert(
      fc.asyncProperty(arbResets, arbFields, async (resets, fields) => {
        for (const request of [STREAM, COMPLETION]) {
          const whole = await text(gateway().post('/v1/completions', { ...request, ...fields, seed: 1 }))
          const broken = gateway({ resetAt: resetsAt(resets) })
          expect(await text(broken.post('/v1/completions', { ...request, ...fields, seed: 1 }))).toBe(whole)
          expect(broken.engine.journal.size).toBe(0) // the engine was told that it is over
        }
      }),
      { numRuns: 60 },
    )
  })

  it('[JR6] is asked with backoff, for the choices that are open, and no longer once it goes on', async () => {
    const waits: number[] = []
    const { engine, post } = gateway({ resetAt: resetsAt([3]), wait: async (ms) => void waits.push(ms) })
    const resume = engine.resume.bind(engine)
    let down = 3
    engine.resume = async (requestId, have) => {
      if (down-- > 0) throw new Error('Durable Object reset because its code was updated.')
      return resume(requestId, have)
    }
    expect((await post('/v1/completions', COMPLETION)).status).toBe(200)
    expect(waits).toEqual([50, 100, 200, 400])
    expect(engine.resumed).toEqual([[4, 4, 4, 4]]) // `prefilled` and three tokens
  })

  it('[JR6] is not asked for choices that met a stop string or are finished', async () => {
    const eos = demoModel().eos[0]!
    const nextToken: TestGatewayOptions['nextToken'] = ({ choice, position }) => (position !== 2 ? 833 : [833, 874, eos][choice]!)
    const request = { ...COMPLETION, n: 3, stop: ' upon', ignore_eos: false }
    const { engine, post } = gateway({ nextToken, resetAt: resetsAt([5]) })
    expect(await text(post('/v1/completions', request))).toBe(await text(gateway({ nextToken }).post('/v1/completions', request)))
    expect(engine.resumed).toEqual([[6, null, null, 6, null, null]])
  })

  it('[JR6] is waited for as at first after each event that came', async () => {
    const waits: number[] = []
    const { post } = gateway({ resetAt: resetsAt([2, 3, 4]), wait: async (ms) => void waits.push(ms) })
    expect((await post('/v1/completions', COMPLETION)).status).toBe(200)
    expect(waits).toEqual([50, 50, 50])
  })

  it('[JR6] that does not come back ends the answer with the error of before: an event of a stream, 503 otherwise', async () => {
    const { engine, post } = gateway({ resetAt: (step) => step === 3 })
    engine.resume = async () => {
      throw new Error('Network connection lost.')
    }
    expect(await outcome(post('/v1/completions', COMPLETION))).toMatchObject({ status: 503, code: 'host_unavailable' })
    const events = (await text(post('/v1/completions', STREAM))).trim().split('\n\n')
    expect(events.at(-1)).toMatch(/^data: \{"error":.*host_unavailable/)
  })

  it('[JR6] and that has no record of the request is given it anew, with what the client has', async () => {
    const waits: number[] = []
    const { engine, post } = gateway({ resetAt: resetsAt([3]), wait: async (ms) => void (waits.push(ms), engine.journal.clear()) })
    expect(await text(post('/v1/completions', COMPLETION))).toBe(await text(gateway().post('/v1/completions', COMPLETION)))
    expect(waits).toEqual([50])
    expect(engine.requests).toHaveLength(2)
  })

  it('[JR6] and that serves other weights by then ends the answer', async () => {
    const { engine, model, post } = gateway({ resetAt: resetsAt([3]) })
    const resume = engine.resume.bind(engine)
    engine.resume = async (requestId, have) => {
      const resumed = await resume(requestId, have)
      return resumed.ok ? { ok: true, value: { ...resumed.value, info: { ...resumed.value.info, tier: model.tier === 'q4' ? 'q8' : 'q4' } } } : resumed
    }
    expect(await outcome(post('/v1/completions', COMPLETION))).toMatchObject({ status: 500, code: 'hello_mismatch' })
    expect(engine.journal.size).toBe(0)
  })

  it('[JR6] is asked anew where it had not begun', async () => {
    const { engine, post } = gateway()
    const generate = engine.generate.bind(engine)
    engine.generate = async (request) => {
      engine.generate = generate
      throw new Error(`${request.requestId} never arrived`)
    }
    expect((await post('/v1/completions', COMPLETION)).status).toBe(200)
    expect(engine.requests).toHaveLength(1)
  })

  it('[JR6] [SC5] is not asked again when it has too much to do for a request that had not begun: 429, at once', async () => {
    const waits: number[] = []
    const { engine, post } = gateway({ wait: async (ms) => void waits.push(ms) })
    engine.generate = async () => {
      engine.generate = async () => err(moeError('overloaded', '256 sequences wait already', { retryAfterS: 3 }))
      throw new Error('Network connection lost.')
    }
    expect(await outcome(post('/v1/completions', COMPLETION))).toMatchObject({ status: 429 })
    expect(waits).toEqual([50])
  })

  it('[JR6] what an engine refuses or fails by itself is not tried again', async () => {
    const lost = moeError('host-unavailable', 'expert-03 does not answer.', { host: 'expert-03' })
    const failing = gateway({ failure: { afterSteps: 2, error: lost } })
    expect(await outcome(failing.post('/v1/completions', COMPLETION))).toMatchObject({ status: 503 })
    expect(failing.engine.resumed).toEqual([])
    const refusing = gateway({ resetAt: resetsAt([2]) })
    refusing.engine.resume = async (_, have) => {
      refusing.engine.resumed.push(have)
      return err(moeError('over-budget', 'no room', { part: 'trunk', bytes: 2, budgetBytes: 1 }))
    }
    expect(await outcome(refusing.post('/v1/completions', COMPLETION))).toMatchObject({ status: 500, code: 'over_budget' })
    expect(refusing.engine.resumed).toHaveLength(1)
  })

  it('[JR6] [AP8] a client that leaves in the gap ends the request', async () => {
    const stop = new AbortController()
    const { engine, post } = gateway({ resetAt: resetsAt([3]), wait: async () => stop.abort() })
    await post('/v1/completions', COMPLETION, stop.signal)
    expect(engine.resumed).toEqual([])
    expect(engine.journal.size).toBe(0)
    expect((await engine.state()).running).toBe(0)
  })

  it('[JR6] [AP8] one that leaves while the engine says that it has no record gives it nothing anew', async () => {
    const stop = new AbortController()
    const { engine, post } = gateway({ resetAt: resetsAt([3]) })
    engine.resume = async () => {
      stop.abort()
      return err(moeError('unknown-request', 'the engine has no record of the request', {}))
    }
    await post('/v1/completions', COMPLETION, stop.signal)
    expect(engine.requests).toHaveLength(1)
    expect((await engine.state()).running).toBe(0)
  })

  it('[JR2] [AP8] one that leaves before the engine begins: what begins then is forgotten, too', async () => {
    const stop = new AbortController()
    const { engine, post } = gateway()
    const generate = engine.generate.bind(engine)
    engine.generate = async (request) => {
      stop.abort()
      await settled() // the cancel is there before what it is about
      return generate(request)
    }
    await post('/v1/completions', COMPLETION, stop.signal)
    await settled()
    expect(engine.journal.size).toBe(0)
    expect((await engine.state()).running).toBe(0)
  })

  it('[JR6] [AP8] and one that leaves while it is resumed, too', async () => {
    const stop = new AbortController()
    const { engine, post } = gateway({ resetAt: resetsAt([3]) })
    const resume = engine.resume.bind(engine)
    engine.resume = async (requestId, have) => {
      const resumed = await resume(requestId, have)
      stop.abort()
      return resumed
    }
    await post('/v1/completions', COMPLETION, stop.signal)
    expect(engine.journal.size).toBe(0)
    expect((await engine.state()).running).toBe(0)
  })
})
