import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { philox4x32, uniform } from './random.ts'

const uint32 = fc.integer({ min: 0, max: 0xffffffff })

describe('philox4x32', () => {
  // The three known answers that the authors' Random123 library ships for philox4x32-10.
  const KNOWN = [
    { counter: [0, 0, 0, 0], key: [0, 0], answer: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
    { counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], key: [0xffffffff, 0xffffffff], answer: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd] },
    { counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], key: [0xa4093822, 0x299f31d0], answer: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1] },
  ] as const

  it.each(KNOWN)('[NU6] gives the known answer for counter $counter', ({ counter, key, answer }) => {
    expect(philox4x32(counter, key)).toEqual(answer)
  })
})

describe('uniform', () => {
  it('[NU6] is a function of seed, choice and position alone, in [0, 1)', () => {
    fc.assert(
      fc.property(uint32, uint32, uint32, (seed, choice, position) => {
        const u = uniform(seed, choice, position)
        expect(u).toBeGreaterThanOrEqual(0)
        expect(u).toBeLessThan(1)
        expect(uniform(seed, choice, position)).toBe(u)
      }),
    )
  })

  it('[NU6] differs when only the seed, the choice or the position differs', () => {
    const draws = [uniform(7, 0, 5), uniform(8, 0, 5), uniform(7, 1, 5), uniform(7, 0, 6), uniform(0, 7, 5), uniform(5, 0, 7)]
    expect(new Set(draws).size).toBe(draws.length)
  })

  it.each([
    ['positions', (n: number) => uniform(42, 0, n)],
    ['choices', (n: number) => uniform(42, n, 9)],
    ['seeds', (n: number) => uniform(n, 0, 9)],
  ])('[NU6] fills 64 bins evenly over %s', (_, draw) => {
    const bins = Array.from({ length: 64 }, () => 0)
    const draws = 64_000
    for (let n = 0; n < draws; n++) bins[Math.floor(draw(n) * 64)]! += 1
    // Pearson's statistic has mean 63 and standard deviation sqrt(2 · 63); six of them above it is beyond chance.
    const statistic = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
    expect(statistic).toBeLessThan(63 + 6 * Math.sqrt(126))
  })
})
