import { expect, it } from 'vitest'
import type { EngineReport } from '../../shared/protocol/autoscaler-api.ts'
import { NO_REQUEST_WORK } from '../../shared/protocol/request-work.ts'
import { settled } from '../../test/fixtures/hand-wound-timer.ts'
import { createReporter } from './reporter.ts'
import { createTraffic } from './traffic.ts'

function reporterOf(answer: (report: EngineReport) => number | null | Promise<number>) {
  let nowMs = 0
  let number = 0
  const engine = { running: 0 }
  const waiting: { readonly atMs: number; readonly wake: () => void }[] = []
  const sent: EngineReport[] = []
  const traffic = createTraffic([2])
  const reporter = createReporter(
    {
      engine: 'engine',
      isolateId: 'i',
      nextNumber: () => ++number,
      traffic,
      now: () => ({ epoch: 1, oldestEpoch: 1, running: engine.running, waiting: 0, kvPagesUsed: 0, kvPagesTotal: 64 }),
      takeWork: () => NO_REQUEST_WORK,
      async push(report) {
        sent.push(report)
        return answer(report)
      },
      nowMs: () => nowMs,
      wait: (ms) => new Promise<void>((wake) => void waiting.push({ atMs: nowMs + ms, wake })),
    },
    2000,
  )
  return {
    reporter,
    engine,
    traffic,
    sent,
    numbers: () => sent.map((report) => report.number),
    timers: () => waiting.length,
    work() {
      reporter.wake()
      traffic.step(5, null)
    },
    async pass(ms: number) {
      nowMs += ms
      await settled()
      for (const sleeper of waiting.filter(({ atMs }) => atMs <= nowMs)) {
        waiting.splice(waiting.indexOf(sleeper), 1)
        sleeper.wake()
      }
      await settled()
    },
  }
}

it('[EL8] reports once a window while there is work, once more after it, and then sets no timer', async () => {
  const { work, pass, sent, timers } = reporterOf(() => 2000)
  expect(timers()).toBe(0)
  work()
  work()
  await pass(1999)
  expect(sent).toEqual([])
  await pass(1)
  work()
  await pass(2000)
  await pass(2000)
  expect(sent.map(({ number, steps, windowMs }) => [number, steps, windowMs])).toEqual([
    [1, 2, 2000],
    [2, 1, 2000],
    [3, 0, 2000],
  ])
  await pass(100_000)
  expect(sent).toHaveLength(3)
  expect(timers()).toBe(0)
  work()
  await pass(2000)
  expect(sent.at(-1)).toMatchObject({ number: 4, steps: 1, windowMs: 2000 })
})

it('[EL8] a report that did not arrive is sent again as it was, before the next; nothing is lost in between', async () => {
  let away = true
  const { work, pass, sent, numbers } = reporterOf(() => (away ? null : 1000))
  work()
  await pass(2000)
  work()
  await pass(2000)
  work()
  away = false
  await pass(2000)
  expect(numbers()).toEqual([1, 1, 1, 2])
  expect(sent[2]).toEqual(sent[0])
  expect(sent[3]).toMatchObject({ steps: 2, windowMs: 4000 })
  work()
  await pass(1000) // the span that the answer asked for
  expect(numbers().at(-1)).toBe(3)
})

it('[EL8] a failed host is reported at once, but never more often than every 250 ms', async () => {
  const { reporter, traffic, work, pass, sent, numbers } = reporterOf(() => 2000)
  work()
  await pass(600)
  for (let i = 0; i < 3; i++) {
    traffic.fault('expert-00', 'not-resident')
    reporter.early()
  }
  await pass(0)
  expect(numbers()).toEqual([1])
  expect(sent[0]!.hosts).toMatchObject([{ host: 'expert-00', faults: { 'not-resident': 3 } }])
  traffic.fault('expert-00', 'not-resident')
  reporter.early()
  await pass(0)
  expect(numbers()).toEqual([1])
  await pass(250)
  expect(numbers()).toEqual([1, 2])
})

it('[EL8] a step that begins while the last report is on its way is reported, too', async () => {
  const { promise, resolve } = Promise.withResolvers<number>()
  const { reporter, traffic, work, pass, sent, numbers, timers } = reporterOf(({ number }) => (number === 2 ? promise : 1000))
  work()
  await pass(2000)
  await pass(1000)
  expect(numbers()).toEqual([1, 2])
  reporter.wake() // the one step of a short request
  resolve(1000)
  await pass(0)
  traffic.step(5, null)
  await pass(1000)
  await pass(1000)
  expect(sent.map(({ steps }) => steps)).toEqual([1, 0, 1, 0])
  expect(timers()).toBe(0)
})

it('[EL8] an engine whose step waits for a host reports on, so that nobody takes it for gone', async () => {
  const { engine, work, pass, sent, timers } = reporterOf(() => 2000)
  engine.running = 1
  work()
  for (let window = 0; window < 4; window++) await pass(2000)
  expect(sent.map(({ steps, running }) => [steps, running])).toEqual([
    [1, 1],
    [0, 1],
    [0, 1],
    [0, 1],
  ])
  engine.running = 0
  await pass(2000)
  await pass(2000)
  expect(sent).toHaveLength(5)
  expect(timers()).toBe(0)
})
