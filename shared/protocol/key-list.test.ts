import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatKeyList, NO_LIMITS, parseKeyLimits, parseKeyList } from './key-list.ts'
import type { KeyEntry, KeyLimits } from './key-list.ts'
import { LIMITS } from './limits.ts'

const HASH = 'a'.repeat(64)
const OTHER = 'b'.repeat(64)

const arbLimit = fc.option(fc.integer({ min: 1, max: LIMITS.keyLimitMax }))
const arbLimits: fc.Arbitrary<KeyLimits> = fc.record({ requestsPerMin: arbLimit, tokensPerMin: arbLimit, concurrent: arbLimit, maxTokens: arbLimit })
const arbEntry: fc.Arbitrary<KeyEntry> = fc.record({
  name: fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/),
  sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
  limits: arbLimits,
})
const arbList = fc.uniqueArray(arbEntry, { maxLength: 20, selector: ({ name }) => name })

describe('parseKeyList', () => {
  it('[KY1] reads back what formatKeyList writes', () => {
    fc.assert(fc.property(arbList, (entries) => void expect(parseKeyList(formatKeyList(entries))).toEqual({ ok: true, value: entries })))
  })

  it('[KY1] takes any white space between entries, and an empty list', () => {
    expect(parseKeyList(` \n${'\t'}`)).toEqual({ ok: true, value: [] })
    const value = [
      { name: 'a', sha256: HASH, limits: NO_LIMITS },
      { name: 'b', sha256: OTHER, limits: { ...NO_LIMITS, requestsPerMin: 5, maxTokens: 9 } },
    ]
    expect(parseKeyList(`a:${HASH}  b:${OTHER}:max_tokens=9,rpm=5\r\n`)).toEqual({ ok: true, value })
  })

  const wrong: [list: string, says: string][] = [
    [`A:${HASH}`, 'entry 1 has no name'],
    [`:${HASH}`, 'entry 1 has no name'],
    [`${'n'.repeat(65)}:${HASH}`, 'entry 1 has no name'],
    ['a', 'entry 1 has no sha256'],
    [`a:${HASH.slice(1)}`, 'entry 1 has no sha256'],
    [`a:${HASH.toUpperCase()}`, 'entry 1 has no sha256'],
    [`a:${HASH} b:${HASH}`, 'entry 2 has the sha256 of another'],
    [`a:${HASH} a:${OTHER}`, 'entry 2 has the name of another'],
    [`a:${HASH}:rpm=1:x`, 'entry 1 has more than'],
    [`a:${HASH}:rpm=1,rpm=2`, 'entry 1 has rpm twice'],
    [`a:${HASH}:rpm=0`, 'entry 1 has a rpm that is not from 1'],
    [`a:${HASH}:rpm=1000000001`, 'entry 1 has a rpm that is not from 1'],
    [`a:${HASH}:rps=1`, 'entry 1 has a limit that is none of'],
    [`a:${HASH}:rpm=1.5`, 'entry 1 has a limit that is none of'],
    [`a:${HASH}:toString=1`, 'entry 1 has a limit that is none of'],
    [`a:${HASH}:rpm=1,`, 'entry 1 has a limit that is none of'],
    [' '.repeat(LIMITS.keyListBytesMax + 1), 'the list has more than'],
  ]
  for (const [list, says] of wrong) {
    it(`[KY1] refuses ${JSON.stringify(list.slice(0, 80))}`, () => {
      expect(parseKeyList(list)).toEqual({ ok: false, error: expect.stringContaining(says) })
    })
  }

  it('[KY1] never throws, and says nothing of what the list contains', () => {
    const arbText = fc.oneof(fc.string(), fc.stringMatching(/^([a-c]:[0-9a-f]{60,64}(:[a-z=,0-9]*)? ?)*$/))
    fc.assert(
      fc.property(arbText, (text) => {
        const parsed = parseKeyList(`secretname:${text}`)
        if (!parsed.ok) expect(parsed.error).not.toMatch(/secretname|[0-9a-f]{32}/)
      }),
    )
  })

  it('[KY1] reads limits alone, none from an empty text', () => {
    expect(parseKeyLimits('')).toEqual({ ok: true, value: NO_LIMITS })
    expect(parseKeyLimits('tpm=1000,concurrent=2')).toEqual({ ok: true, value: { ...NO_LIMITS, tokensPerMin: 1000, concurrent: 2 } })
  })
})
