import { describe, expect, it } from 'vitest'
import { schedule } from './arrivals.ts'
import { driveClosed, driveOpen } from './drive.ts'
import type { Drive } from './drive.ts'
import type { LoadRequest } from './load-plan.ts'
import type { Answer, RequestRecord } from './request-record.ts'
import { timesOf } from './request-times.ts'
import { VirtualClock } from './testing/virtual-clock.ts'

/** A drive against a server that computes one answer at a time, `serviceMs` each. */
function slowServer(serviceMs: number, failing = false) {
  const clock = new VirtualClock()
  const records: RequestRecord[] = []
  const ended = new AbortController()
  let freeMs = 0
  const drive: Drive = {
    clock,
    originMs: 1000,
    signal: ended.signal,
    plan: (index, { atMs }): LoadRequest => ({ index, atMs, phase: 0, domain: 'story', prompt: 'x', completion: null, maxTokens: 2, seed: index }),
    async send(): Promise<Answer> {
      const sentMs = clock.nowMs()
      freeMs = Math.max(freeMs, sentMs) + serviceMs
      const firstMs = freeMs
      await clock.sleepUntil(firstMs)
      const outcome = failing ? ({ kind: 'error', code: 'http-500:x', status: 500 } as const) : ({ kind: 'ok', finishReason: 'stop' } as const)
      return { outcome, sentMs, endMs: clock.nowMs(), pieceMs: [firstMs], usage: null, output: null }
    },
    onSent: () => undefined,
    onRecord: (record) => records.push(record),
  }
  return { clock, drive, records, ended }
}

describe('driveOpen', () => {
  it('[LT1] sends on schedule to a server ten times too slow, and [LT2] TTFT has the queue in it', async () => {
    const { clock, drive, records } = slowServer(1000)
    const arrivals = schedule({ kind: 'constant', perS: 10 }, 0, 2000, 1)
    await clock.run(driveOpen(drive, arrivals, 1000))
    expect(records).toHaveLength(20)
    expect(records.map(({ sentMs }) => sentMs)).toEqual(arrivals.map(({ atMs }) => atMs))
    expect(records.map((record) => timesOf(record)!.ttftMs)).toEqual(Array.from({ length: 20 }, (_, i) => 1000 + i * 900))
  })

  it('[LT2] counts TTFT from the scheduled time when the sender itself is late', async () => {
    const { clock, drive, records } = slowServer(10)
    const late = { ...drive, clock: { nowMs: () => clock.nowMs(), sleepUntil: (atMs: number, signal: AbortSignal) => clock.sleepUntil(atMs + 35, signal) } }
    await clock.run(driveOpen(late, [{ atMs: 100, promptTokens: null, outputTokens: null }], 10))
    expect(records[0]).toMatchObject({ sentMs: 135 })
    expect(timesOf(records[0]!)!.ttftMs).toBe(45)
  })

  it('[LT2] what is due while all connections are taken is counted as not sent, and waits for nobody', async () => {
    const { clock, drive, records } = slowServer(1000)
    await clock.run(driveOpen(drive, schedule({ kind: 'constant', perS: 10 }, 0, 1000, 1), 3))
    const unsent = records.filter(({ outcome }) => outcome.kind === 'not-sent')
    expect(records).toHaveLength(10)
    expect(unsent.map(({ request }) => request.index)).toEqual([3, 4, 5, 6, 7, 8, 9])
    expect(unsent.every(({ sentMs, pieceMs }) => sentMs === null && pieceMs.length === 0)).toBe(true)
  })

  it('[LT1] nothing is sent after the run was ended', async () => {
    const { clock, drive, records, ended } = slowServer(1)
    const work = driveOpen(
      { ...drive, onRecord: (record) => records.push(record) === 2 && ended.abort() },
      schedule({ kind: 'constant', perS: 1 }, 0, 60_000, 1),
      3,
    )
    await clock.run(work)
    expect(records).toHaveLength(2)
  })
})

describe('driveClosed', () => {
  it('[LT1] each worker sends when its last answer ended', async () => {
    const { clock, drive, records } = slowServer(100)
    await clock.run(driveClosed({ ...drive, originMs: 0 }, 2, 1000))
    expect(records.map(({ sentMs }) => sentMs)).toEqual([0, 0, 100, 200, 300, 400, 500, 600, 700, 800, 900])
    expect(records.map(({ request }) => request.index)).toEqual(records.map((_, i) => i))
  })

  it('[LT4] a server that fails at once is not asked without pause', async () => {
    const { clock, drive, records } = slowServer(0, true)
    await clock.run(driveClosed({ ...drive, originMs: 0 }, 1, 1000))
    expect(records.length).toBe(10)
  })
})
