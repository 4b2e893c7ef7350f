import { expect, it } from 'vitest'
import { chooseSource, NO_MEANS, recordCopy } from './choose-source.ts'

it('[EL5] takes storage first, a peer once, then what moves more bytes a millisecond', () => {
  expect(chooseSource(NO_MEANS, 'auto', true)).toBe('storage')
  const storage = recordCopy(NO_MEANS, 'storage', 1000, 10)
  expect(chooseSource(storage, 'auto', true)).toBe('peer')
  expect(chooseSource(recordCopy(storage, 'peer', 1000, 11), 'auto', true)).toBe('storage')
  expect(chooseSource(recordCopy(storage, 'peer', 1000, 9), 'auto', true)).toBe('peer')
})

it('[EL5] takes what the policy says where a peer has it, else storage', () => {
  const fastPeer = recordCopy(recordCopy(NO_MEANS, 'storage', 1, 1), 'peer', 100, 1)
  expect(chooseSource(fastPeer, 'storage', true)).toBe('storage')
  expect(chooseSource(NO_MEANS, 'peer', true)).toBe('peer')
  expect(chooseSource(fastPeer, 'peer', false)).toBe('storage')
})

it('[EL5] newer copies count more, and one that moved nothing says nothing', () => {
  let means = recordCopy(recordCopy(NO_MEANS, 'storage', 1000, 10), 'peer', 1000, 1)
  expect(recordCopy(means, 'peer', 0, 5000)).toBe(means)
  for (let i = 0; i < 5; i++) means = recordCopy(means, 'peer', 1000, 40)
  expect(chooseSource(means, 'auto', true)).toBe('storage')
})

it('[EL5] one stall does not rule a source out for good', () => {
  let means = recordCopy(recordCopy(NO_MEANS, 'storage', 1000, 10), 'peer', 1000, 60_000)
  const chosen = Array.from({ length: 40 }, () => {
    const source = chooseSource(means, 'auto', true)
    means = recordCopy(means, source, 1000, source === 'peer' ? 1 : 10)
    return source
  })
  expect(chosen.indexOf('peer')).toBe(16)
  expect(chosen.slice(-5)).toEqual(['peer', 'peer', 'peer', 'peer', 'peer'])
})
