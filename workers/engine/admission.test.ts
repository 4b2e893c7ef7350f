import { expect, it } from 'vitest'
import type { GenerateRequest } from '../../shared/protocol/engine-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { excessSequences } from './admission.ts'

const request = (prompts: number, length: number, n: number): GenerateRequest => ({
  requestId: 'r',
  prompts: Array.from({ length: prompts }, () => Array<number>(length).fill(5)),
  n,
  maxTokens: null,
  sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 0 },
  adjustments: null,
  grammar: null,
  stopTokens: [],
  logprobs: null,
  echo: false,
})

it('[SC5] the queue is bounded in sequences', () => {
  expect(excessSequences(request(2, 1, 3), { sequences: LIMITS.waitingMax - 6, tokens: 100 })).toBe(0)
  expect(excessSequences(request(2, 1, 3), { sequences: LIMITS.waitingMax - 4, tokens: 100 })).toBe(2)
})

it('[SC5] and in tokens, those of a prompt counted once for all its choices; alone a request always fits', () => {
  const long = request(2, 1000, 4)
  expect(excessSequences(long, { sequences: 1, tokens: LIMITS.waitingTokensMax - 2000 })).toBe(0)
  expect(excessSequences(long, { sequences: 1, tokens: LIMITS.waitingTokensMax - 1999 })).toBe(8)
  expect(excessSequences(request(8, LIMITS.waitingTokensMax / 4, 1), { sequences: 0, tokens: 0 })).toBe(0)
})
