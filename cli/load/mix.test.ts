import fc from 'fast-check'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BUILT_IN_DOMAINS } from './built-in-domains.ts'
import { BUILT_IN_MIXES } from './built-in-mixes.ts'
import { planRequest } from './load-plan.ts'
import { Mix, phaseAt, resolveMix } from './mix.ts'
import { composePrompt } from './prompts.ts'
import { parsePromptLines, readMix } from './read-mix.ts'

const LENGTHS = { maxTokens: 32, maxPromptTokens: 100, promptTokens: null }
const at = (atMs: number) => ({ atMs, promptTokens: null, outputTokens: null })

it('[LT3] every built-in mix is valid, and its domains are there', () => {
  for (const mix of BUILT_IN_MIXES.values()) expect(resolveMix(Mix.parse(mix), 60_000, new Map()).phases.length).toBeGreaterThan(0)
})

it('[LT3] a request is a pure function of seed, index and time: other requests do not move it', () => {
  const mix = resolveMix(BUILT_IN_MIXES.get('even')!, 60_000, new Map())
  fc.assert(
    fc.property(fc.nat(), fc.nat(100_000), fc.integer({ min: -5000, max: 60_000 }), (seed, index, atMs) => {
      expect(planRequest(mix, LENGTHS, seed, index, at(atMs))).toEqual(planRequest(mix, LENGTHS, seed, index, at(atMs)))
    }),
  )
  const texts = new Set(Array.from({ length: 200 }, (_, i) => planRequest(mix, LENGTHS, 1, i, at(0)).prompt))
  expect(texts.size).toBeGreaterThan(120) // few fragments, many prompts
})

it('[LT3] the mix shifts at its time, in the shares of its weights', () => {
  const mix = resolveMix(BUILT_IN_MIXES.get('shift')!, 10_000, new Map())
  const shareOf = (domain: string, atMs: number) =>
    Array.from({ length: 2000 }, (_, i) => planRequest(mix, LENGTHS, 3, i, at(atMs)).domain).filter((name) => name === domain).length / 2000
  expect([shareOf('story', -1000), shareOf('story', 4999)]).toEqual([1, 1])
  expect(shareOf('german', 5000)).toBeGreaterThan(0.87)
  expect(shareOf('german', 5000)).toBeLessThan(0.93)
  expect([phaseAt(mix, -1), phaseAt(mix, 4999.9), phaseAt(mix, 5000), phaseAt(mix, 1e9)]).toEqual([0, 0, 1, 1])
})

it('[LT3] lengths come from the trace, within the limits', () => {
  const mix = resolveMix(BUILT_IN_MIXES.get('story')!, 10_000, new Map())
  const short = planRequest(mix, LENGTHS, 1, 0, { atMs: 0, promptTokens: 20, outputTokens: 5 })
  const long = planRequest(mix, LENGTHS, 1, 0, { atMs: 0, promptTokens: 4000, outputTokens: 900 })
  expect([short.maxTokens, long.maxTokens]).toEqual([5, 32])
  expect(short.prompt.length).toBeLessThanOrEqual(80)
  expect(short.prompt.length).toBeGreaterThan(60)
  expect(long.prompt.length).toBeLessThanOrEqual(400)
  expect(long.prompt.length).toBeGreaterThan(380)
})

it('[LT3] a prompt is well-formed text of at least one character, however short it is cut', () => {
  const domain = { prompts: ['𝄞𝄞𝄞𝄞𝄞𝄞', 'ein Wort', ...BUILT_IN_DOMAINS['german']!.prompts] }
  fc.assert(
    fc.property(fc.nat(), fc.nat(1000), fc.integer({ min: 1, max: 300 }), (seed, index, tokens) => {
      const prompt = composePrompt(domain, seed, index, tokens)
      expect(prompt.isWellFormed() && prompt.length > 0 && prompt.length <= 4 * tokens).toBe(true)
    }),
  )
})

describe('a mix file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isomoe-mix-'))
  const file = (content: unknown) => {
    const path = join(folder, 'mix.json')
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }

  it('[LT3] brings domains of its own, phases by second or share', async () => {
    const mix = await readMix(
      file({
        name: 'mine',
        domains: { poem: { prompts: ['Roses are'] } },
        phases: [
          { fromS: 0, weights: { poem: 1 } },
          { fromShare: 0.25, weights: { poem: 1, story: 3 } },
        ],
      }),
    )
    expect(resolveMix(mix, 8000, new Map()).phases).toEqual([
      { fromMs: 0, shares: [{ domain: 'poem', upTo: 1 }] },
      {
        fromMs: 2000,
        shares: [
          { domain: 'poem', upTo: 0.25 },
          { domain: 'story', upTo: 1 },
        ],
      },
    ])
  })

  it.each([
    ['{', /is not JSON/],
    [{ name: 'x', phases: [] }, /phases/],
    [{ name: 'x', phases: [{ fromS: 0, weights: {} }] }, /must have a weight above 0/],
    [{ name: 'x', phases: [{ fromS: -1, weights: { story: 1 } }] }, /phases/],
    [{ name: 'x', phases: [{ fromS: 0, weights: { story: 1 } }], colour: 1 }, /colour/],
    [{ name: 'x', domains: { poem: { prompts: [] } }, phases: [{ fromS: 0, weights: { poem: 1 } }] }, /domains/],
  ])('[LT3] %j is refused', async (content, message) => {
    await expect(readMix(file(content))).rejects.toThrow(message)
  })

  it('[LT3] unknown domains, phases that do not ascend or do not begin at 0 are refused', () => {
    const phases =
      (...list: Mix['phases']) =>
      () =>
        resolveMix({ name: 'x', phases: list }, 1000, new Map())
    expect(phases({ fromS: 0, weights: { klingon: 1 } })).toThrow(/no prompts of klingon/)
    expect(phases({ fromS: 1, weights: { story: 1 } })).toThrow(/must begin at 0/)
    expect(phases({ fromS: 0, weights: { story: 1 } }, { fromShare: 0, weights: { story: 1 } })).toThrow(/must begin after/)
  })

  it('[LT3] a name that is neither file nor mix says which mixes there are', async () => {
    await expect(readMix(join(folder, 'nothing'))).rejects.toThrow(/neither a file nor a built-in mix \(even, shift/)
  })

  it('[LT3] prompt lines replace a domain, bad ones are named by line', () => {
    const brought = parsePromptLines('{"domain":"story","text":"A"}\n\n{"domain":"story","text":"B"}\n', 'p')
    expect(brought.get('story')).toEqual({ prompts: ['A', 'B'] })
    expect(resolveMix(BUILT_IN_MIXES.get('story')!, 1, brought).domains.get('story')).toEqual({ prompts: ['A', 'B'] })
    expect(() => parsePromptLines('{"domain":"story","text":"A"}\n{"domain":1}', 'p')).toThrow(/p line 2/)
  })
})
