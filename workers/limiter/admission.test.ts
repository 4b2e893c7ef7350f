import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { RateLimits } from '../../shared/protocol/limiter-api.ts'
import { admit, FRESH_STATE, renew, settle } from './admission.ts'
import type { LimiterState } from './admission.ts'

const NONE: RateLimits = { requestsPerMin: null, tokensPerMin: null, concurrent: null }
const NOW = 1_800_000_000_000

/** One key with a clock that the test moves. */
function key(limits: Partial<RateLimits>) {
  const own = { ...NONE, ...limits }
  let state: LimiterState = FRESH_STATE
  let leases = 0
  const at = { nowMs: NOW }
  return {
    at,
    state: () => state,
    ask(tokens = 0, lease: string | null = `r${leases++}`) {
      const step = admit(state, at.nowMs, own, { lease, tokens })
      state = step.state
      return { ...step.admission, lease: lease ?? '' }
    },
    renew: (lease: string) => void (state = renew(state, at.nowMs, lease)),
    settle: (lease: string, used: number) => void (state = settle(state, at.nowMs, own, lease, used)),
  }
}

describe('requests a minute', () => {
  it('[KY4] of 64 that come at once a limit of 10 admits 10, and one more each six seconds', () => {
    const one = key({ requestsPerMin: 10 })
    const kinds = Array.from({ length: 64 }, () => one.ask(0, null).kind)
    expect(kinds.filter((kind) => kind === 'admitted')).toHaveLength(10)
    one.at.nowMs += 5999
    expect(one.ask(0, null)).toMatchObject({ kind: 'refused', by: 'requests', retryAfterMs: 1 })
    one.at.nowMs += 1
    expect(one.ask(0, null)).toMatchObject({ kind: 'admitted', levels: { requests: { limit: 10, remaining: 0, resetMs: 60_000 }, tokens: null } })
    expect(one.ask(0, null)).toMatchObject({ kind: 'refused', retryAfterMs: 6000 })
  })

  it('[KY4] a limit that does not divide a minute gives nothing a part of a millisecond early', () => {
    const one = key({ requestsPerMin: 7 })
    for (let i = 0; i < 7; i++) one.ask(0, null)
    one.at.nowMs += 8571 // a seventh of a minute is 8,571.43 ms
    expect(one.ask(0, null)).toMatchObject({ kind: 'refused', retryAfterMs: 1 })
    one.at.nowMs += 1
    expect(one.ask(0, null).kind).toBe('admitted')
  })

  it('[KY4] a refused request counts as nothing', () => {
    const one = key({ requestsPerMin: 1 })
    one.ask()
    for (let i = 0; i < 100; i++) expect(one.ask()).toMatchObject({ kind: 'refused', retryAfterMs: 60_000 })
  })

  it('[KY4] in no span of time are there more than the limit and what flows back in it', () => {
    const arbGaps = fc.array(fc.nat({ max: 20_000 }), { maxLength: 60 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), arbGaps, (limit, gaps) => {
        const one = key({ requestsPerMin: limit })
        const admittedMs: number[] = []
        for (const gap of gaps) {
          one.at.nowMs += gap
          if (one.ask(0, null).kind === 'admitted') admittedMs.push(one.at.nowMs)
        }
        for (const [from, fromMs] of admittedMs.entries()) {
          for (const [to, toMs] of admittedMs.entries()) if (to >= from) expect(to - from + 1).toBeLessThanOrEqual(limit + ((toMs - fromMs) * limit) / 60_000)
        }
      }),
    )
  })

  it('[KY4] the time that it names is true to the millisecond', () => {
    const arbAsks = fc.array(fc.record({ gapMs: fc.nat({ max: 9000 }), tokens: fc.nat({ max: 50 }) }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 50, max: 997 }), arbAsks, (requestsPerMin, tokensPerMin, asks) => {
        const one = key({ requestsPerMin, tokensPerMin })
        for (const { gapMs, tokens } of asks) {
          one.at.nowMs += gapMs
          const answer = one.ask(tokens)
          if (answer.kind === 'admitted') one.settle(answer.lease, tokens)
          if (answer.kind !== 'refused') continue
          one.at.nowMs += answer.retryAfterMs - 1
          expect(one.ask(tokens)).toMatchObject({ kind: 'refused', retryAfterMs: 1 })
          one.at.nowMs += 1
          const again = one.ask(tokens)
          expect(again.kind).toBe('admitted')
          one.settle(again.lease, tokens)
        }
      }),
    )
  })

  it('[KY4] a clock that goes back gives nothing back', () => {
    const one = key({ requestsPerMin: 2 })
    one.ask()
    one.ask()
    one.at.nowMs -= 3_600_000
    expect(one.ask().kind).toBe('refused')
    one.at.nowMs += 3_600_000 + 29_999
    expect(one.ask().kind).toBe('refused')
    one.at.nowMs += 1
    expect(one.ask().kind).toBe('admitted')
  })
})

describe('tokens a minute', () => {
  it('[KY5] what is reserved is held, and what was not used is free when the request is over', () => {
    const one = key({ tokensPerMin: 1000 })
    const first = one.ask(900)
    expect(first).toMatchObject({ kind: 'admitted', levels: { requests: null, tokens: { limit: 1000, remaining: 100 } } })
    expect(one.ask(101)).toMatchObject({ kind: 'refused', by: 'tokens', retryAfterMs: 60 })
    one.settle(first.lease, 300)
    expect(one.ask(700)).toMatchObject({ kind: 'admitted', levels: { tokens: { remaining: 0, resetMs: 60_000 } } })
  })

  it('[KY5] nothing of a reservation flows back while its request may still use it', () => {
    const one = key({ tokensPerMin: 1000 })
    const slow = one.ask(1000)
    for (let minute = 0; minute < 10; minute++) {
      one.at.nowMs += 60_000
      one.renew(slow.lease)
      expect(one.ask(1).kind).toBe('refused')
    }
    one.settle(slow.lease, 1000)
    expect(one.ask(1)).toMatchObject({ kind: 'refused', retryAfterMs: 60 })
  })

  it('[KY5] more than a whole minute has is too large, and no wait is named', () => {
    expect(key({ tokensPerMin: 1000 }).ask(1001)).toMatchObject({ kind: 'too-large', tokensPerMin: 1000 })
  })

  it('[KY5] in no span of time are more used than the limit and what flows back in it', () => {
    const arbStep = fc.record({ gapMs: fc.nat({ max: 30_000 }), tokens: fc.integer({ min: 1, max: 100 }), share: fc.double({ min: 0, max: 1, noNaN: true }) })
    const arbRun = fc.array(fc.tuple(arbStep, fc.boolean()), { maxLength: 50 })
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 300 }), arbRun, (limit, steps) => {
        const one = key({ tokensPerMin: limit })
        const open: { lease: string; used: number }[] = []
        const uses: { atMs: number; used: number }[] = []
        for (const [{ gapMs, tokens, share }, ends] of steps) {
          one.at.nowMs += gapMs
          for (const { lease } of open) one.renew(lease)
          if (ends && open.length > 0) {
            const { lease, used } = open.shift()!
            one.settle(lease, used)
            uses.push({ atMs: one.at.nowMs, used })
          } else {
            const answer = one.ask(tokens)
            if (answer.kind === 'admitted') open.push({ lease: answer.lease, used: Math.floor(tokens * share) })
          }
        }
        for (let from = 0; from < uses.length; from++) {
          let used = 0
          for (const use of uses.slice(from)) {
            used += use.used
            expect(used).toBeLessThanOrEqual(limit + ((use.atMs - uses[from]!.atMs) * limit) / 60_000)
          }
        }
      }),
    )
  })
})

describe('requests under way', () => {
  it('[KY6] of 64 at once a limit of 3 admits 3; each that ends makes room for one', () => {
    const one = key({ concurrent: 3 })
    const answers = Array.from({ length: 64 }, () => one.ask())
    const admitted = answers.filter(({ kind }) => kind === 'admitted')
    expect(admitted).toHaveLength(3)
    expect(answers.at(-1)).toMatchObject({ kind: 'refused', by: 'concurrent', retryAfterMs: 1000 })
    one.settle(admitted[1]!.lease, 0)
    one.settle(admitted[1]!.lease, 0)
    expect([one.ask().kind, one.ask().kind]).toEqual(['admitted', 'refused'])
  })

  it('[KY6] a request of which nothing is heard gives its slot back, and counts as used up; one that is renewed keeps it', () => {
    const one = key({ concurrent: 2, tokensPerMin: 1000 })
    const heard = one.ask(300)
    one.ask(500)
    one.at.nowMs += LIMITS.leaseMs - 1
    expect(one.ask(0).kind).toBe('refused')
    one.renew(heard.lease)
    one.at.nowMs += 1
    expect(one.ask(201)).toMatchObject({ kind: 'refused', by: 'tokens' })
    expect(one.ask(200).kind).toBe('admitted')
    expect(one.state().leases.map(({ id }) => id)).toEqual([heard.lease, expect.any(String)])
  })

  it('[KY6] a request that is over is not brought back', () => {
    const one = key({ concurrent: 1 })
    const first = one.ask()
    one.settle(first.lease, 0)
    one.renew(first.lease)
    expect(one.state().leases).toEqual([])
  })

  it('[KY6] the same lease again is the same admission', () => {
    const one = key({ concurrent: 1, requestsPerMin: 5, tokensPerMin: 100 })
    const first = one.ask(60, 'same')
    expect(one.ask(60, 'same')).toEqual(first)
    expect(one.state().leases).toHaveLength(1)
  })

  it('[KY6] a key without a limit of its own has as many leases as are kept at most', () => {
    const one = key({ requestsPerMin: 1e9 })
    const kinds = Array.from({ length: LIMITS.keyLeasesMax + 1 }, () => one.ask().kind)
    expect(kinds.filter((kind) => kind === 'admitted')).toHaveLength(LIMITS.keyLeasesMax)
  })
})

it('[KY4] a refused request changes nothing that would have to be written', () => {
  const one = key({ requestsPerMin: 1, concurrent: 1 })
  one.ask()
  const before = one.state()
  one.at.nowMs += 10
  one.ask()
  expect(one.state()).toBe(before)
})
