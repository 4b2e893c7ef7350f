import { expect, it } from 'vitest'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { createEventStream } from './event-stream.ts'

const TOKEN = { type: 'token', index: 0, id: 7, logprob: null } as const

async function linesOf(stream: ReadableStream<Uint8Array>): Promise<string[]> {
  const text = await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text()
  return text.split('\n').filter((line) => line !== '')
}

it('[AP4] events come out as lines, in order, and the stream ends', async () => {
  const { stream, sink } = createEventStream(() => undefined)
  sink.emit(TOKEN)
  sink.emit({ type: 'finish', index: 0, reason: 'stop', promptTokens: 1, completionTokens: 1, decodeMs: 0, hosts: [] })
  sink.end()
  sink.emit(TOKEN) // too late: dropped
  expect((await linesOf(stream)).map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(['token', 'finish'])
})

it('[AP8] a reader that goes away cancels the request, and nothing is sent after it', async () => {
  let cancelled = 0
  const { stream, sink } = createEventStream(() => cancelled++)
  await stream.cancel()
  sink.emit(TOKEN)
  sink.end()
  expect(cancelled).toBe(1)
})

it('[SC7] a reader that stops reading is ended with an error, its memory bounded', async () => {
  let cancelled = 0
  const { stream, sink } = createEventStream(() => cancelled++)
  const bytes = JSON.stringify(TOKEN).length + 1
  for (let i = 0; i < LIMITS.unreadBytesMax / bytes + 1000; i++) sink.emit(TOKEN)
  expect(cancelled).toBe(1)
  const lines = await linesOf(stream)
  expect(lines.length * bytes).toBeLessThan(LIMITS.unreadBytesMax + 10 * bytes)
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ type: 'error', error: { code: 'slow-reader' } })
})
