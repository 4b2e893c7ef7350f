import { expect, it } from 'vitest'
import { createDepartures } from './departures.ts'

it('[SC5] says how long the last ones took, for as many as must go', () => {
  let nowMs = 5000
  const departures = createDepartures(() => nowMs)
  expect(departures.secondsFor(9)).toBe(1)
  for (let i = 0; i < 40; i++) {
    departures.note()
    nowMs += 500
  }
  expect(departures.secondsFor(1)).toBe(1)
  expect(departures.secondsFor(9)).toBe(5)
  expect(departures.secondsFor(1000)).toBe(60)
  nowMs += 32_000 // nothing finished since: it has become slower
  expect(departures.secondsFor(9)).toBe(14)
})

it('[SC5] an idle engine has not become slow: the pace is that of the time it worked', () => {
  let nowMs = 0
  const departures = createDepartures(() => nowMs)
  const finish = (count: number) => {
    for (let i = 0; i < count; i++) {
      nowMs += 500
      departures.note()
    }
  }
  departures.begin()
  nowMs += 20_000
  expect(departures.secondsFor(9)).toBe(1) // nothing finished yet
  departures.begin()
  finish(32)
  nowMs += 3_600_000
  departures.begin()
  expect(departures.secondsFor(9)).toBe(5)
  finish(1)
  expect(departures.secondsFor(9)).toBe(5)
  for (let alone = 0; alone < 40; alone++) {
    nowMs += 60_000
    departures.begin()
    finish(1)
  }
  expect(departures.secondsFor(9)).toBe(5)
  nowMs += 33_000 // it works, and nothing finishes
  expect(departures.secondsFor(9)).toBe(14)
})
