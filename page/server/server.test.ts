import { expect, it } from 'vitest'
import { readEvents } from './event-stream.ts'
import type { ServerEvent } from './event-stream.ts'
import { authorization, readKeys, storeKeys, trimKeys } from './keys.ts'
import { failureOf, wantsKey } from './request.ts'

function stream(parts: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part)
      controller.close()
    },
  })
}

async function eventsOf(parts: readonly Uint8Array[]): Promise<ServerEvent[]> {
  const events: ServerEvent[] = []
  await readEvents(stream(parts), (news) => void events.push(...news))
  return events
}

it('[LP2] events are the same however the bytes are cut, characters included', async () => {
  const bytes = new TextEncoder().encode(': still here\n\nid: 3\nevent: scale\ndata: {"text":"€"}\n\ndata: [DONE]\n\n')
  const whole = await eventsOf([bytes])
  expect(whole).toEqual([
    { id: '3', data: '{"text":"€"}' },
    { id: null, data: '[DONE]' },
  ])
  for (let cut = 1; cut < bytes.length; cut++) expect(await eventsOf([bytes.slice(0, cut), bytes.slice(cut)])).toEqual(whole)
})

it('[LP2] an event without end is cut at a bound', async () => {
  const part = new TextEncoder().encode('x'.repeat(1 << 20))
  const begin = new TextEncoder().encode('data: ')
  await expect(eventsOf([begin, ...Array.from({ length: 9 }, () => part)])).rejects.toThrow(RangeError)
})

it('[LP2] what breaks while events are read ends the connection', async () => {
  const ended = Promise.withResolvers<unknown>()
  const fault = new Error('a fault of ours')
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode('data: x\n\n')),
    cancel: ended.resolve,
  })
  const read = readEvents(body, () => {
    throw fault
  })
  await expect(read).rejects.toBe(fault)
  expect(await ended.promise).toBe(fault)
})

it('[LP6] keys live in the storage that is given, and an empty one not at all', () => {
  const kept = new Map<string, string>()
  const storage = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  }
  expect(readKeys(storage)).toEqual({ api: '', admin: '' })
  storeKeys(storage, { api: 'a', admin: 'b' })
  expect(readKeys(storage)).toEqual({ api: 'a', admin: 'b' })
  storeKeys(storage, { api: '', admin: 'b' })
  expect([...kept.values()]).toEqual(['b'])
})

it('[LP6] a pasted key is trimmed, and none sends no header', () => {
  expect(trimKeys({ api: ' k\n', admin: '' })).toEqual({ api: 'k', admin: '' })
  expect([authorization('k'), authorization('')]).toEqual([{ authorization: 'Bearer k' }, {}])
})

it('[LP6] a refusal has its code, also where the answer is none of ours; only 401 and 403 ask for a key', () => {
  expect(failureOf(429, '{"error":{"code":"overloaded","message":"busy"}}')).toEqual({ status: 429, code: 'overloaded', message: 'busy' })
  expect(failureOf(502, '<html>')).toMatchObject({ status: 502, code: 'http_502' })
  expect([401, 403, 429, 503, 0].map((status) => wantsKey({ status, code: '', message: '' }))).toEqual([true, true, false, false, false])
})
