import { expect, it } from 'vitest'
import { baseEvent } from './ledger.ts'
import { createEventListeners } from './event-listeners.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'

const event = baseEvent(1, 0, 1, 0)

it('[EL14] one listener too many ends the oldest, also where it waits with a buffer of its own', async () => {
  const { open, count } = createEventListeners()
  const oldest = open([]).getReader({ mode: 'byob' })
  const waiting = oldest.read(new Uint8Array(10))
  for (let i = 0; i < LIMITS.eventListenersMax; i++) open([])
  expect(await waiting).toMatchObject({ done: true })
  expect(count()).toBe(LIMITS.eventListenersMax)
})

it('[EL14] a listener that leaves too much unread is ended after what it was given, and one that leaves is forgotten', async () => {
  const { open, emit, count } = createEventListeners()
  const reader = open([]).getReader()
  const line = JSON.stringify(event).length + 1
  const fits = Math.ceil(LIMITS.eventBytesMax / line)
  for (let i = 0; i < fits + 10; i++) emit(event)
  expect(count()).toBe(0)
  let lines = 0
  for (let part = await reader.read(); !part.done; part = await reader.read()) lines++
  expect(lines).toBe(fits)
  await open([event]).cancel()
  expect(count()).toBe(0)
})
