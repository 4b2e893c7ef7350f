import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareOutputs } from './compare-outputs.ts'
import { distribution, nearestRank } from './percentiles.ts'
import { timesOf } from './request-times.ts'
import { loadSeries } from './series.ts'
import { meetsSlo, parseSlo } from './slo.ts'
import { summarizeLoad } from './summary.ts'
import { recordOf } from './testing/records.ts'

const finite = fc.double({ min: 0, max: 1e6, noNaN: true })

describe('percentiles', () => {
  it('[LT5] nearest rank: a measured value that at least p percent do not exceed, and no smaller one does', () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 300 }), fc.integer({ min: 1, max: 100 }), (values, percent) => {
        const rank = nearestRank(Float64Array.from(values).sort(), percent)
        const notAbove = (limit: number) => values.filter((value) => value <= limit).length / values.length
        expect(values).toContain(rank)
        expect(notAbove(rank) * 100).toBeGreaterThanOrEqual(percent - 1e-9)
        for (const value of values) if (value < rank) expect(notAbove(value) * 100).toBeLessThan(percent)
      }),
    )
  })

  it('[LT5] has n, mean and maximum beside them, and nothing for nothing', () => {
    expect(distribution([4, 1, 3, 2])).toEqual({ n: 4, mean: 2.5, p50: 2, p90: 4, p99: 4, max: 4 })
    expect(distribution([])).toBeNull()
  })
})

describe('times of a request', () => {
  it('[LT2] TTFT and E2E from the scheduled time, TPOT by the tokens of usage', () => {
    const times = timesOf(recordOf(0, 1000, { usage: { promptTokens: 1, completionTokens: 8, cachedTokens: null } }))!
    expect(times).toEqual({ ttftMs: 20, tpotMs: 10, e2eMs: 100, interTokenMs: [30, 40], tailMs: 10 })
    expect(times.ttftMs + 7 * times.tpotMs! + times.tailMs).toBe(times.e2eMs)
  })

  it('[LT5] one token has no TPOT; without usage pieces are counted; a failure has no times', () => {
    expect(timesOf(recordOf(0, 0, { pieceMs: [20], usage: null }))).toMatchObject({ tpotMs: null, interTokenMs: [] })
    expect(timesOf(recordOf(0, 0, { usage: null }))!.tpotMs).toBe(35)
    expect(timesOf(recordOf(0, 0, { outcome: { kind: 'error', code: 'x', status: 500 } }))).toBeNull()
  })
})

describe('slo', () => {
  it('[LT6] reads limits in ms or s, and refuses the rest', () => {
    expect(parseSlo('ttft=500, tpot=50ms,e2e=1.5s')).toEqual({ ttftMs: 500, tpotMs: 50, e2eMs: 1500 })
    for (const text of ['', 'ttft', 'ttft=0', 'ttft=-1', 'ttft=1,ttft=2', 'itl=5', 'ttft=5m']) expect(parseSlo(text)).toBeNull()
  })

  it('[LT6] each limit counts, up to and including its value', () => {
    const times = timesOf(recordOf(0, 0))!
    expect(meetsSlo({ ttftMs: 20, tpotMs: 35, e2eMs: 100 }, times)).toBe(true)
    for (const slo of [{ ttftMs: 19.9 }, { tpotMs: 34.9 }, { e2eMs: 99 }]) expect(meetsSlo(slo, times)).toBe(false)
    expect(meetsSlo({ tpotMs: 1 }, { ...times, tpotMs: null })).toBe(true)
    expect(meetsSlo({}, null)).toBe(false)
  })
})

const failed = { outcome: { kind: 'error', code: 'http-500:x', status: 500 }, pieceMs: [] } as const
const unsent = { outcome: { kind: 'not-sent' }, sentMs: null, endMs: null, pieceMs: [], usage: null } as const

describe('summarizeLoad', () => {
  const records = [
    recordOf(0, -500, { pieceMs: [-10, 10, 20], endMs: 25 }), // of the warm-up: its tokens that come later count as throughput, it does not
    recordOf(1, 100),
    recordOf(2, 200, {}, 'german', 1),
    recordOf(3, 300, { ...failed, usage: null }),
    recordOf(4, 400, unsent, 'german', 1),
    recordOf(5, 500, { outcome: { kind: 'interrupted' }, pieceMs: [], usage: null }),
    recordOf(6, 950), // its last two pieces come after the end
    recordOf(7, 1000),
  ]
  const summary = summarizeLoad(records, 1000, 3, { ttftMs: 20, e2eMs: 99.5 })

  it('[LT5] latencies of the requests that were due in the measured time; groups add up', () => {
    expect(summary.all).toMatchObject({ requests: 6, ok: 3, failed: 1, notSent: 1, interrupted: 1, outputTokens: 9, promptTokens: 15, cachedTokens: 3 })
    expect(summary.all.ttftMs).toMatchObject({ n: 3, p50: 20 })
    expect(Object.values(summary.byDomain).reduce((sum, { requests }) => sum + requests, 0)).toBe(6)
    expect(summary.byPhase.map(({ requests }) => requests)).toEqual([4, 2, 0])
    expect(summary.byPhase[2]!.ttftMs).toBeNull()
    expect(summary.sendLagMs).toMatchObject({ n: 5, max: 1 })
  })

  it('[LT5] rates count what came in the measured time, of whichever request', () => {
    expect(summary.throughput).toEqual({ outputTokensPerS: 2 + 3 + 3 + 1, answersPerS: 3 })
  })

  it('[LT6] failed and unsent requests miss the SLO, interrupted ones do not count', () => {
    expect(summary.all.goodput).toEqual({ met: 0, share: 0, perS: 0 })
    const met = summarizeLoad(records, 1000, 3, { ttftMs: 20 }).all.goodput!
    expect(met).toEqual({ met: 3, share: 3 / 5, perS: 3 })
    expect(summarizeLoad(records, 1000, 3, null).all.goodput).toBeNull()
  })

  it('[LT4] failures are counted by code, all of them', () => {
    const many = Array.from({ length: 300 }, (_, i) => recordOf(i, i, { ...failed, outcome: { kind: 'error', code: `c${i % 100}`, status: null } }))
    const { errors } = summarizeLoad(many, 1000, 1, null)
    expect(Object.values(errors).reduce((a, b) => a + b)).toBe(300)
    expect(Object.keys(errors)).toHaveLength(65)
    expect(summary.errors).toEqual({ 'http-500:x': 1 })
  })

  it('[LT5] says where usage and pieces disagree', () => {
    const tokens = (completionTokens: number) => ({ usage: { promptTokens: 1, completionTokens, cachedTokens: null } })
    const { selfCheck } = summarizeLoad(
      [recordOf(0, 0, tokens(2)), recordOf(1, 0, tokens(9)), recordOf(2, 0, tokens(3)), recordOf(3, 0, { usage: null })],
      1000,
      1,
      null,
    )
    expect(selfCheck).toMatchObject({ withoutUsage: 1, morePiecesThanTokens: 1, fewerPiecesThanTokens: 1, tailMs: { p50: 10, n: 4 } })
  })
})

describe('loadSeries', () => {
  it('[LT5] bins add up to the run, its tail aside', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: -2500, max: 9999 }), fc.boolean()), { maxLength: 60 }), (list) => {
        const records = list.map(([atMs, ok], i) => recordOf(i, atMs, ok ? {} : { ...failed, usage: null }))
        const { fromMs, binMs, bins } = loadSeries(records, 2500, 10_000)
        const width = (i: number) => (Math.min(10_000, fromMs + (i + 1) * binMs) - Math.max(-2500, fromMs + i * binMs)) / 1000
        const total = (of: (bin: (typeof bins)[number]) => number) => bins.reduce((sum, bin, i) => sum + of(bin) * width(i), 0)
        const inRun = (ms: number) => ms < 10_000
        expect(total((bin) => bin.duePerS)).toBeCloseTo(records.length)
        expect(total((bin) => bin.outputTokensPerS)).toBeCloseTo(records.flatMap(({ pieceMs }) => pieceMs.filter(inRun)).length)
        expect(total((bin) => bin.answeredPerS)).toBeCloseTo(records.filter(({ outcome, endMs }) => outcome.kind === 'ok' && inRun(endMs!)).length)
      }),
    )
  })

  it('[LT5] a bin without answers has no latency', () => {
    const { bins } = loadSeries([recordOf(0, 0)], 0, 2000)
    expect(bins[0]).toMatchObject({ ttftMs: { p50: 20, p90: 20, p99: 20 }, tpotMs: { p50: 35 } })
    expect(bins.at(-1)).toEqual({ duePerS: 0, answeredPerS: 0, failedPerS: 0, outputTokensPerS: 0, ttftMs: null, tpotMs: null })
  })
})

describe('compareOutputs', () => {
  const kept = (index: number, tokenIds: number[] | null, text = 'x') => recordOf(index, 0, { output: { text, tokenIds } })

  it('[LT3] finds the first token that differs, texts where there are no ids, and what one run lacks', () => {
    const a = [kept(0, [1, 2, 3]), kept(1, [1, 2]), kept(2, null, 'abc'), kept(3, [1]), recordOf(4, 0, failed)]
    const b = [kept(2, [7], 'abX'), kept(1, [1, 2, 3]), kept(0, [1, 2, 3]), kept(4, [1])]
    expect(compareOutputs(a, b)).toEqual({
      compared: 3,
      altered: [
        { index: 1, at: 2 },
        { index: 2, at: 2 },
      ],
      missing: [3, 4],
    })
  })

  it('[LT3] refuses runs of different requests', () => {
    expect(() => compareOutputs([kept(0, [1])], [{ ...kept(0, [1]), request: { ...recordOf(0, 0).request, seed: 9 } }])).toThrow(/request 0 was not the same/)
  })
})
