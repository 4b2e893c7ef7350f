import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GenerateEvent } from '../../../shared/protocol/engine-api.ts'
import { EngineEvents } from './engine-events.ts'

const EVENTS: readonly GenerateEvent[] = [
  { type: 'prompt', index: 0, tokens: [{ id: 1, logprob: null, top: [] }] },
  { type: 'token', index: 0, id: 5, logprob: { id: 5, logprob: -0.5, top: [[5, -0.5]] } },
  { type: 'finish', index: 0, reason: 'stop', promptTokens: 1, completionTokens: 1, decodeMs: 0, hosts: [] },
  { type: 'error', error: { code: 'internal', message: 'größer als 世界', retryable: false, overloaded: false, details: {} } },
]

function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<GenerateEvent[]> {
  const reader = new EngineEvents(stream, () => {})
  const events: GenerateEvent[] = []
  for (let event = await reader.next(); event !== null; event = await reader.next()) events.push(event)
  return events
}

const encode = (text: string) => new TextEncoder().encode(text)

describe('EngineEvents', () => {
  it('[AP4] reads the same events however the bytes are cut', async () => {
    const bytes = encode(EVENTS.map((event) => `${JSON.stringify(event)}\n`).join(''))
    const arbCuts = fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 12 }).map((cuts) => [0, ...cuts.toSorted((a, b) => a - b), bytes.length])
    await fc.assert(
      fc.asyncProperty(arbCuts, async (cuts) => {
        const chunks = cuts.slice(1).map((cut, index) => bytes.slice(cuts[index], cut))
        expect(await readAll(streamOf(chunks))).toEqual(EVENTS)
      }),
    )
  })

  it.each(['{"type":"token"', '{"type":"other"}', '[]', 'null', ''])('[FA2] ends with an error at the line %j', async (line) => {
    const events = await readAll(streamOf([encode(`${JSON.stringify(EVENTS[1])}\n${line}\n${JSON.stringify(EVENTS[2])}\n`)]))
    expect(events.slice(0, 1)).toEqual([EVENTS[1]])
    expect(events.slice(1)).toMatchObject([{ type: 'error', error: { code: 'internal' } }])
  })

  it('[FA2] ends with an error when the stream breaks', async () => {
    const stream = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error('reset')) })
    expect(await readAll(stream)).toMatchObject([{ type: 'error', error: { code: 'host-unavailable', retryable: true } }])
  })

  it('[AP8] cancelling ends a read that waits and tells the source', async () => {
    let told = false
    const stream = new ReadableStream<Uint8Array>({ cancel: () => void (told = true) })
    const events = new EngineEvents(stream, () => {})
    const waiting = events.next()
    await events.cancel()
    expect(await waiting).toBeNull()
    expect(told).toBe(true)
  })
})
