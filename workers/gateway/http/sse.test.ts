import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { handWoundTimer, settled } from '../../../test/fixtures/hand-wound-timer.ts'
import { sseResponse } from './sse.ts'

const EVENT = `data: ${'x'.repeat(1000)}\n\n`

/** An answer of so many events, and what became of it. */
function answer(events: number, event = EVENT) {
  const timer = handWoundTimer()
  const seen = { made: 0, cancelled: 0, ended: false, codes: [] as string[] }
  async function* make(): AsyncGenerator<string, void> {
    try {
      for (; seen.made < events; seen.made++) {
        await settled()
        yield event
      }
    } finally {
      seen.ended = true
    }
  }
  const response = sseResponse(make(), {
    cancel: () => seen.cancelled++,
    setTimer: timer.set,
    log: () => undefined,
    failed: ({ code }) => seen.codes.push(code),
  })
  return { response, timer, seen }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settled()
}

describe('a client that does not read', () => {
  it('[SC7] is cut off behind what it left: the work ends, the error has a name', async () => {
    const { response, seen, timer } = answer(10_000)
    await until(() => timer.pending() === 2) // of what waits at all, and of the grace
    expect(seen.cancelled).toBe(0)
    await timer.pass(LIMITS.unreadGraceMs)
    await until(() => seen.ended)
    expect(seen.cancelled).toBe(1)
    const text = await response.text()
    expect(text.length).toBeLessThan(LIMITS.unreadCharsMax + 4 * EVENT.length)
    expect(JSON.parse(text.split('data: ').at(-1)!)).toMatchObject({ error: { code: 'slow_reader' } })
    expect([timer.pending(), seen.codes]).toEqual([0, ['slow-reader']])
  })

  it('[SC7] and takes nothing for too long loses its connection, also when the answer is complete', async () => {
    const { response, seen, timer } = answer(5)
    await until(() => seen.ended)
    expect(timer.pending()).toBe(1)
    await timer.pass()
    expect(seen.cancelled).toBe(1)
    await expect(response.text()).rejects.toThrow('left more than')
  })
})

describe('a client that reads', () => {
  it('[SE3] is not cut off by events that are larger than what may be left unread', async () => {
    const event = `data: ${'x'.repeat(LIMITS.unreadCharsMax)}\n\n`
    const { response, seen, timer } = answer(20, event)
    const reader = response.body!.getReader()
    let bytes = 0
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      bytes += part.value.length
      for (let turn = 0; turn < 5; turn++) await settled() // the next events are there before it comes back
    }
    expect(bytes).toBe(20 * event.length)
    expect([seen.codes, timer.pending()]).toEqual([[], 0])
  })

  it('[SC7] and leaves in its grace ends the work', async () => {
    const { response, seen, timer } = answer(10_000)
    await until(() => timer.pending() === 2)
    await response.body!.cancel()
    await until(() => seen.ended)
    expect([seen.cancelled, seen.codes, timer.pending()]).toEqual([1, [], 0])
  })

  it('[AP4] gets every event, however many, and leaves no timer', async () => {
    const { response, seen, timer } = answer(2000)
    expect((await response.text()).length).toBe(2000 * EVENT.length)
    expect(seen).toEqual({ made: 2000, cancelled: 0, ended: true, codes: [] })
    expect(timer.pending()).toBe(0)
  })

  it('[AP8] and leaves in the middle ends the work and the generator', async () => {
    const { response, seen, timer } = answer(1000)
    const reader = response.body!.getReader()
    await reader.read()
    await reader.cancel()
    await until(() => seen.ended)
    expect(seen.cancelled).toBe(1)
    expect(seen.made).toBeLessThan(10)
    expect(timer.pending()).toBe(0)
  })
})
